import { createHash } from 'node:crypto';
import { apiError, SottoError } from '@sotto/protocol';
import {
  EHBP_KEY_PROBLEM_TYPE,
  EHBP_KEYS_MEDIA_TYPE,
  EHBP_KEYS_PATH,
  type EhbpOpenedRequest,
  ENCAPSULATED_KEY_HEADER,
  encodeEhbpKeyConfig,
  openEhbpRequest,
} from '@sotto/protocol/ehbp';
import { nodeHpke } from '@sotto/protocol/node';
import { PROBLEM_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import type { KeySchedule } from '../../hpke-keys/key-schedule.ts';
import { asApiError, sendBytes, sendError, sendJson } from '../../http/answer.ts';
import type { CryptoClock } from '../../http/crypto-clock.ts';
import type { Exchange, Handler } from '../../http/exchange.ts';
import type { Route } from '../../http/route-table.ts';
import { type ReplayMemory, replayRefusal } from '../../replay/replay-memory.ts';
import { FrameSink } from './frame-sink.ts';

/** What the door needs of the rest of the router. */
export interface EhbpGatewayOptions {
  readonly keys: Pick<KeySchedule, 'ehbpKeyPairs'>;
  /** The router's one handler: it answers the opened request as it would any other. */
  readonly handle: Handler;
  /** Told of what the door itself gets wrong once a request is open. */
  readonly onInternalError: (requestId: string, error: unknown) => void;
  /** Told how long opening and sealing take. */
  readonly timed: CryptoClock;
  readonly replays: ReplayMemory;
  readonly maxBodyBytes: number;
}

/** Framing adds 20 bytes a frame; senders that write a byte a frame are not served. */
const OVERHEAD_BYTES = 1_048_576;
/** Frames that any body may come in: each costs microseconds, however short it is, and anybody can send them. */
const MIN_FRAMES = 16_384;
/** Longer bodies may have more. */
const BYTES_A_FRAME = 2_048;

/** `GET /.well-known/hpke-keys` */
export function ehbpKeyRoutes(keys: KeySchedule): readonly Route[] {
  return [
    {
      method: 'GET',
      path: EHBP_KEYS_PATH,
      handle: ({ sink }) => {
        const body = encodeEhbpKeyConfig(keys.current.ehbpKeyPair.publicKey);
        sendBytes(sink, 200, { 'content-type': EHBP_KEYS_MEDIA_TYPE, 'cache-control': 'no-cache' }, body);
      },
      operation: {
        summary: 'The HPKE key to seal request bodies to (ehbp)',
        tag: 'encrypted',
        credential: 'none',
        responses: { 200: { description: 'A key config, binary.', content: { [EHBP_KEYS_MEDIA_TYPE]: null } } },
      },
    },
  ];
}

/** Whether a request's body is sealed in ehbp, on whatever path it comes. */
export function isEhbpRequest({ request }: Exchange): boolean {
  return request.headers[ENCAPSULATED_KEY_HEADER] !== undefined;
}

/** Opens a request's body, has the request answered in process, and seals the answer's body. */
export function ehbpDoor(options: EhbpGatewayOptions): Handler {
  return async (exchange) => {
    const { request, sink } = exchange;
    const body = await request.body(options.maxBodyBytes + OVERHEAD_BYTES);
    let opened: OpenedBody;
    const beganMs = performance.now();
    try {
      // A field sent twice arrives joined by a comma, which is no hexadecimal digit: it is refused as malformed.
      opened = await openBody(options, request.headers[ENCAPSULATED_KEY_HEADER] ?? '', body);
    } catch (error) {
      sendClearRefusal(exchange, error);
      return;
    }
    options.timed('ehbp_open', beganMs);
    // From here on nothing goes out in clear.
    const inner = new FrameSink(sink, await opened.request.sealResponse(), options.timed);
    try {
      if (!opened.request.opener.authenticated) throw apiError('invalid_message', 'the sealed body is empty');
      await refuseReplay(options.replays, opened.request.enc);
      const plaintext = Buffer.concat(opened.frames);
      if (plaintext.length > options.maxBodyBytes) {
        throw apiError('payload_too_large', `a request body has at most ${options.maxBodyBytes} bytes here`);
      }
      const { [ENCAPSULATED_KEY_HEADER]: _key, 'content-length': _length, ...headers } = request.headers;
      const opening = { method: request.method, path: request.path, query: request.query, headers, sealedTier: null };
      await options.handle({
        ...exchange,
        sink: inner,
        request: { ...opening, sealedBy: 'ehbp', body: () => Promise.resolve(plaintext) },
      });
    } catch (error) {
      const told = asApiError(error);
      if (exchange.notes !== undefined) exchange.notes.code = told.code;
      if (told.code === 'internal_error') options.onInternalError(exchange.id, error);
      sendError(inner, told);
    }
  };
}

interface OpenedBody {
  readonly request: EhbpOpenedRequest;
  readonly frames: readonly Uint8Array[];
}

/** Opens a body with the first of the keys that it opens with: a request does not say which one it is sealed to. */
async function openBody(options: EhbpGatewayOptions, encapsulatedKey: string, body: Uint8Array): Promise<OpenedBody> {
  const maxFrameBytes = options.maxBodyBytes + OVERHEAD_BYTES;
  checkFrameCount(body, Math.max(MIN_FRAMES, options.maxBodyBytes / BYTES_A_FRAME));
  let stale: Error = apiError('key_config_mismatch', 'there is no key in use');
  for (const keyPair of options.keys.ehbpKeyPairs) {
    const frames: Uint8Array[] = [];
    try {
      const request = await openEhbpRequest(nodeHpke, keyPair, encapsulatedKey, (frame) => void frames.push(frame), {
        maxFrameBytes,
      });
      await request.opener.push(body);
      request.opener.finish();
      return { request, frames };
    } catch (error) {
      if (!SottoError.isInstance(error) || error.code !== 'key_config_mismatch') throw error;
      stale = error;
    }
  }
  throw stale;
}

/** Counts frames by their lengths (EHBP §4.3), empty ones too, before any is opened. */
function checkFrameCount(body: Uint8Array, maxFrames: number): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let frames = 0;
  for (let offset = 0; offset + 4 <= body.length; offset += 4 + view.getUint32(offset)) {
    frames++;
    if (frames > maxFrames) throw apiError('invalid_message', 'the body comes in too many frames: send longer ones');
  }
}

async function refuseReplay(replays: ReplayMemory, enc: Uint8Array): Promise<void> {
  const id = createHash('sha256').update(enc).digest('base64').slice(0, 22);
  const outcome = await replays.add(`ehbp:${id}`);
  if (outcome !== 'added') throw replayRefusal(outcome);
}

/** A stale key is told apart, so that the client fetches the new one; everything else is one error. */
function sendClearRefusal({ sink, notes }: Exchange, error: unknown): void {
  const told = asApiError(error);
  if (told.code === 'internal_error') throw error;
  if (notes !== undefined) notes.code = told.code;
  const stale = told.code === 'key_config_mismatch';
  const status = stale ? 422 : 400;
  const problem = {
    type: stale ? EHBP_KEY_PROBLEM_TYPE : 'about:blank',
    title: stale ? 'the key is not in use: fetch the key again' : 'the request could not be opened',
    status,
  };
  sendJson(sink, status, problem, { 'content-type': PROBLEM_MEDIA_TYPE, 'cache-control': 'no-store' });
}
