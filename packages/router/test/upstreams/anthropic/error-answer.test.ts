import { describe, expect, test } from 'vitest';
import { translateError } from '../../../src/upstreams/anthropic/error-answer.ts';
import { isWorthFailover, upstreamError } from '../../../src/upstreams/upstream-error.ts';

/** What the router's caller is told of an answer. */
function told(status: number, type: string, message: string, headers: Record<string, string> = {}) {
  const body = new TextEncoder().encode(JSON.stringify({ type: 'error', error: { type, message }, request_id: 'r' }));
  const answer = translateError(status, headers, body);
  return upstreamError(answer.status, answer.headers, new TextEncoder().encode(JSON.stringify(answer.body)));
}

describe('words that concern the caller’s request are passed on', () => {
  test.each([
    [400, 'invalid_request_error', 400, 'invalid_request'],
    [404, 'not_found_error', 404, 'model_not_found'],
    [413, 'request_too_large', 413, 'payload_too_large'],
    [422, 'invalid_request_error', 400, 'invalid_request'],
  ])('with status %i', (status, type, toldStatus, code) => {
    const error = told(status, type, 'max_tokens: too many');
    expect(error).toMatchObject({ status: toldStatus, code, message: 'max_tokens: too many' });
    expect(isWorthFailover(error)).toBe(false);
  });
});

describe('words that concern the router’s account are kept from the caller', () => {
  test.each([
    [400, 'invalid_request_error', 'Your credit balance is too low to access the API', 502, 'upstream_failed'],
    [400, 'invalid_request_error', 'This organization has been disabled', 502, 'upstream_failed'],
    [401, 'authentication_error', 'invalid x-api-key', 502, 'upstream_failed'],
    [402, 'billing_error', 'pay', 502, 'upstream_failed'],
    [403, 'permission_error', 'your workspace may not', 502, 'upstream_failed'],
    [429, 'rate_limit_error', 'your organization has 50 a minute', 429, 'rate_limit_exceeded'],
    [500, 'api_error', 'at host 7', 502, 'upstream_failed'],
    [504, 'timeout_error', 'at host 7', 504, 'upstream_timeout'],
    [529, 'overloaded_error', 'Overloaded', 503, 'upstream_unavailable'],
  ])('with status %i and type %s', (status, type, message, toldStatus, code) => {
    const error = told(status, type, message);
    expect(error).toMatchObject({ status: toldStatus, code });
    expect(error.message).not.toContain(message);
    expect(isWorthFailover(error)).toBe(true);
  });
});

test.each([429, 529])('the wait that status %i asks for is passed on', (status) => {
  expect(told(status, 'x', 'x', { 'retry-after': '7', 'x-other': '1' }).retryAfterMs).toBe(7_000);
});

test('an error without words is told in the router’s own', () => {
  const answer = translateError(400, {}, new TextEncoder().encode('<html>'));
  expect(answer.body.error).toMatchObject({ code: 'invalid_request', message: 'the model server refused the request' });
});
