// Everything that browsers have too; what stands below takes the place of the star's.
export * from '../index.ts';
export { createSecureFetch } from './create-secure-fetch.ts';
export { nodePlatform } from './node-platform.ts';
export { SecureChatCompletion } from './secure-chat-completion.ts';
export { SecureCompletionClient } from './secure-completion-client.ts';
export { undiciTransport } from './undici-transport.ts';
