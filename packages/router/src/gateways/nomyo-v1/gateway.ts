import { Buffer } from 'node:buffer';
import { type APIError, apiError, errorBodyWithDetail, type RsaPublicKey, type SecurityTier } from '@sotto/protocol';
import { nodeCrypto } from '@sotto/protocol/node';
import {
  BINDING_MEMBER,
  checkBinding,
  MAX_ENVELOPE_BYTES,
  type OpenedRequest,
  openRequest,
  PUBLIC_KEY_HEADER,
  receiveRequest,
  sealResponse,
  type TagStyle,
} from '@sotto/protocol/nomyo-v1';
import { asApiError, sendError } from '../../http/answer.ts';
import { CollectingSink } from '../../http/collecting-sink.ts';
import type { CryptoClock } from '../../http/crypto-clock.ts';
import type { Exchange, Handler, HeaderFields } from '../../http/exchange.ts';
import type { Route } from '../../http/route-table.ts';
import type { RsaIdentity } from '../../pki/rsa-identity.ts';
import { type ReplayMemory, replayRefusal } from '../../replay/replay-memory.ts';
import { parseTier, TIER_HEADER } from '../../tiers/request-tier.ts';
import { ClientKeys } from './client-keys.ts';
import { innerRequest, parsePayload, withMetadata } from './inner-request.ts';
import { PatientAnswer } from './patient-answer.ts';
import { invitesResend, keptHeaders, onWire, wireError } from './wire-error.ts';

const MAX_PAYLOAD_ID_CHARACTERS = 256;

/** What the gateway needs of the rest of the router. */
export interface NomyoGatewayOptions {
  readonly identity: RsaIdentity;
  /** The router's one handler: it answers the opened request as it would any other. */
  readonly handle: Handler;
  /** Refuses unknown keys before any decryption. @throws AuthenticationError */
  readonly authenticate: (headers: HeaderFields) => void;
  /** Told how long unwrapping and sealing take. */
  readonly timed: CryptoClock;
  readonly replays: ReplayMemory;
  readonly replayWindowMs: number;
  readonly keepAliveMs: number;
  /** Told of the router's own failures, with the request's id. */
  readonly report: (requestId: string, error: unknown) => void;
}

/** Errors at this path have `detail`, whoever raises them: NOMYO's clients read nothing else. */
export const SECURE_COMPLETION_PATH = '/v1/chat/secure_completion';

/** `POST /v1/chat/secure_completion`: opens a nomyo-v1 envelope, has it answered in process, seals the answer. */
export function nomyoGatewayRoutes(options: NomyoGatewayOptions): readonly Route[] {
  const clientKeys = new ClientKeys();
  return [
    {
      method: 'POST',
      path: SECURE_COMPLETION_PATH,
      handle: async (exchange) => {
        const patient = new PatientAnswer(exchange.sink, options.keepAliveMs);
        try {
          await answer(exchange, options, clientKeys, patient);
        } catch (error) {
          const told = asApiError(error);
          if (told.code === 'internal_error') options.report(exchange.id, error);
          if (exchange.notes !== undefined) exchange.notes.code = told.code;
          refuse(exchange, patient, onWire(told));
        } finally {
          patient.stop();
        }
      },
      operation: {
        summary: 'Answer a sealed chat request (nomyo-v1)',
        tag: 'encrypted',
        credential: 'api-key',
        request: { mediaType: 'application/octet-stream' },
        responses: { 200: { description: 'The sealed answer.', content: { 'application/octet-stream': null } } },
      },
    },
  ];
}

async function answer(
  exchange: Exchange,
  options: NomyoGatewayOptions,
  clientKeys: ClientKeys,
  patient: PatientAnswer,
): Promise<void> {
  const { headers } = exchange.request;
  options.authenticate(headers);
  const fields: SealedFields = {
    payloadId: readPayloadId(headers),
    tier: parseTier(headers[TIER_HEADER], 'X-Security-Tier'),
    clientKey: await clientKeys.of(headers[PUBLIC_KEY_HEADER]),
  };
  const body = await exchange.request.body(MAX_ENVELOPE_BYTES);
  patient.start();
  const { envelope, replayId } = await receiveRequest(nodeCrypto, options.identity.unwrapper, body);
  const id = Buffer.from(replayId).toString('base64');
  // Before the RSA operation: a flood of one recorded request costs next to nothing.
  if (await options.replays.has(id)) throw replayRefusal('seen');
  const unwrappingMs = performance.now();
  const opened = await options.identity.unwrapper.admit(() =>
    openRequest(nodeCrypto, options.identity.unwrapper, envelope),
  );
  options.timed('nomyo_unwrap', unwrappingMs);
  try {
    // Only what could be opened is remembered, or anybody could fill the memory.
    await remember(options.replays, id);
    let status = 500;
    try {
      status = await answerOpened(exchange, options, opened, fields, envelope.tagStyle, patient);
    } catch (error) {
      status = asApiError(error).status;
      throw error;
    } finally {
      if (invitesResend(status)) await options.replays.forget(id);
    }
  } finally {
    opened.plaintext.fill(0);
    opened.contentKey.fill(0);
  }
}

/** The header fields that a binding inside the payload vouches for. */
interface SealedFields {
  readonly payloadId: string;
  readonly tier: SecurityTier | null;
  readonly clientKey: RsaPublicKey;
}

/** @returns the status the request ended with */
async function answerOpened(
  exchange: Exchange,
  options: NomyoGatewayOptions,
  opened: OpenedRequest,
  fields: SealedFields,
  tagStyle: TagStyle,
  patient: PatientAnswer,
): Promise<number> {
  const { [BINDING_MEMBER]: binding } = parsePayload(opened.plaintext);
  const bound = binding !== undefined;
  if (bound) await checkBinding(nodeCrypto, binding, { ...fields, nowMs: Date.now() }, options.replayWindowMs);

  const sink = new CollectingSink();
  exchange.sink.onClose(() => sink.close());
  const request = innerRequest(exchange.request, opened.plaintext);
  const inner: Exchange = { id: exchange.id, request, sink, ...(exchange.notes && { notes: exchange.notes }) };
  await options.handle(inner);
  const collected = await sink.answer;
  if (collected.status !== 200 || !collected.complete) {
    const error = collected.complete ? wireError(collected) : apiError('internal_error', 'the answer broke off');
    refuse(exchange, patient, error);
    return error.status;
  }
  const plaintext = withMetadata(collected);
  try {
    const sealingMs = performance.now();
    const sealed = await sealResponse(nodeCrypto, plaintext, {
      clientKey: fields.clientKey,
      tagStyle,
      macUnder: bound ? opened.contentKey : null,
      nowMs: Date.now(),
    });
    options.timed('nomyo_seal', sealingMs);
    patient.send(Buffer.from(sealed), keptHeaders(collected.headers));
  } finally {
    plaintext.fill(0);
    collected.body.fill(0);
  }
  return 200;
}

async function remember(replays: ReplayMemory, id: string): Promise<void> {
  const outcome = await replays.add(id);
  if (outcome !== 'added') throw replayRefusal(outcome);
}

/** Sends an error; where a good answer's head is out already, cuts the answer off instead. */
function refuse(exchange: Exchange, patient: PatientAnswer, error: APIError): void {
  patient.stop();
  if (patient.started) exchange.sink.abort();
  else sendError(exchange.sink, error, errorBodyWithDetail);
}

function readPayloadId(headers: HeaderFields): string {
  const id = headers['x-payload-id'] ?? '';
  if (id === '' || id.length > MAX_PAYLOAD_ID_CHARACTERS) {
    throw apiError(
      'invalid_request',
      `the header X-Payload-ID is missing or longer than ${MAX_PAYLOAD_ID_CHARACTERS} characters`,
      {
        param: 'X-Payload-ID',
      },
    );
  }
  return id;
}
