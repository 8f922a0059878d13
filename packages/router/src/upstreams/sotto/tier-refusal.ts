import { type APIError, apiError, parseErrorBody } from '@sotto/protocol';
import { MAX_ERROR_BYTES } from '../upstream-error.ts';

/**
 * What another router's 403 says of a tier: it has no server for it, or none that proved itself. The caller is told the
 * same, for a tier that is missing further on is missing here. Uses the body up.
 * @returns null for one about something else: this router's rights there are its operator's business
 */
export async function readTierRefusal(response: Response): Promise<APIError | null> {
  const { code } = parseErrorBody({
    status: response.status,
    headers: {},
    body: await startOf(response),
    authenticated: true, // it came out of the ciphertext
  });
  const about = { param: 'security_tier' };
  switch (code) {
    case 'tier_not_available':
      return apiError('tier_not_available', 'the other router has no model server that is fit for the tier', about);
    case 'upstream_not_attested':
      return apiError('upstream_not_attested', 'behind the other router, nobody has proved what the tier asks', about);
    default:
      return null;
  }
}

/** An error's text as far as it may go; the rest is given up. */
async function startOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = '';
  for (let length = 0; reader !== undefined && length < MAX_ERROR_BYTES; ) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return text;
}
