// Writes vectors.json. Nothing here comes from packages/: the key schedule, the framing and the Binary HTTP are written
// out once more, over noble's primitives, so that a mistake would have to be made twice. See README.md.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../packages/protocol/package.json', import.meta.url));
const { gcm } = require('@noble/ciphers/aes.js');
const { chacha20poly1305 } = require('@noble/ciphers/chacha.js');
const { x25519 } = require('@noble/curves/ed25519.js');
const { expand, extract } = require('@noble/hashes/hkdf.js');
const { sha256 } = require('@noble/hashes/sha2.js');
const { ml_kem768_x25519 } = require('@noble/post-quantum/hybrid.js');

const utf8 = (text) => new TextEncoder().encode(text);
const concat = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const uint16 = (value) => Uint8Array.of(value >> 8, value & 0xff);
const EMPTY = new Uint8Array(0);

/** "Random" bytes that anybody can make again: SHA-256 of a name and a counter. */
function fixed(name, length) {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    sha256(utf8(`sotto ohttp vector ${name} ${index}`)),
  );
  return concat(...blocks).slice(0, length);
}

// RFC 9180 §4, §5.1 in base mode, with HKDF-SHA256.
const labeledExtract = (suite, salt, label, key) =>
  extract(sha256, concat(utf8('HPKE-v1'), suite, utf8(label), key), salt);
const labeledExpand = (suite, prk, label, info, length) =>
  expand(sha256, prk, concat(uint16(length), utf8('HPKE-v1'), suite, utf8(label), info), length);

const KEMS = {
  32: {
    keyPair(name) {
      const secret = fixed(`${name} private key`, 32);
      return { secret, publicKey: x25519.getPublicKey(secret) };
    },
    encapsulate(name, publicKey) {
      const ephemeral = fixed(`${name} randomness`, 32);
      const enc = x25519.getPublicKey(ephemeral);
      const suite = concat(utf8('KEM'), uint16(0x0020));
      const prk = labeledExtract(suite, EMPTY, 'eae_prk', x25519.getSharedSecret(ephemeral, publicKey));
      return {
        randomness: ephemeral,
        enc,
        shared: labeledExpand(suite, prk, 'shared_secret', concat(enc, publicKey), 32),
      };
    },
  },
  25722: {
    keyPair(name) {
      const secret = fixed(`${name} private key`, 32);
      return { secret, publicKey: ml_kem768_x25519.keygen(secret).publicKey };
    },
    encapsulate(name, publicKey) {
      const randomness = fixed(`${name} randomness`, 64);
      const { cipherText, sharedSecret } = ml_kem768_x25519.encapsulate(publicKey, randomness);
      return { randomness, enc: cipherText, shared: sharedSecret };
    },
  },
};

const AEADS = {
  1: { keyBytes: 16, cipher: gcm },
  2: { keyBytes: 32, cipher: gcm },
  3: { keyBytes: 32, cipher: chacha20poly1305 },
};

/** Seals under nonces base XOR 0, base XOR 1, … */
function sequence(aead, key, base) {
  let counter = 0;
  return (plaintext, aad) => {
    const nonce = base.slice();
    nonce[11] ^= counter++;
    return aead.cipher(key, nonce, aad).encrypt(plaintext);
  };
}

function context(kemId, aeadId, shared, info) {
  const aead = AEADS[aeadId];
  const suite = concat(utf8('HPKE'), uint16(kemId), uint16(1), uint16(aeadId));
  const schedule = concat(
    Uint8Array.of(0),
    labeledExtract(suite, EMPTY, 'psk_id_hash', EMPTY),
    labeledExtract(suite, EMPTY, 'info_hash', info),
  );
  const secret = labeledExtract(suite, shared, 'secret', EMPTY);
  const key = labeledExpand(suite, secret, 'key', schedule, aead.keyBytes);
  const base = labeledExpand(suite, secret, 'base_nonce', schedule, 12);
  const exporter = labeledExpand(suite, secret, 'exp', schedule, 32);
  return {
    seal: sequence(aead, key, base),
    export: (label, length) => labeledExpand(suite, exporter, 'sec', label, length),
  };
}

/** RFC 9000 §16, for the lengths that occur here. */
function varint(value) {
  return value < 64 ? Uint8Array.of(value) : Uint8Array.of(0x40 | (value >> 8), value & 0xff);
}

/** All chunks but the last after their length, the last after a zero (draft-ietf-ohai-chunked-ohttp-08 §6). */
function chunked(seal, pieces) {
  return pieces.map((piece, index) => {
    const last = index === pieces.length - 1;
    const sealed = seal(piece, last ? utf8('final') : EMPTY);
    return concat(varint(last ? 0 : sealed.length), sealed);
  });
}

const string = (text) => concat(varint(utf8(text).length), utf8(text));
const fields = (lines) => concat(...lines.flatMap(([name, value]) => [string(name), string(value)]), Uint8Array.of(0));
const chunk = (text) => string(text);

/** Binary HTTP of indeterminate length (RFC 9292 §3.2), in the pieces that become chunks. */
const REQUEST = [
  concat(
    Uint8Array.of(2),
    ...['POST', 'https', 'router.example', '/v1/chat/completions'].map(string),
    fields([
      ['authorization', 'Bearer test-key'],
      ['content-type', 'application/json'],
      ['date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
    ]),
  ),
  chunk('{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}'),
  concat(Uint8Array.of(0, 0), new Uint8Array(20)),
];
const RESPONSE = [
  concat(Uint8Array.of(3), varint(200), fields([['content-type', 'text/event-stream']])),
  chunk('data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'),
  chunk('data: [DONE]\n\n'),
  Uint8Array.of(0, 0),
  EMPTY,
];

function makeCase(name, form, kemId, aeadId) {
  const kem = KEMS[kemId];
  const aead = AEADS[aeadId];
  const keyId = 42;
  const { secret, publicKey } = kem.keyPair(name);
  const suites = concat(uint16(1), uint16(aeadId));
  const keyConfig = concat(Uint8Array.of(keyId), uint16(kemId), publicKey, uint16(suites.length), suites);
  const header = concat(Uint8Array.of(keyId), uint16(kemId), uint16(1), uint16(aeadId));
  const label = form === 'chunked' ? 'message/bhttp chunked' : 'message/bhttp';
  const { randomness, enc, shared } = kem.encapsulate(name, publicKey);
  const hpke = context(kemId, aeadId, shared, concat(utf8(`${label} request`), Uint8Array.of(0), header));

  const nonceBytes = Math.max(12, aead.keyBytes);
  const nonce = fixed(`${name} response nonce`, nonceBytes);
  const prk = extract(sha256, hpke.export(utf8(`${label} response`), nonceBytes), concat(enc, nonce));
  const seal = sequence(aead, expand(sha256, prk, utf8('key'), aead.keyBytes), expand(sha256, prk, utf8('nonce'), 12));
  const whole = form === 'whole';
  const requestParts = [
    concat(header, enc),
    ...(whole ? [hpke.seal(concat(...REQUEST), EMPTY)] : chunked(hpke.seal, REQUEST)),
  ];
  const responseParts = [nonce, ...(whole ? [seal(concat(...RESPONSE), EMPTY)] : chunked(seal, RESPONSE))];
  return {
    name,
    form,
    kemId,
    aeadId,
    privateKey: hex(secret),
    keyConfig: hex(keyConfig),
    randomness: hex(randomness),
    responseNonce: hex(nonce),
    requestPieces: (whole ? [concat(...REQUEST)] : REQUEST).map(hex),
    request: requestParts.map(hex),
    responsePieces: (whole ? [concat(...RESPONSE)] : RESPONSE).map(hex),
    response: responseParts.map(hex),
  };
}

const cases = [
  makeCase('mlkem768-x25519 aes-256-gcm chunked', 'chunked', 0x647a, 2),
  makeCase('mlkem768-x25519 chacha20-poly1305 chunked', 'chunked', 0x647a, 3),
  makeCase('x25519 aes-256-gcm chunked', 'chunked', 0x0020, 2),
  makeCase('x25519 aes-128-gcm chunked', 'chunked', 0x0020, 1),
  makeCase('x25519 chacha20-poly1305 chunked', 'chunked', 0x0020, 3),
  makeCase('mlkem768-x25519 aes-256-gcm whole', 'whole', 0x647a, 2),
  makeCase('x25519 aes-256-gcm whole', 'whole', 0x0020, 2),
];

/** What a receiver refuses, made from the parts of one case: parts are indices into its `request` or `response`. */
const [, , base] = cases;
const pick = (direction, order) => order.map((index) => base[direction][index]).join('');
const refused = [];
for (const direction of ['request', 'response']) {
  const last = base[direction].length - 1;
  const all = base[direction].map((_, index) => index);
  const truncated = `${direction}_truncated`;
  const malformed = direction === 'request' ? 'invalid_message' : 'invalid_response';
  const add = (what, body, code) => refused.push({ what, of: base.name, direction, body, code });
  add('no final chunk', pick(direction, all.slice(0, last)), truncated);
  add('nothing after the preface', pick(direction, [0]), truncated);
  add('preface cut', pick(direction, [0]).slice(0, -2), truncated);
  add('final chunk shorter than its tag', pick(direction, all.slice(0, last)) + '00'.repeat(16), truncated);
  add("two chunks in each other's place", pick(direction, [0, 2, 1, ...all.slice(3)]), 'decryption_failed');
  add('a chunk twice', pick(direction, [0, 1, 1, ...all.slice(2)]), 'decryption_failed');
  add('a chunk after the final one', pick(direction, [...all, 1]), 'decryption_failed');
  add('a bit of the final tag changed', flip(pick(direction, all)), 'decryption_failed');
  add('an empty chunk that is not the last', `${pick(direction, [0])}10${'00'.repeat(16)}`, malformed);
  add('a chunk of 16,385 bytes', `${pick(direction, [0])}80004011`, 'chunk_too_large');
  add('a chunk of 2^62 - 1 bytes', `${pick(direction, [0])}ffffffffffffffff`, 'chunk_too_large');
}
refused.push({
  what: 'a key id that is not in use',
  of: base.name,
  direction: 'request',
  body: `2b${pick('request', [0, 1, 2, 3]).slice(2)}`,
  code: 'unknown_key_id',
});

function flip(body) {
  return body.slice(0, -1) + (Number.parseInt(body.slice(-1), 16) ^ 1).toString(16);
}

writeFileSync(new URL('vectors.json', import.meta.url), `${JSON.stringify({ cases, refused }, null, 1)}\n`);
