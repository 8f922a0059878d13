// @ts-check
// LangChain, end-to-end encrypted: in one piece, and word by word.
import { ChatOpenAI } from '@langchain/openai';
import { secureChatFields } from '@sotto/client/langchain';

const chat = new ChatOpenAI({
  model: process.env.SOTTO_MODEL ?? 'sotto-tiny',
  temperature: 0,
  ...secureChatFields({
    routerUrl: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
    apiKey: process.env.SOTTO_API_KEY ?? 'none',
    allowHttp: true, // for a router on this machine
  }),
});

const answer = await chat.invoke('What is the capital of France?');
console.log(answer.text);

for await (const piece of await chat.stream('What is the capital of France?')) process.stdout.write(piece.text);
process.stdout.write('\n');
