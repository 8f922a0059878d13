// @ts-check
// A text that goes on, for models that complete instead of chatting: in one piece, and as it is written.
import { secureOpenAIOptions } from '@sotto/client/openai';
import OpenAI from 'openai';

const openai = new OpenAI(
  secureOpenAIOptions({
    routerUrl: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
    apiKey: process.env.SOTTO_API_KEY ?? 'none',
    allowHttp: true, // for a router on this machine
  }),
);
const request = { model: process.env.SOTTO_MODEL ?? 'sotto-tiny', prompt: 'The capital of France', max_tokens: 12 };

const whole = await openai.completions.create({ ...request, temperature: 0 });
console.log(JSON.stringify(whole.choices[0]?.text), '|', whole.usage?.completion_tokens, 'tokens');

let text = '';
for await (const { choices } of await openai.completions.create({ ...request, temperature: 0, stream: true })) {
  text += choices[0]?.text ?? '';
}
console.log('streamed, it is the same:', text === whole.choices[0]?.text);
