// @ts-check
// What can go wrong, and what a program does about it: one class a decision, one stable code a cause.
import {
  APIConnectionError,
  APIError,
  AuthenticationError,
  RateLimitError,
  SecureChatCompletion,
  SecurityError,
  SottoError,
} from '@sotto/client';

const options = {
  baseURL: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
  allowHttp: true,
  maxRetries: 1, // 429, 500, 502, 503, 504 and failed connections are tried again by the client itself
};
const request = {
  model: process.env.SOTTO_MODEL ?? 'sotto-tiny',
  messages: [{ role: 'user', content: 'Hello' }],
};

/** @param {unknown} error */
function decide(error) {
  // isInstance and not instanceof: it also knows errors of another loaded copy of the package.
  if (SecurityError.isInstance(error)) return `stop: ${error.code}`; // never go on over the same channel
  if (AuthenticationError.isInstance(error)) return `mend the API key: ${error.code}`;
  if (RateLimitError.isInstance(error)) return `wait ${error.retryAfterMs} ms: ${error.code}`;
  if (APIError.isInstance(error)) return `status ${error.status}: ${error.code}`;
  if (APIConnectionError.isInstance(error)) return `no answer: ${error.code}`;
  if (SottoError.isInstance(error)) return `mend the program: ${error.code}`;
  throw error;
}

/** @param {() => PromiseLike<unknown>} attempt */
async function outcome(attempt) {
  try {
    await attempt();
    return 'answered';
  } catch (error) {
    return decide(error);
  }
}

const client = new SecureChatCompletion(options);
const wrongKey = client.withOptions({ apiKey: 'sotto_wrong_key' });
const nobodyThere = client.withOptions({ baseURL: 'http://127.0.0.1:9', maxRetries: 0 });
const overHttp = { ...options, baseURL: 'http://router.example', allowHttp: false };

console.log('a good request  ->', await outcome(() => client.create(request)));
console.log('a wrong key     ->', await outcome(() => wrongKey.create(request)));
console.log('no such model   ->', await outcome(() => client.create({ ...request, model: 'no-such-model' })));
console.log('nobody there    ->', await outcome(() => nobodyThere.create(request)));
console.log('plain http      ->', await outcome(async () => new SecureChatCompletion(overHttp)));
