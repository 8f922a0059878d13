import { bytes, type Check, equal, hex, inPieces, SIZES } from './check.ts';
import { codeOf, hpkeProviders, type Subject } from './subject.ts';

/** EHBP's published response. */
export interface EhbpVectors {
  readonly vector: {
    readonly exportedSecret: string;
    readonly requestEnc: string;
    readonly responseNonce: string;
    readonly plaintext: string;
    readonly encryptedResponse: string;
  };
}

/** Checks that a response opens by its recovery token. */
export function ehbpChecks(subject: Subject, { vector }: EhbpVectors): readonly Check[] {
  const { exportedSecret, requestEnc, responseNonce } = vector;
  return hpkeProviders(subject).map(([provider, hpke]) => {
    const open = async (body: Uint8Array, size: number): Promise<string> => {
      const secret = subject.ehbp.parseRecoveryToken(JSON.stringify({ exportedSecret, requestEnc }));
      const frames: string[] = [];
      const onFrame = (frame: Uint8Array) => void frames.push(hex(frame));
      const opener = await subject.ehbp.openEhbpResponse(hpke, secret, responseNonce, onFrame);
      await inPieces(body, size, (piece) => opener.push(piece));
      opener.finish();
      return frames.join('');
    };
    return {
      name: `EHBP, the published response: ${provider} opens it whole and byte by byte, and not with a bit changed`,
      async run() {
        const body = bytes(vector.encryptedResponse);
        for (const size of SIZES) equal(await open(body, size), vector.plaintext, 'the plaintext');
        const changed = body.map((byte, index) => (index === body.length - 1 ? byte ^ 1 : byte));
        equal(await codeOf(subject, () => open(changed, 1)), 'decryption_failed', 'the code');
      },
    };
  });
}
