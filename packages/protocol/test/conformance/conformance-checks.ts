import { damagedResponseChecks, refusalChecks } from './bad-ohttp-checks.ts';
import { bhttpChecks } from './bhttp-checks.ts';
import type { Check } from './check.ts';
import { ehbpChecks } from './ehbp-checks.ts';
import { hpkeChecks } from './hpke-checks.ts';
import { type Capture, captureChecks, pythonEnvelopeChecks } from './nomyo-checks.ts';
import { type OhttpExample, ohttpChecks } from './ohttp-checks.ts';
import { transcriptChecks } from './ohttp-transcript-checks.ts';
import type { Subject } from './subject.ts';
import type { OhttpAppendix, OwnOhttpVectors, SharedVectors, Vectors } from './vectors.ts';
import { xWingChecks } from './x-wing-checks.ts';

/** Every check that the data at hand allows. Needs nothing of the runtime but what the package itself needs. */
export function conformanceChecks(subject: Subject, { own, shared }: Vectors): readonly Check[] {
  return [...ownChecks(subject, own), ...(shared === null ? [] : sharedChecks(subject, shared))];
}

function ownChecks(subject: Subject, { cases, refused }: OwnOhttpVectors): readonly Check[] {
  const examples = cases.map((one) => ({
    ...one,
    request: one.request.join(''),
    response: one.response.join(''),
    requestLine: ['POST', '/v1/chat/completions'] as const,
  }));
  return [
    ...examples.flatMap((example) => ohttpChecks(subject, example)),
    ...refusalChecks(subject, refused, examples),
    ...examples.filter(isDamaged).flatMap((example) => damagedResponseChecks(subject, example)),
  ];
}

/** One exchange of each KEM is enough: how a response is framed does not depend on its suite. */
function isDamaged({ name }: OhttpExample): boolean {
  return name === 'x25519 aes-256-gcm chunked' || name === 'mlkem768-x25519 chacha20-poly1305 chunked';
}

function sharedChecks(subject: Subject, shared: SharedVectors): readonly Check[] {
  const files: readonly (readonly [string, object])[] = Object.entries<object>({ ...shared });
  const captures = files.filter((file): file is readonly [string, Capture] => isCapture(file[1]));
  const whole = exampleOf('RFC 9458 Appendix A', 'whole', shared['ohttp/rfc9458-appendix-a.json']);
  const chunked = exampleOf('chunked OHTTP Appendix A', 'chunked', shared['ohttp/chunked-ohttp-appendix-a.json']);
  return [
    ...hpkeChecks(subject, 'RFC 9180 Appendix A', shared['hpke/rfc9180-appendix-a.json'], 2),
    ...hpkeChecks(subject, 'draft-ietf-hpke-pq', shared['hpke/hpke-pq.json'], 2),
    ...xWingChecks(subject, shared['xwing/draft-connolly-xwing.json']),
    ...bhttpChecks(subject, shared['bhttp/rfc9292-examples.json']),
    ...ohttpChecks(subject, whole),
    ...ohttpChecks(subject, chunked),
    ...transcriptChecks(subject, shared['ohttp/independent-transcripts.json']),
    ...ehbpChecks(subject, shared['ehbp/response-decryption.json']),
    ...captures.flatMap(([name, capture]) => captureChecks(subject, name, capture, shared['nomyo/keys.json'])),
    ...pythonEnvelopeChecks(subject, shared['nomyo/python-envelopes.json']),
  ];
}

function isCapture(value: object): value is Capture {
  return 'decrypted' in value;
}

function exampleOf(name: string, form: OhttpExample['form'], { vector }: OhttpAppendix): OhttpExample {
  return {
    name,
    form,
    keyConfig: vector.keyConfig,
    privateKey: vector.skR,
    request: vector.encapsulatedRequest,
    response: vector.encapsulatedResponse,
    requestPieces: cut(vector.request, vector.requestPlaintextLengths),
    responsePieces: cut(vector.response, vector.responsePlaintextLengths),
    // AES-128-GCM in both: max(Nn, Nk) is 16 bytes (RFC 9458 §4.4).
    responseNonce: vector.encapsulatedResponse.slice(0, 32),
    requestLine: ['GET', '/'],
  };
}

/** Cuts hexadecimal text into pieces of so many bytes. */
function cut(message: string, lengths: readonly number[] | undefined): readonly string[] {
  if (lengths === undefined) return [message];
  let offset = 0;
  return lengths.map((length) => {
    const start = offset;
    offset += 2 * length;
    return message.slice(start, offset);
  });
}
