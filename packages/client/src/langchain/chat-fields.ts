import { connectSdk, type SdkConnection, type SdkOptions } from '../sdk-connection.ts';
import type { SecureFetchOptions } from '../secure-fetch/create-secure-fetch.ts';
import type { SecureFetch } from '../secure-fetch/secure-fetch.ts';

/** The part of the fields of `ChatOpenAI` and `OpenAIEmbeddings` of `@langchain/openai` that leads to a router. */
export interface SecureChatFields {
  readonly apiKey: string;
  readonly configuration: SdkConnection;
}

/** Makes the function that `secureChatFields` is in one runtime. */
export function chatFieldsFactory(
  createSecureFetch: (options: SecureFetchOptions) => SecureFetch,
): (options: SdkOptions) => SecureChatFields {
  return ({ apiKey, ...options }) => ({ apiKey, configuration: connectSdk(createSecureFetch, options) });
}
