import {
  type Behaviour,
  completion,
  json,
  type SeenRequest,
  wellBehaved,
} from '../packages/router/test/stand-in-upstream.ts';

/** What the stand-in says it used. */
export const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };

/** The vector that the stand-in makes of a text: numbers that 32-bit floats hold exactly. */
export function vectorOf(text: string): readonly number[] {
  return [text.length, -0.5, 0.25];
}

/** What a whole model server does: chat, text completions and embeddings, in every form of an answer. */
export function capableModel(models: readonly string[]): Behaviour {
  const chat = wellBehaved(models);
  return (request, response) => {
    if (request.path.endsWith('/embeddings')) return embed(request, response);
    if (request.path.endsWith('/chat/completions') && request.body['stream'] === true && asksForUsage(request)) {
      const words = ['echo:', ` ${lastText(request)}`];
      const choices = words.map((content) => ({ index: 0, delta: { content }, finish_reason: null }));
      const last = { index: 0, delta: {}, finish_reason: 'stop' };
      return events([...choices, last].map((choice) => chunk(request, [choice])).concat(usageChunk(request)))(
        request,
        response,
      );
    }
    if (request.path.endsWith('/completions') && !request.path.endsWith('/chat/completions')) {
      return completeText(request, response);
    }
    return chat(request, response);
  };
}

/** Streams these chunks, and `[DONE]`. */
export function events(chunks: readonly object[]): Behaviour {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const each of chunks) response.write(`data: ${JSON.stringify(each)}\n\n`);
    response.end('data: [DONE]\n\n');
  };
}

/** Answers a chat request with this choice of its own making. */
export function choice(message: object, more: object = {}): Behaviour {
  const only = { index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop', ...more };
  return json({ ...completion(''), choices: [only], usage: USAGE });
}

function asksForUsage({ body }: SeenRequest): boolean {
  return JSON.stringify(body['stream_options'] ?? {}) === '{"include_usage":true}';
}

function lastText({ body }: SeenRequest): string {
  const messages = body['messages'] as { content: string }[];
  return messages.at(-1)?.content ?? '';
}

function chunk({ body }: SeenRequest, choices: readonly object[]): object {
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: body['model'], choices };
}

function usageChunk(request: SeenRequest): object {
  return { ...chunk(request, []), usage: USAGE };
}

function embed(request: SeenRequest, response: Parameters<Behaviour>[1]): void {
  const { input, model, encoding_format: format } = request.body;
  const texts = (Array.isArray(input) ? input : [input]) as string[];
  const data = texts.map((text, index) => {
    const vector = vectorOf(text);
    const embedding = format === 'base64' ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector;
    return { object: 'embedding', index, embedding };
  });
  const usage = { prompt_tokens: 4, total_tokens: 4 };
  json({ object: 'list', model, data, usage })(request, response);
}

function completeText(request: SeenRequest, response: Parameters<Behaviour>[1]): void | Promise<void> {
  const { prompt, model, stream } = request.body;
  const answer = (text: string, finish: string | null): object => ({
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1,
    model,
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
  });
  const words = ['and', ` ${String(prompt)}`];
  if (stream !== true) return json({ ...answer(words.join(''), 'stop'), usage: USAGE })(request, response);
  const asked = asksForUsage(request) ? [{ ...answer('', null), choices: [], usage: USAGE }] : [];
  return events([...words.map((word) => answer(word, null)), answer('', 'stop'), ...asked])(request, response);
}
