import { MAX_BUNDLE_BYTES } from '@sotto/attestation';
import { AttestationError, type ErrorCode, encodeBase64Url, SecurityError } from '@sotto/protocol';
import { followAbort } from '../abort-link.ts';
import { mediaType } from '../media-type.ts';
import type { RouterUrl } from '../router-url.ts';
import { readAll, type Transport, type TransportResponse } from '../transport.ts';

/** Where a router publishes its evidence. */
const ATTESTATION_PATH = '/pki/attestation';
/** A quote may take a platform seconds; evidence that takes longer is as good as none. */
const EVIDENCE_TIMEOUT_MS = 30_000;
/** What a router answers that does not attest. */
const NOT_OFFERED_STATUSES = new Set([404, 405]);

/** What is asked for, and how long to wait. */
export interface EvidenceRequest {
  /** The challenge to answer, 32 bytes; without it static evidence will do. */
  readonly nonce?: Uint8Array | undefined;
  readonly timeoutMs?: number | undefined;
}

/**
 * Fetches a router's evidence bundle, as bytes that nothing is known of: at most 256 KiB, from the address that the
 * client was given and no other.
 * @throws AttestationError `evidence_missing`, `evidence_malformed`, `fetch_failed`
 */
export async function fetchEvidence(
  transport: Transport,
  router: RouterUrl,
  { nonce, timeoutMs = EVIDENCE_TIMEOUT_MS }: EvidenceRequest,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const url = router.at(ATTESTATION_PATH) + (nonce === undefined ? '' : `?nonce=${encodeBase64Url(nonce)}`);
  // Past every cache: what a proxy has kept may be of keys that are gone.
  const headers = { accept: 'application/json', 'cache-control': 'no-cache' };
  const { controller, release } = followAbort(signal);
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    return await readBundle(
      await transport.send({ method: 'GET', url, headers, body: null, signal: controller.signal }),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (SecurityError.isInstance(error)) throw error;
    throw failed('fetch_failed', 'no evidence could be fetched from the router: try again later', error);
  } finally {
    clearTimeout(timer);
    release();
  }
}

async function readBundle(answer: TransportResponse): Promise<Uint8Array> {
  const { status, headers, body } = answer;
  if (status !== 200) {
    await body.cancel();
    throw refused(status);
  }
  if (mediaType(headers['content-type']) !== 'application/json') {
    await body.cancel();
    throw failed('evidence_malformed', 'what the router answers is no evidence: check its address');
  }
  try {
    return await readAll(body, MAX_BUNDLE_BYTES);
  } catch (error) {
    if (!SecurityError.isInstance(error)) throw error;
    throw failed('evidence_malformed', `the router's evidence is longer than ${MAX_BUNDLE_BYTES} bytes`, error);
  }
}

function refused(status: number): AttestationError {
  if (NOT_OFFERED_STATUSES.has(status)) return failed('evidence_missing', 'the router offers no evidence');
  if (status < 400) {
    return failed('evidence_missing', `the router answered with status ${status}: evidence is taken from it alone`);
  }
  return failed('fetch_failed', `the router answered with status ${status} when asked for evidence`);
}

function failed(code: ErrorCode, message: string, cause?: unknown): AttestationError {
  const failures = [{ step: 'fetch', code, message }] as const;
  return new AttestationError(message, { failures, cause, retryable: code === 'fetch_failed' });
}
