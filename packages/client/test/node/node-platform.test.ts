import { afterEach, expect, test, vi } from 'vitest';
import { nodePlatform, SecureChatCompletion, SecureCompletionClient } from '../../src/node/index.ts';
import { SecureChatCompletion as NeutralChatCompletion } from '../../src/secure-chat-completion.ts';
import { SecureCompletionClient as NeutralCompletionClient } from '../../src/secure-completion-client.ts';
import { sharedKeyPair } from '../test-platform.ts';

afterEach(() => vi.unstubAllEnvs());

test('reads the environment, and takes an empty variable for none', () => {
  vi.stubEnv('SOTTO_API_KEY', ' key ');
  vi.stubEnv('SOTTO_BASE_URL', ' ');
  expect(nodePlatform.environment('SOTTO_API_KEY')).toBe('key');
  expect(nodePlatform.environment('SOTTO_BASE_URL')).toBeNull();
  expect(nodePlatform.environment('SOTTO_NOT_SET')).toBeNull();
});

test('the classes for Node take options from the environment, and are kinds of the neutral ones', () => {
  vi.stubEnv('SOTTO_BASE_URL', 'http://router.test');
  const insecure = expect.objectContaining({ code: 'insecure_transport' }) as unknown as Error;
  expect(() => new SecureChatCompletion()).toThrow(insecure);
  expect(() => new SecureCompletionClient()).toThrow(insecure);
  const platform = { ...nodePlatform, generateKeyPair: () => sharedKeyPair(0) };
  expect(new SecureChatCompletion({ allowHttp: true, platform })).toBeInstanceOf(NeutralChatCompletion);
  expect(new SecureCompletionClient({ allowHttp: true, platform })).toBeInstanceOf(NeutralCompletionClient);
});
