// @ts-check
// A key for an app, made, limited, used, read off and revoked by the administration API. docs/administration.md has it all.
const routerUrl = process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434';
const adminKey = process.env.SOTTO_ADMIN_KEY ?? '';

/** Over a network this needs https: the administration takes no sealed requests.
 * @param {string} method @param {string} path @param {object} [body] */
async function administer(method, path, body) {
  const answer = await fetch(`${routerUrl}/admin/v1${path}`, {
    method,
    headers: { 'x-admin-key': adminKey, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status} ${told.error.code}: ${told.error.message}`);
  return told;
}

const { id, key, hint } = await administer('POST', '/keys', {
  name: `app-${Date.now()}`,
  limits: { requestsPerMinute: 2 },
  budget: { usd: 10, period: 'month' },
});
console.log(`made, and shown this once: ${key.startsWith(hint)}`);

/** What the router says to somebody with this key. */
async function knock() {
  const answer = await fetch(`${routerUrl}/v1/models`, { headers: { 'x-api-key': key } });
  return `${answer.status}, ${answer.headers.get('x-ratelimit-remaining') ?? 'no word of what is'} left`;
}
console.log('the first request:', await knock());
await administer('PATCH', `/keys/${id}`, { limits: { requestsPerMinute: 100 } });
console.log('with a larger limit:', await knock());

const { state } = await administer('POST', `/keys/${id}/revoke`);
console.log(`now it is ${state}:`, await knock());

const { totals } = await administer('GET', `/usage?key=${id}`);
console.log('used:', totals.promptTokens + totals.completionTokens, 'tokens');
