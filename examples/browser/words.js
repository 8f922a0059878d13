// What a person needs to know, instead of what a program does.

/** What vouches for the router's key. */
export const TRUST_IN_WORDS = {
  attested: 'The router has proved what it is, and this key is part of the proof.',
  pinned: 'The identity you entered has signed this key.',
  unpinned:
    'Only TLS vouches for this key. To be sure of it, enter the identity that the router printed when it started.',
};

const WORDS = {
  connection_failed:
    'There is no connection to the router. Check its address, and that it allows pages of this origin.',
  decryption_failed: 'The answer was changed on its way. What is shown is not all of it.',
  downgrade_refused: 'There is no encrypted way to this router: ohttp is switched off, or the address is wrong.',
  insecure_transport: 'This address is plain http. Only a router on this machine may have one.',
  invalid_api_key: 'The router does not know this API key.',
  missing_api_key: 'The router asks for an API key.',
  response_not_sealed: 'The answer did not come from the router: something on the way answered in its place.',
  response_truncated: 'The answer was cut off on its way. What is shown is not all of it.',
  untrusted_signer: 'This router has another identity than the one you entered. Nothing was sent.',
};

const STAGES = {
  fetch: 'Evidence',
  schema: 'Form',
  type: 'Kind',
  binding: 'Keys',
  crypto: 'Signatures',
  policy: 'Policy',
  claims: 'Router and time',
  history: 'History',
};
const OUTCOMES = { passed: 'passed', failed: 'failed', skipped: 'not reached' };

/** One step of the verification of a router's evidence. */
export function stepInWords({ name, status, words }) {
  return `${STAGES[name]}: ${OUTCOMES[status]}, ${words}.`;
}

/** Says what went wrong; what has no words here has a message of its own. */
export function errorInWords({ code, message }) {
  return WORDS[code] ?? message.replace(/^./, (first) => first.toUpperCase()).replace(/\.?$/, '.');
}
