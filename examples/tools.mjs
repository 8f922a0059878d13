// @ts-check
// A model that calls a function of this program. It needs a model server with tools: the builtin model has none.
import { SecureChatCompletion } from '@sotto/client';

const client = new SecureChatCompletion({
  baseURL: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
  allowHttp: true,
});
const model = process.env.SOTTO_MODEL ?? 'your-model-with-tools';

/** @type {import('@sotto/client').ChatTool[]} */
const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather in a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];

/** @type {import('@sotto/client').ChatMessage[]} */
const messages = [{ role: 'user', content: 'What is the weather in Paris?' }];

const first = await client.create({ model, messages, tools });
const asked = first.choices[0]?.message;
for (const call of asked?.tool_calls ?? []) {
  // The model wrote these arguments: treat them as you would any stranger's.
  const { city } = JSON.parse(call.function.arguments);
  console.log(`the model calls ${call.function.name}(${city})`);
  messages.push({ ...asked, role: 'assistant' });
  messages.push({ role: 'tool', tool_call_id: call.id, content: JSON.stringify({ city, celsius: 18 }) });
}

const second = await client.create({ model, messages, tools });
console.log(second.choices[0]?.message.content);
