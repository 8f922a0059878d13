import { type Behaviour, json, wellBehaved } from '../stand-in-upstream.ts';

const chat = wellBehaved(['m']);

/** Answers of a model server to all that the router forwards. */
export const modelAnswers: Behaviour = (request, response) => {
  const { model } = request.body;
  if (request.path === '/v1/embeddings') {
    const data = [{ object: 'embedding', index: 0, embedding: [1, 0.5] }];
    return json({ object: 'list', model, data, usage: { prompt_tokens: 1, total_tokens: 1 } })(request, response);
  }
  if (request.path === '/v1/completions') {
    const choices = [{ index: 0, text: 'so on', logprobs: null, finish_reason: 'stop' }];
    return json({ id: 'c', object: 'text_completion', created: 1, model, choices })(request, response);
  }
  return chat(request, response);
};
