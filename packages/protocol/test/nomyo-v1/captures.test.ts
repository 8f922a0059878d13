import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { decodePublicKeyHeader } from '../../src/nomyo-v1/public-key-header.ts';
import { openRequest, receiveRequest } from '../../src/nomyo-v1/request.ts';
import { openResponse } from '../../src/nomyo-v1/response.ts';
import { exportPublicKeyPem, importPrivateKeyPem, importPublicKeyPem } from '../../src/nomyo-v1/rsa-key.ts';
import { CRYPTO_PROVIDERS } from '../crypto-providers.ts';
import { withSharedVectors } from '../shared-folder.ts';
import { CAPTURES, type Capture, type CapturedKeys, headerOf, type PythonEnvelopes } from './captures.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

withSharedVectors<CapturedKeys>('nomyo/keys.json', (keys) => {
  for (const name of CAPTURES) {
    withSharedVectors<Capture>(`nomyo/${name}.json`, (capture) => {
      describe.each(CRYPTO_PROVIDERS)(`the capture ${name} with %s`, (_provider, provider) => {
        test("has a request that opens with the server's key", async () => {
          const serverKey = await importPrivateKeyPem(provider, keys.server.privateKeyPem);
          const { envelope } = await receiveRequest(provider, serverKey, encodeUtf8(capture.request.bodyText));
          const opened = await openRequest(provider, serverKey, envelope);
          expect(text(opened.plaintext)).toBe(capture.decrypted.plaintextText);
          expect(provider.encodeBase64(opened.contentKey)).toBe(capture.decrypted.aesKeyBase64);
          expect(envelope.tagStyle).toBe(capture.decrypted.style === 'tag-appended' ? 'appended' : 'separate');
        });

        test('has an X-Public-Key that is an RSA key we take', async () => {
          const key = await importPublicKeyPem(provider, decodePublicKeyHeader(headerOf(capture, 'x-public-key')));
          expect(key.modulusBytes).toBe(512);
          expect(exportPublicKeyPem(key).trim()).toBe(capture.clientPublicKeyPem.trim());
        });

        // The others' keys were never kept.
        const { clientKey: owner } = capture;
        if (owner === null) return;
        test("has an answer that opens with the client's key", async () => {
          const clientKey = await importPrivateKeyPem(provider, keys[owner].privateKeyPem);
          const answer = await openResponse(provider, clientKey, encodeUtf8(capture.response.bodyText), null);
          expect(text(answer.plaintext)).toBe(capture.response.plaintextText);
          expect(answer.bound).toBe(false);
          expect(answer.processedAt).toBeGreaterThan(1_700_000_000);
        });
      });
    });
  }
});

withSharedVectors<PythonEnvelopes>('nomyo/python-envelopes.json', (vectors) => {
  describe.each(CRYPTO_PROVIDERS)("NOMYO's Python envelopes with %s", (_provider, provider) => {
    test.each(vectors.requests)('hold the request $name', async ({ envelope, plaintextUtf8 }) => {
      const serverKey = await importPrivateKeyPem(provider, vectors.serverPrivateKeyPem);
      const received = await receiveRequest(provider, serverKey, encodeUtf8(JSON.stringify(envelope)));
      const { plaintext } = await openRequest(provider, serverKey, received.envelope);
      expect(text(plaintext)).toBe(plaintextUtf8);
    });

    test('hold an answer', async () => {
      const clientKey = await importPrivateKeyPem(provider, vectors.clientPrivateKeyPem);
      const body = encodeUtf8(JSON.stringify(vectors.response.envelope));
      const { plaintext } = await openResponse(provider, clientKey, body, null);
      expect(JSON.parse(text(plaintext))).toEqual(vectors.response.plaintext);
    });

    test('come with a percent-encoded key that decodes to the PEM', () => {
      expect(decodePublicKeyHeader(vectors.xPublicKeyHeader).trim()).toBe(vectors.clientPublicKeyPem.trim());
    });
  });
});
