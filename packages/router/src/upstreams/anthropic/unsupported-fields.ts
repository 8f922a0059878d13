import { apiError } from '@sotto/protocol';

/** Fields that would change the answer and that the Messages API has nothing for, with what they ask unasked. */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  functions: [],
  function_call: [],
  logprobs: [false],
  top_logprobs: [0],
  logit_bias: [],
  presence_penalty: [0],
  frequency_penalty: [0],
  min_p: [0],
  seed: [],
  audio: [],
  web_search_options: [],
  verbosity: ['medium'],
};

/**
 * Refuses what would change the answer and cannot be had from this model: ignoring it would be a lie.
 * @throws InvalidRequestError `invalid_request`, naming the field
 */
export function refuseUnsupported(body: Readonly<Record<string, unknown>>): void {
  for (const [field, defaults] of Object.entries(UNSUPPORTED)) {
    const value = body[field];
    if (isEmpty(value) || defaults.includes(value)) continue;
    throw apiError('invalid_request', `${field}: this model’s server does not support it; leave it out`, {
      param: field,
    });
  }
  const modalities = body['modalities'];
  if (Array.isArray(modalities) && modalities.some((modality) => modality !== 'text')) {
    throw apiError('invalid_request', 'modalities: this model answers with text only', { param: 'modalities' });
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
