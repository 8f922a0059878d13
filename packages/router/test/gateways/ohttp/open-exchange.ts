import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { OHTTP_CHUNKED_REQUEST_MEDIA_TYPE, OHTTP_GATEWAY_PATH } from '@sotto/protocol/ohttp';
import { send } from '../../http-client.ts';
import {
  type AnswerReader,
  chooseRecipient,
  type InnerInput,
  readAnswer,
  type Sealed,
  seal,
} from './sealing-client.ts';

/** A sealed exchange over a connection of its own, read as its bytes come. */
export interface OpenExchange {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
  readonly reader: AnswerReader;
  /** Settles at the end of the outer body: true where its framing says that it is whole. */
  readonly over: Promise<boolean>;
}

/** Seals a request to the keys a router serves. */
export async function sealFor(url: string, input: InnerInput, kemId?: number): Promise<Sealed> {
  const { body } = await send(`${url}${OHTTP_GATEWAY_PATH}`);
  return seal(await chooseRecipient(new Uint8Array(body), kemId), input);
}

/** Starts an exchange whose body the caller writes. */
export function openExchange(url: string, sealed: Sealed): OpenExchange {
  const headers = { 'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE };
  const request = httpRequest(`${url}${OHTTP_GATEWAY_PATH}`, { method: 'POST', agent: false, headers });
  request.on('error', () => {});
  const reader = readAnswer(sealed);
  const response = new Promise<IncomingMessage>((resolve) => request.on('response', resolve));
  const over = response.then(
    (message) =>
      new Promise<boolean>((resolve) => {
        message.on('data', (bytes: Buffer) => void reader.opener.push(bytes));
        message.on('close', () => resolve(message.complete));
        message.on('error', () => {});
      }),
  );
  return { request, response, reader, over };
}

/** Sends a request whole and reads its answer as it comes. */
export async function exchange(url: string, input: InnerInput): Promise<OpenExchange> {
  const sealed = await sealFor(url, input);
  const opened = openExchange(url, sealed);
  opened.request.end(sealed.body);
  return opened;
}
