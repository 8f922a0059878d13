import { bytes, type Check, ensure, equal, SIZES } from './check.ts';
import type { OhttpExample } from './ohttp-checks.ts';
import { clientOf, gatewayOf, openChunkedRequest, openChunkedResponse, responseOpenerOf } from './ohttp-exchange.ts';
import { codeOf, hpkeProviders, type NamedAlgorithms, portableAlgorithms, type Subject } from './subject.ts';

/** A body that a receiver must refuse, and how. */
export interface Refusal {
  readonly what: string;
  /** The exchange whose keys it is for. */
  readonly of: string;
  readonly direction: 'request' | 'response';
  readonly body: string;
  readonly code: string;
}

const FAILURES = ['response_truncated', 'decryption_failed'];
/** A length read from changed bytes says the wrong thing before any tag is checked. */
const FRAMING_FAILURES = [...FAILURES, 'chunk_too_large', 'invalid_response'];

/** Checks that each listed body is refused with its code, however it is split. */
export function refusalChecks(
  subject: Subject,
  refusals: readonly Refusal[],
  examples: readonly OhttpExample[],
): readonly Check[] {
  return refusals.flatMap(({ what, of, direction, body, code }) =>
    hpkeProviders(subject).map(([provider, hpke]) => ({
      name: `a ${direction} with ${what}: ${provider} refuses it as ${code}`,
      async run() {
        const example = examples.find(({ name }) => name === of);
        ensure(example !== undefined, 'there is no such exchange');
        for (const size of SIZES) {
          const gateway = await gatewayOf(subject, hpke, example);
          const makeOpener = await responseOpenerOf(subject, hpke, gateway, example);
          const open = () =>
            direction === 'request'
              ? openChunkedRequest(subject, hpke, gateway.findKey, bytes(body), size)
              : openChunkedResponse(makeOpener, bytes(body), size);
          equal(await codeOf(subject, open), code, 'the code');
        }
      },
    })),
  );
}

/** Checks every way to cut a response short, and a changed bit in each of its bytes. */
export function damagedResponseChecks(subject: Subject, example: OhttpExample): readonly Check[] {
  return portableAlgorithms(subject).flatMap((algorithms) => [
    {
      name: `${example.name}: ${algorithms.name} takes no response that was cut short, wherever`,
      async run() {
        const response = bytes(example.response);
        const open = await clientOpening(subject, algorithms, example);
        for (let length = 0; length < response.length; length++) {
          const code = await open(response.subarray(0, length));
          ensure(FAILURES.includes(code), `cut to ${length} bytes the response is: ${code}`);
        }
      },
    },
    {
      name: `${example.name}: ${algorithms.name} takes no response with a bit changed, in whatever byte`,
      async run() {
        const response = bytes(example.response);
        const open = await clientOpening(subject, algorithms, example);
        equal(await open(response), 'accepted', 'the response as it was');
        for (let at = 0; at < response.length; at++) {
          const changed = response.map((byte, index) => (index === at ? byte ^ (1 << (at % 8)) : byte));
          const code = await open(changed);
          ensure(FRAMING_FAILURES.includes(code), `with a bit of byte ${at} changed the response is: ${code}`);
        }
      },
    },
  ]);
}

/** Opens bodies as the client that asked would. @returns what codeOf says */
async function clientOpening(subject: Subject, algorithms: NamedAlgorithms, example: OhttpExample) {
  const { hpke, recipient } = await clientOf(subject, algorithms, example);
  const sealed = await subject.ohttp.sealRequest(hpke, recipient);
  return (body: Uint8Array): Promise<string> =>
    codeOf(subject, () =>
      openChunkedResponse((onChunk) => sealed.openResponse(onChunk), body, Number.POSITIVE_INFINITY),
    );
}
