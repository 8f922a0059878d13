import { generateKeyPairSync } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { createRouter } from '../src/app.ts';
import type { RouterConfigInput } from '../src/config/schema.ts';
import type { Router, RouterOptions } from '../src/router.ts';
import { serve } from '../src/serve.ts';

let pkcs8: Uint8Array | undefined;

/** A router's RSA key of 2,048 bits, made once a test file, so that no test waits seconds for a longer one. */
export function testRsaPkcs8(): Uint8Array {
  pkcs8 ??= new Uint8Array(
    generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ format: 'der', type: 'pkcs8' }),
  );
  return pkcs8;
}

/** What a test's configuration leaves out is filled in: a free port of loopback, everybody let in. */
export type TestConfig = Partial<RouterConfigInput> & Pick<RouterConfigInput, 'upstreams'>;

/** A router that listens, for the length of a test. */
export interface RunningRouter {
  readonly router: Router;
  readonly url: string;
  /** What went wrong inside. */
  readonly internalErrors: readonly unknown[];
  close(): Promise<void>;
}

/** Makes a router for a test; the test's end closes it. */
export async function testRouter(config: TestConfig, options: RouterOptions = {}): Promise<Router> {
  const auth = config.keys === undefined ? 'open' : 'keys';
  const router = await createRouter(
    { listen: '127.0.0.1:0', auth, shutdownGraceSeconds: 1, ...config },
    { environment: {}, rsaPkcs8: testRsaPkcs8(), ...options },
  );
  onTestFinished(() => router.close());
  return router;
}

/** Starts a router for a test; the test's end closes it. */
export async function startRouter(config: TestConfig, options: RouterOptions = {}): Promise<RunningRouter> {
  const internalErrors: unknown[] = [];
  const router = await testRouter(config, {
    onInternalError: (_id, error) => internalErrors.push(error),
    ...options,
  });
  const server = await serve(router);
  onTestFinished(() => server.close());
  return { router, url: server.url, internalErrors, close: () => server.close() };
}

/** Upstreams of a configuration: one a base URL, all with the model `m`. */
export function upstreamsAt(...baseUrls: readonly string[]): RouterConfigInput['upstreams'] {
  return baseUrls.map((baseUrl, index) => ({ name: `up${index}`, baseUrl, models: ['m'] }));
}

/** A chat request with one message. */
export function chat(content: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'm', messages: [{ role: 'user', content }], ...more };
}
