// Writes vectors.json. Nothing here comes from packages/: the receipt's text and its framing are written out once more,
// and the signatures are node:crypto's, so that a mistake would have to be made twice. See README.md.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

/** RFC 8032 §7.1, TEST 1: a private key that everybody knows. */
const SECRET = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
const der = Buffer.from(`302e020100300506032b657004220420${SECRET}`, 'hex');
const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
const receiptKey = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x, 'base64url').toString('hex');

const CONTEXT = Buffer.from('sotto/receipt/v1\0');
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const word = (json, context = CONTEXT) =>
  Buffer.concat([sign(null, Buffer.concat([context, Buffer.from(json)]), key), Buffer.from(json)]).toString(
    'base64url',
  );

const REQUEST = '{"model":"m","messages":[{"role":"user","content":"hello"}]}';
const ANSWER = '{"choices":[{"message":{"role":"assistant","content":"Grüße"}}]}';
const STREAM = 'data: {"choices":[{"delta":{"content":"Grü"}}]}\n\ndata: [DONE]\n\n';

/** The text of a receipt, member by member in the order of the page. */
function json({ request = REQUEST, answer = ANSWER, model = '"m"', tier = 'high', v = '1', more = '' } = {}) {
  const hashes = `"requestSha256":"${sha256(request)}","answerSha256":"${sha256(answer)}"`;
  return `{"v":${v},"kid":"00112233aabbccdd","time":1800000000,${hashes},"model":${model},"tier":"${tier}","upstreamClass":"loopback"${more}}`;
}

const receipts = [
  { name: 'answer in one piece', request: REQUEST, answer: ANSWER, json: json() },
  { name: 'model with other letters', request: REQUEST, answer: ANSWER, json: json({ model: '"modèle/é"' }) },
  { name: 'empty bodies', request: '', answer: '', json: json({ request: '', answer: '', tier: 'standard' }) },
].map((each) => ({ ...each, receipt: word(each.json) }));

const streamed = word(json({ answer: STREAM, tier: 'maximum' }));
const good = word(json());
const flipped = `${good.startsWith('A') ? 'B' : 'A'}${good.slice(1)}`;

const refusals = {
  'a signature with a bit flipped': flipped,
  'a signature without the context': word(json(), Buffer.alloc(0)),
  "a signature under a key statement's context": word(json(), Buffer.from('sotto/key-statement/v1\0')),
  'another version': word(json({ v: '2' })),
  'a version in words': word(json({ v: '"1"' })),
  'a tier that nobody knows': word(json({ tier: 'secret' })),
  'a model that is null': word(json({ model: 'null' })),
  'an empty model': word(json({ model: '""' })),
  'a hash in upper case': word(
    json().replace(/"answerSha256":"(\w+)"/, (_, hash) => `"answerSha256":"${hash.toUpperCase()}"`),
  ),
  'a time with a fraction': word(json().replace('1800000000', '1800000000.5')),
  'no kid': word(json().replace('"kid":"00112233aabbccdd",', '')),
  'what is no JSON': word('{"v":1'),
  'what is no object': word('null'),
  'a signature and nothing behind it': word(''),
  padding: `${good}=`,
  'white space': ` ${good}`,
  'other letters than base64url': good.replace(/.$/, '+'),
};

const vectors = {
  receiptKey,
  receipts,
  later: { receipt: word(json({ more: ',"later":{"more":1}' })) },
  stream: { answer: STREAM, receipt: streamed, body: `${STREAM}: sotto-receipt ${streamed}\n\n` },
  refusals: Object.entries(refusals).map(([name, receipt]) => ({ name, receipt })),
};
writeFileSync(new URL('vectors.json', import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`);
