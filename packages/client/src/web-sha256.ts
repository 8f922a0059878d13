import type { CryptoProvider } from '@sotto/protocol';

/** The one thing that ohttp needs beside HPKE: the whole provider would bring RSA into a page that has no use for it. */
export const webSha256: Pick<CryptoProvider, 'sha256'> = {
  async sha256(data) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(data)));
  },
};
