import { ConfigurationError } from '@sotto/protocol';
import type { Attester } from '../../attester.ts';
import { owned } from '../../digest.ts';
import { SOFTWARE_WARNING, softwareSignedBytes } from '../../software/verify.ts';
import { attestationAborted } from '../attester-error.ts';
import { checkReportData } from '../check-report-data.ts';

const SECOND_OPT_IN = 'SOTTO_ALLOW_SOFTWARE_ATTESTATION';
const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** What is said at every start with software attestation. */
export const SOFTWARE_ATTESTATION_NOTICE =
  `${SOFTWARE_WARNING}: this router attests in software. Its evidence proves nothing: it is for development, and every ` +
  'client refuses it unless told otherwise';

/** Options of {@link softwareAttester}. */
export interface SoftwareOptions {
  /** The first of two consents: evidence is made that proves nothing. */
  readonly allowInsecure: boolean;
  /** Hears {@link SOFTWARE_ATTESTATION_NOTICE} at once: whoever starts the process has to see it. */
  readonly warn: (message: string) => void;
  /** Environment of the second consent; the process's own unless told. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Attests with a key made on the spot, which anybody could have made: for developing against the whole path.
 * @throws ConfigurationError `invalid_config` without `allowInsecure`; with `NODE_ENV=production` also without
 * `SOTTO_ALLOW_SOFTWARE_ATTESTATION=1`
 */
export async function softwareAttester(options: SoftwareOptions): Promise<Attester> {
  const { allowInsecure, warn, environment = process.env } = options;
  // `true` itself: what a configuration gives may be any value.
  if (allowInsecure !== true) throw refused('allow insecure attestation as well, or choose hardware');
  if (environment['NODE_ENV'] === 'production' && environment[SECOND_OPT_IN] !== '1') {
    throw refused(`in production it also needs ${SECOND_OPT_IN}=1`);
  }
  warn(SOFTWARE_ATTESTATION_NOTICE);
  const { publicKey, privateKey } = await crypto.subtle.generateKey(ECDSA_P256, false, ['sign', 'verify']);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
  return {
    type: 'software',
    async attest(reportData, signal) {
      checkReportData(reportData);
      if (signal.aborted) throw attestationAborted();
      const signed = owned(softwareSignedBytes(reportData));
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, signed);
      return { type: 'software', publicKey: spki, signature: new Uint8Array(signature), warning: SOFTWARE_WARNING };
    },
  };
}

function refused(what: string): ConfigurationError {
  return new ConfigurationError(`software attestation proves nothing: ${what}`, { code: 'invalid_config' });
}
