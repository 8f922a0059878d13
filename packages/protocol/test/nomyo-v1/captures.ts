/** The keys that the captures were made with. */
export interface CapturedKeys {
  readonly server: { readonly publicKeyPem: string; readonly privateKeyPem: string };
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

/** The captures, one a file. */
export const CAPTURES = [
  'python-1-chat',
  'python-2-tools-tier',
  'python-3-ephemeral-noauth',
  'python-4-loaded-key',
  'js-1-chat',
  'js-2-tools',
  'js-3-browser',
] as const;

/** Envelopes that NOMYO's Python client made, and one that it opened. */
export interface PythonEnvelopes {
  readonly serverPrivateKeyPem: string;
  readonly clientPrivateKeyPem: string;
  readonly clientPublicKeyPem: string;
  readonly xPublicKeyHeader: string;
  readonly requests: readonly { readonly name: string; readonly plaintextUtf8: string; readonly envelope: object }[];
  readonly response: { readonly plaintext: object; readonly envelope: object };
}

/** The header field `name` of a capture's request. */
export function headerOf(capture: Capture, name: string): string {
  const fields = capture.request.rawHeaders;
  const at = fields.findIndex((field, index) => index % 2 === 0 && field.toLowerCase() === name);
  return fields[at + 1] ?? '';
}
