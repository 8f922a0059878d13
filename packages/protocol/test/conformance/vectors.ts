import type { Refusal } from './bad-ohttp-checks.ts';
import type { BhttpVectors } from './bhttp-checks.ts';
import type { EhbpVectors } from './ehbp-checks.ts';
import type { HpkeVectors } from './hpke-checks.ts';
import type { Capture, CapturedKeys, PythonEnvelopes } from './nomyo-checks.ts';
import type { OhttpExample } from './ohttp-checks.ts';
import type { Transcripts } from './ohttp-transcript-checks.ts';
import type { XWingVectors } from './x-wing-checks.ts';

/** An example of RFC 9458 Appendix A, or of the same appendix of chunked OHTTP. */
export interface OhttpAppendix {
  readonly vector: {
    readonly skR: string;
    readonly keyConfig: string;
    readonly request: string;
    readonly encapsulatedRequest: string;
    readonly response: string;
    readonly encapsulatedResponse: string;
    /** Lengths of the chunks, in bytes; not there where there is one. */
    readonly requestPlaintextLengths?: readonly number[];
    readonly responsePlaintextLengths?: readonly number[];
  };
}

/** The project's own vectors. A body is listed in parts: the preface, then its chunks. */
export interface OwnOhttpVectors {
  readonly cases: readonly (Omit<OhttpExample, 'request' | 'response' | 'requestLine'> & {
    readonly request: readonly string[];
    readonly response: readonly string[];
  })[];
  readonly refused: readonly Refusal[];
}

/** Published vectors by their path, in a folder beside the checkout. */
export interface SharedVectors {
  readonly 'bhttp/rfc9292-examples.json': BhttpVectors;
  readonly 'ehbp/response-decryption.json': EhbpVectors;
  readonly 'hpke/hpke-pq.json': HpkeVectors;
  readonly 'hpke/rfc9180-appendix-a.json': HpkeVectors;
  readonly 'nomyo/js-1-chat.json': Capture;
  readonly 'nomyo/js-2-tools.json': Capture;
  readonly 'nomyo/js-3-browser.json': Capture;
  readonly 'nomyo/keys.json': CapturedKeys;
  readonly 'nomyo/python-1-chat.json': Capture;
  readonly 'nomyo/python-2-tools-tier.json': Capture;
  readonly 'nomyo/python-3-ephemeral-noauth.json': Capture;
  readonly 'nomyo/python-4-loaded-key.json': Capture;
  readonly 'nomyo/python-envelopes.json': PythonEnvelopes;
  readonly 'ohttp/chunked-ohttp-appendix-a.json': OhttpAppendix;
  readonly 'ohttp/independent-transcripts.json': Transcripts;
  readonly 'ohttp/rfc9458-appendix-a.json': OhttpAppendix;
  readonly 'xwing/draft-connolly-xwing.json': XWingVectors;
}

/** All the data that checks are made of: JSON, so that it can be handed to a browser. */
export interface Vectors {
  readonly own: OwnOhttpVectors;
  readonly shared: SharedVectors | null;
}
