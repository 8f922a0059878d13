// Everything that browsers have too; the two classes below take the place of the star's.
export * from '../index.ts';
export { nodePlatform } from './node-platform.ts';
export { SecureChatCompletion } from './secure-chat-completion.ts';
export { SecureCompletionClient } from './secure-completion-client.ts';
