import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { decodeUtf8 } from '@sotto/protocol';
import { attesterError } from '../attester-error.ts';
import { readBounded } from '../read-bounded.ts';

export const DSTACK_STEP = 'attest.dstack';
const MAX_ANSWER_BYTES = 1_048_576;

/** Where dstack's guest agent listens, over the versions it has had. */
export const DSTACK_SOCKET_PATHS: readonly string[] = [
  '/var/run/dstack.sock',
  '/run/dstack.sock',
  '/var/run/dstack/dstack.sock',
  '/run/dstack/dstack.sock',
];

/** The first of `paths` that is a socket. @returns null where none is */
export async function findSocket(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const isSocket = await stat(path).then(
      (found) => found.isSocket(),
      () => false,
    );
    if (isSocket) return path;
  }
  return null;
}

/**
 * Asks the guest agent over its unix socket: JSON in, JSON out.
 * @throws AttestationError `evidence_missing`
 */
export async function askGuestAgent(
  socketPath: string,
  path: string,
  question: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const { status, body } = await post(socketPath, path, JSON.stringify(question), signal);
  const text = decodeUtf8(body);
  if (status !== 200 || text === null) throw refused();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw attesterError({ step: DSTACK_STEP, message: 'the guest agent of dstack did not answer in JSON', cause });
  }
  // The agent reports its errors in answers of status 200 too.
  if (typeof answer === 'object' && answer !== null && 'error' in answer) throw refused();
  return answer;
}

function refused(): Error {
  return attesterError({
    step: DSTACK_STEP,
    message: 'the guest agent of dstack made no quote: look at its log',
    retryable: true,
  });
}

function post(
  socketPath: string,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<{ status: number; body: Uint8Array }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        attesterError({
          step: DSTACK_STEP,
          message: 'the guest agent of dstack does not answer: is its socket passed into the container?',
          retryable: true,
          cause,
        }),
      );
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request({ socketPath, path, method: 'POST', headers, signal, agent: false }, (response) => {
      readBounded(response, MAX_ANSWER_BYTES).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }),
        fail,
      );
    });
    call.on('error', fail);
    call.end(body);
  });
}
