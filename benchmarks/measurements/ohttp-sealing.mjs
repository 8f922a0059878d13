// Chat requests sealed as a client seals them, each with an encapsulation and a Date of its own: none is a replay.
import { encodeContent, encodeEnd, encodeRequestHead, ResponseDecoder } from '@sotto/protocol/bhttp';
import { AEAD_AES_256_GCM, KEM_MLKEM768_X25519, KEM_X25519 } from '@sotto/protocol/hpke';
import { nodeHpke } from '@sotto/protocol/node';
import {
  importRecipient,
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
  paddingFor,
  parseKeyConfigs,
  sealRequest,
  selectKeyConfig,
} from '@sotto/protocol/ohttp';
import { API_KEY } from '../harness/router.mjs';

/** @typedef {'clear' | 'X25519' | 'hybrid'} Kind */
const KEM_IDS = { X25519: KEM_X25519, hybrid: KEM_MLKEM768_X25519 };

/**
 * Fetches a router's keys and picks the one of a kind.
 * @param {string} url
 * @param {Kind} kind not `clear`
 */
export async function fetchGateway(url, kind) {
  const keys = await fetch(url + OHTTP_GATEWAY_PATH);
  const configs = parseKeyConfigs(new Uint8Array(await keys.arrayBuffer()));
  const { config, suite } = selectKeyConfig(configs, {
    kemIds: [KEM_IDS[kind]],
    aeadIds: [AEAD_AES_256_GCM],
    supports: (each) => nodeHpke.supports(each),
  });
  return { authority: new URL(url).host, recipient: await importRecipient(nodeHpke, config, suite) };
}

/** Seals one request. @param {Awaited<ReturnType<typeof fetchGateway>>} gateway @param {Uint8Array} content */
export async function sealChat({ authority, recipient }, content) {
  const { sealer, openResponse } = await sealRequest(nodeHpke, recipient);
  const head = encodeRequestHead({
    method: 'POST',
    scheme: 'http',
    authority,
    path: '/v1/chat/completions',
    headers: [
      ['date', new Date().toUTCString()],
      ['authorization', `Bearer ${API_KEY}`],
      ['content-type', 'application/json'],
      ['content-length', String(content.length)],
    ],
  });
  const framed = Buffer.concat([head, encodeContent(content), encodeEnd()]);
  const message = Buffer.concat([framed, Buffer.alloc(paddingFor(framed.length))]);
  return {
    path: OHTTP_GATEWAY_PATH,
    headers: { 'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE },
    body: Buffer.concat([sealer.preface, await sealer.finish(message)]),
    openResponse,
  };
}

/**
 * Opens an answer as its bytes come; the provider answers synchronously, so each `push` has called back when it returns.
 * @param {Awaited<ReturnType<typeof sealChat>>['openResponse']} openResponse
 * @param {(content: Uint8Array) => void} onContent
 */
export function answerOpener(openResponse, onContent) {
  const decoder = new ResponseDecoder({
    onHead({ status }) {
      if (status !== 200) throw new Error(`a sealed request was answered with ${status}`);
    },
    onContent,
    onTrailers() {},
  });
  const opener = openResponse((plaintext) => decoder.push(plaintext));
  return {
    push: (bytes) => opener.push(bytes),
    finish() {
      opener.finish();
      decoder.finish();
    },
  };
}
