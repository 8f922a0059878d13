import { describe, expect, test } from 'vitest';
import { apiError } from '../src/api-error.ts';
import { errorBody, errorBodyWithDetail, parseErrorBody } from '../src/error-body.ts';

function received(status: number, body: string, headers: Record<string, string> = {}) {
  return parseErrorBody({ status, body, headers, authenticated: false });
}

describe('an error body', () => {
  test("is OpenAI's object of four members, null where there is nothing to say", () => {
    const body = errorBody(apiError('model_not_found', 'no such model', { param: 'model' }));
    expect(body).toEqual({
      error: { message: 'no such model', type: 'not_found_error', param: 'model', code: 'model_not_found' },
    });
  });

  test("also has the message as a string where NOMYO's clients look for it", () => {
    const body = errorBodyWithDetail(apiError('invalid_json', 'not JSON'));
    expect(body.detail).toBe('not JSON');
    expect(body.error.code).toBe('invalid_json');
  });

  test('survives the way through serialisation', () => {
    const sent = apiError('rate_limit_exceeded', 'slow down', { param: 'x', retryAfterMs: 1500 });
    const read = received(429, JSON.stringify(errorBodyWithDetail(sent)), { 'retry-after-ms': '1500' });
    expect(read).toMatchObject({ status: 429, code: sent.code, type: sent.type, param: 'x', retryAfterMs: 1500 });
    expect(read.message).toBe(sent.message);
  });
});

describe('a received error', () => {
  test.each([
    ["OpenAI's object", '{"error":{"message":"told","code":"some_code","type":"t","param":"p"}}', 'some_code'],
    ['a bare string', '{"error":"told"}', 'invalid_request'],
    ["FastAPI's detail", '{"detail":"told"}', 'invalid_request'],
    ['a message', '{"error":null,"message":"told"}', 'invalid_request'],
    ['an object without a message, but with detail', '{"error":{"code":"some_code"},"detail":"told"}', 'some_code'],
  ])('is read from %s', (_form, body, code) => {
    const error = received(400, body);
    expect(error.message).toBe('told');
    expect(error.code).toBe(code);
  });

  test.each(['', 'not json', '[]', 'null', '"text"', '{"detail":[{"msg":"x"}]}', '{"error":7}', '<html>502</html>'])(
    'speaks of the status alone where the body is %j',
    (body) => {
      const error = received(502, body);
      expect(error).toMatchObject({ status: 502, code: 'internal_error' });
      expect(error.message).toContain('502');
      expect(error.message).not.toContain('html');
    },
  );

  test.each([
    [401, 'invalid_api_key'],
    [404, 'not_found'],
    [413, 'payload_too_large'],
    [429, 'rate_limit_exceeded'],
    [503, 'upstream_unavailable'],
    [500, 'internal_error'],
    [418, 'invalid_request'],
  ])('has a code of its own for status %i without one', (status, code) => {
    expect(received(status, '{}').code).toBe(code);
  });

  test('takes no member of another type for text, and no message without end', () => {
    const error = received(
      400,
      JSON.stringify({ error: { message: 'x'.repeat(5_000), code: 5, param: {}, type: [] } }),
    );
    expect(error.message).toHaveLength(1_000);
    expect(error).toMatchObject({ code: 'invalid_request', param: null, type: 'invalid_request_error' });
  });

  test('carries the request id and whether it came out of the ciphertext', () => {
    const answer = { status: 400, body: '{}', headers: { 'x-request-id': 'req_1' } };
    expect(parseErrorBody({ ...answer, authenticated: true })).toMatchObject({
      requestId: 'req_1',
      authenticated: true,
    });
    expect(parseErrorBody({ ...answer, authenticated: false }).authenticated).toBe(false);
  });
});
