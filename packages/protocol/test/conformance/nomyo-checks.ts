import { type Check, ensure, equal, text } from './check.ts';
import { cryptoProviders, type Subject } from './subject.ts';

/** The keys that the captures were made with. */
export interface CapturedKeys {
  readonly server: { readonly privateKeyPem: string };
  readonly pythonClient: { readonly privateKeyPem: string };
  readonly jsClient: { readonly privateKeyPem: string };
}

/** One exchange of one of NOMYO's own clients with a stub router, as it was on the wire. */
export interface Capture {
  readonly clientKey: 'pythonClient' | 'jsClient' | null;
  readonly request: { readonly rawHeaders: readonly string[]; readonly bodyText: string };
  readonly decrypted: {
    readonly style: 'separate-tag' | 'tag-appended';
    readonly aesKeyBase64: string;
    readonly plaintextText: string;
  };
  readonly clientPublicKeyPem: string;
  readonly response: { readonly bodyText: string; readonly plaintextText: string };
}

/** Envelopes that NOMYO's Python client made, and one that it opened. */
export interface PythonEnvelopes {
  readonly serverPrivateKeyPem: string;
  readonly clientPrivateKeyPem: string;
  readonly clientPublicKeyPem: string;
  readonly xPublicKeyHeader: string;
  readonly requests: readonly { readonly name: string; readonly plaintextUtf8: string; readonly envelope: object }[];
  readonly response: { readonly plaintext: object; readonly envelope: object };
}

const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Checks one capture. */
export function captureChecks(subject: Subject, name: string, capture: Capture, keys: CapturedKeys): readonly Check[] {
  const { nomyoV1 } = subject;
  const { clientKey: owner, decrypted } = capture;
  return cryptoProviders(subject).flatMap(([provider, crypto]) => {
    const check = (what: string, run: () => Promise<void>): Check => ({
      name: `NOMYO's capture ${name}, ${provider}: ${what}`,
      run,
    });
    const opens = check("the request opens with the server's key", async () => {
      const serverKey = await nomyoV1.importPrivateKeyPem(crypto, keys.server.privateKeyPem);
      const { envelope } = await nomyoV1.receiveRequest(crypto, serverKey, utf8(capture.request.bodyText));
      const opened = await nomyoV1.openRequest(crypto, serverKey, envelope);
      equal(text(opened.plaintext), decrypted.plaintextText, 'the plaintext');
      equal(crypto.encodeBase64(opened.contentKey), decrypted.aesKeyBase64, 'the content key');
      equal(envelope.tagStyle, decrypted.style === 'tag-appended' ? 'appended' : 'separate', 'the place of the tag');
    });
    const key = check('X-Public-Key is an RSA key we take', async () => {
      const header = headerOf(capture, 'x-public-key');
      const imported = await nomyoV1.importPublicKeyPem(crypto, nomyoV1.decodePublicKeyHeader(header));
      equal(imported.modulusBytes, 512, 'the length of the modulus');
      equal(nomyoV1.exportPublicKeyPem(imported).trim(), capture.clientPublicKeyPem.trim(), 'the key');
    });
    // The others' keys were never kept.
    if (owner === null) return [opens, key];
    const answer = check("the answer opens with the client's key", async () => {
      const clientKey = await nomyoV1.importPrivateKeyPem(crypto, keys[owner].privateKeyPem);
      const opened = await nomyoV1.openResponse(crypto, clientKey, utf8(capture.response.bodyText), null);
      equal(text(opened.plaintext), capture.response.plaintextText, 'the plaintext');
      equal(opened.bound, false, 'whether the answer is bound to the request');
      ensure((opened.processedAt ?? 0) > 1_700_000_000, 'the answer does not say when it was made');
    });
    return [opens, key, answer];
  });
}

/** Checks the envelopes. */
export function pythonEnvelopeChecks(subject: Subject, vectors: PythonEnvelopes): readonly Check[] {
  const { nomyoV1 } = subject;
  return cryptoProviders(subject).flatMap(([provider, crypto]) => [
    ...vectors.requests.map(({ name, envelope, plaintextUtf8 }) => ({
      name: `NOMYO's Python envelopes, ${provider}: the request ${name} opens`,
      async run() {
        const serverKey = await nomyoV1.importPrivateKeyPem(crypto, vectors.serverPrivateKeyPem);
        const received = await nomyoV1.receiveRequest(crypto, serverKey, utf8(JSON.stringify(envelope)));
        const { plaintext } = await nomyoV1.openRequest(crypto, serverKey, received.envelope);
        equal(text(plaintext), plaintextUtf8, 'the plaintext');
      },
    })),
    {
      name: `NOMYO's Python envelopes, ${provider}: the answer opens, and the key in the header is the PEM`,
      async run() {
        const clientKey = await nomyoV1.importPrivateKeyPem(crypto, vectors.clientPrivateKeyPem);
        const body = utf8(JSON.stringify(vectors.response.envelope));
        const { plaintext } = await nomyoV1.openResponse(crypto, clientKey, body, null);
        equal(JSON.parse(text(plaintext)), vectors.response.plaintext, 'the plaintext');
        const pem = nomyoV1.decodePublicKeyHeader(vectors.xPublicKeyHeader);
        equal(pem.trim(), vectors.clientPublicKeyPem.trim(), 'the key');
      },
    },
  ]);
}

/** The header field `name` of a capture's request. */
function headerOf({ request }: Capture, name: string): string {
  const at = request.rawHeaders.findIndex((field, index) => index % 2 === 0 && field.toLowerCase() === name);
  return request.rawHeaders[at + 1] ?? '';
}
