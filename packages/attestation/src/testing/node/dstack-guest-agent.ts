import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeUtf8, encodeHex } from '@sotto/protocol';
import * as z from 'zod/mini';
import { readBounded } from '../../attest/read-bounded.ts';
import { decodeHex } from '../../hex.ts';
import { attestDstack, type DstackInput } from '../dstack-emulator.ts';
import type { TdxEmulator } from '../tdx-emulator.ts';

/** Ways in which the guest agent fails. */
export type GuestAgentFault =
  | { readonly type: 'status'; readonly status: number }
  /** An answer of status 200 that is an error. */
  | { readonly type: 'error-answer' }
  | { readonly type: 'hang' }
  | { readonly type: 'not-json' }
  | { readonly type: 'oversized' }
  /** A quote of other report data, beside the right one repeated in clear. */
  | { readonly type: 'other-report-data' }
  | { readonly type: 'odd-quote'; readonly quote: string };

/** A guest agent of dstack on a unix socket. */
export interface GuestAgent {
  readonly socketPath: string;
  /** May be changed at any time. */
  fault: GuestAgentFault | null;
  close(): Promise<void>;
}

const question = z.looseObject({ report_data: z.string().check(z.regex(/^[0-9a-f]{128}$/)) });
const MAX_QUESTION_BYTES = 4_096;
const OVERSIZED_CHARACTERS = 2_097_152;

/** Starts a guest agent over a synthetic Intel platform, on a real socket. */
export async function startGuestAgent(tdx: TdxEmulator, input: DstackInput = {}): Promise<GuestAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'dstack-'));
  const socketPath = join(folder, 'dstack.sock');
  const agent: Omit<GuestAgent, 'close'> = { socketPath, fault: null };
  const server = createServer((request, response) => {
    const send = (status: number, body: string) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    answer(request, agent.fault, tdx, input).then(
      (body) => body !== null && send(agent.fault?.type === 'status' ? agent.fault.status : 200, body),
      () => send(400, '{"error":"bad request"}'),
    );
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return Object.assign(agent, {
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await rm(folder, { recursive: true });
    },
  });
}

/** @returns null for no answer at all */
async function answer(
  request: IncomingMessage,
  fault: GuestAgentFault | null,
  tdx: TdxEmulator,
  input: DstackInput,
): Promise<string | null> {
  const asked: unknown = JSON.parse(decodeUtf8(await readBounded(request, MAX_QUESTION_BYTES)) ?? '');
  const reportData = decodeHex(z.parse(question, asked).report_data) ?? new Uint8Array();
  if (request.method !== 'POST' || request.url !== '/GetQuote') return '{"error":"no such method"}';
  switch (fault?.type) {
    case 'hang':
      return null;
    case 'not-json':
      return 'quote';
    case 'oversized':
      return JSON.stringify({ quote: '0'.repeat(OVERSIZED_CHARACTERS) });
    case 'error-answer':
      return '{"error":"failed to get quote"}';
    default: {
      const quoted = fault?.type === 'other-report-data' ? reportData.slice().reverse() : reportData;
      const { quote, eventLog } = await attestDstack(tdx, quoted, input);
      return JSON.stringify({
        quote: fault?.type === 'odd-quote' ? fault.quote : encodeHex(quote),
        event_log: eventLog,
        report_data: encodeHex(reportData),
        vm_config: '{"cpu_count":2}',
        attestation: '',
      });
    }
  }
}
