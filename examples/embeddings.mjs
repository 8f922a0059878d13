// @ts-check
// Which text is nearest to a question: embeddings, end-to-end encrypted. It needs a model server that makes them.
import { secureOpenAIOptions } from '@sotto/client/openai';
import OpenAI from 'openai';

const openai = new OpenAI(
  secureOpenAIOptions({
    routerUrl: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
    apiKey: process.env.SOTTO_API_KEY ?? 'none',
    allowHttp: true, // for a router on this machine
  }),
);
const model = process.env.SOTTO_MODEL ?? 'your-embedding-model';

const texts = ['The cat sleeps on the mat.', 'Rates rose by a quarter point.', 'Our kitten likes cushions.'];
const question = 'Where do cats rest?';

// One request for all of them: the texts and their vectors are inside the ciphertext.
const { data } = await openai.embeddings.create({ model, input: [question, ...texts] });
const [asked = [], ...known] = data.map(({ embedding }) => embedding);

/** @param {number[]} a @param {number[]} b */
const dot = (a, b) => a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
/** @param {number[]} a @param {number[]} b */
const similarity = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

const ranked = texts.map((text, at) => ({ text, score: similarity(asked, known[at] ?? []) }));
for (const { text, score } of ranked.sort((a, b) => b.score - a.score)) console.log(score.toFixed(3), text);
