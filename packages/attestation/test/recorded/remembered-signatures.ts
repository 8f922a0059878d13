import { createHash } from 'node:crypto';
import { vi } from 'vitest';

/**
 * Lets WebCrypto verify each good signature once: a flip leaves all signatures alone but the one it breaks, and a
 * sweep over every bit would compute the others a million times. Only what has been verified is remembered, by
 * key, signature and data, so that a broken one is always computed.
 * @returns what restores WebCrypto
 */
export function rememberSignatures(): () => void {
  const { subtle } = crypto;
  const good = new Set<string>();
  const names = new WeakMap<CryptoKey, string>();
  const digest = (...parts: readonly (string | Uint8Array)[]) => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(typeof part === 'string' ? `${part.length}:${part}` : part);
    return hash.digest('base64');
  };
  const bytes = (source: BufferSource) =>
    ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);

  const importKey = subtle.importKey.bind(subtle);
  const importing = vi.spyOn(subtle, 'importKey').mockImplementation(async (...input: Parameters<typeof importKey>) => {
    const [format, data, algorithm] = input;
    const key = await importKey(...input);
    names.set(key, digest(format, JSON.stringify(algorithm), bytes(data)));
    return key;
  });
  const verify = subtle.verify.bind(subtle);
  const verifying = vi.spyOn(subtle, 'verify').mockImplementation(async (algorithm, key, signature, data) => {
    const name = names.get(key);
    const id = digest(JSON.stringify(algorithm), name ?? '', digest(bytes(signature)), bytes(data));
    if (name !== undefined && good.has(id)) return true;
    const holds = await verify(algorithm, key, signature, data);
    if (holds && name !== undefined) good.add(id);
    return holds;
  });
  return () => {
    importing.mockRestore();
    verifying.mockRestore();
  };
}
