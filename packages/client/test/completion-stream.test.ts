import { describe, expect, test } from 'vitest';
import type { ChatCompletionChunk } from '../src/chat-completion.ts';
import { CompletionStream } from '../src/completion-stream.ts';

const CHUNK: ChatCompletionChunk = { object: 'chat.completion.chunk', choices: [] };

async function* chunks(count: number): AsyncGenerator<ChatCompletionChunk> {
  for (let index = 0; index < count; index++) yield CHUNK;
}

async function read(stream: CompletionStream, onChunk: () => void = () => undefined): Promise<number> {
  let count = 0;
  for await (const _ of stream) {
    count++;
    onChunk();
  }
  return count;
}

test('yields the chunks of its source in order and ends with it', async () => {
  await expect(read(new CompletionStream(chunks(3)))).resolves.toBe(3);
  await expect(read(new CompletionStream(chunks(1)))).resolves.toBe(1);
});

test('refuses a second reader instead of yielding nothing', async () => {
  const stream = new CompletionStream(chunks(1));
  await read(stream);
  await expect(read(stream)).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_option' });
});

test('an abort is an error and never the end of the answer', async () => {
  const early = new CompletionStream(chunks(1));
  early.controller.abort();
  await expect(read(early)).rejects.toMatchObject({ name: 'APIUserAbortError', code: 'request_aborted' });
  const late = new CompletionStream(chunks(1));
  await expect(read(late, () => late.controller.abort())).rejects.toMatchObject({ code: 'request_aborted' });
});

test('a reader who leaves early lets the source clean up', async () => {
  let cleaned = false;
  async function* source(): AsyncGenerator<ChatCompletionChunk> {
    try {
      yield* chunks(2);
    } finally {
      cleaned = true;
    }
  }
  for await (const _ of new CompletionStream(source())) break;
  expect(cleaned).toBe(true);
});

test('an error of the source reaches the reader', async () => {
  async function* source(): AsyncGenerator<ChatCompletionChunk> {
    yield CHUNK;
    throw new Error('cut');
  }
  await expect(read(new CompletionStream(source()))).rejects.toThrow('cut');
});

describe('tee', () => {
  test('both streams get all chunks, each at its own pace', async () => {
    const [left, right] = new CompletionStream(chunks(3)).tee();
    await expect(read(left)).resolves.toBe(3);
    await expect(read(right)).resolves.toBe(3);
  });

  test('one that is left early does not end the other', async () => {
    const [left, right] = new CompletionStream(chunks(3)).tee();
    for await (const _ of left) break;
    await expect(read(right)).resolves.toBe(3);
  });

  test('an error of the source reaches both', async () => {
    async function* source(): AsyncGenerator<ChatCompletionChunk> {
      yield CHUNK;
      throw new Error('cut');
    }
    const [left, right] = new CompletionStream(source()).tee();
    await expect(read(left)).rejects.toThrow('cut');
    await expect(read(right)).rejects.toThrow('cut');
  });

  test('they share the controller', async () => {
    const stream = new CompletionStream(chunks(3));
    const [left, right] = stream.tee();
    right.controller.abort();
    await expect(read(left)).rejects.toMatchObject({ code: 'request_aborted' });
    expect(stream.controller.signal.aborted).toBe(true);
  });
});

describe('toReadableStream', () => {
  test('has a line of JSON for each chunk', async () => {
    const text = await new Response(new CompletionStream(chunks(2)).toReadableStream()).text();
    expect(text).toBe(`${JSON.stringify(CHUNK)}\n`.repeat(2));
  });

  test('errors where the stream does, and its cancelling ends the stream', async () => {
    async function* source(): AsyncGenerator<ChatCompletionChunk> {
      yield CHUNK;
      throw new Error('cut');
    }
    await expect(new Response(new CompletionStream(source()).toReadableStream()).text()).rejects.toThrow('cut');
    const stream = new CompletionStream(chunks(2));
    await stream.toReadableStream().cancel();
    expect(stream.controller.signal.aborted).toBe(true);
  });
});
