import { createHash } from 'node:crypto';
import {
  type AttestationPolicyInput,
  type AttestationResult,
  parseBundle,
  parseClaims,
  type TrustRoots,
  verifyBundle,
} from '@sotto/attestation';
import { equalBytes, SecurityError, type SecurityTier, tierAtLeast } from '@sotto/protocol';
import { nodeCrypto, nodeEd25519Verify } from '@sotto/protocol/node';
import { type Receipt, verifyReceipt } from '@sotto/protocol/receipt';

/** What a receipt is held against. */
export interface ReceiptQuestion {
  /** As the router sent it. */
  readonly receipt: string;
  /** The evidence that names the key which signs receipts, as it was received. */
  readonly bundle: Uint8Array;
  readonly origin: string;
  readonly policy: AttestationPolicyInput;
  /** The least that the answer was given at; null: any. */
  readonly tier: SecurityTier | null;
  /**
   * The challenge that the evidence answers, which makes it one of now; without it the evidence is one that was kept,
   * and is judged at the time that the receipt names.
   */
  readonly nonce: Uint8Array | undefined;
  readonly roots: TrustRoots | undefined;
}

/** A receipt under a key that verified evidence names. */
export interface VerifiedReceipt {
  readonly receipt: Receipt;
  readonly evidence: AttestationResult;
}

/** How far a receipt's time may be ahead of this machine's, in seconds. */
const CLOCK_SKEW_SECONDS = 300;

/**
 * Verifies that a router whose evidence meets the policy signed a receipt.
 * @throws SecurityError `invalid_receipt`
 * @throws AttestationError, PolicyError, ConfigurationError of the evidence
 */
export async function verifyAttestedReceipt(question: ReceiptQuestion): Promise<VerifiedReceipt> {
  const { bundle, origin, policy, tier, nonce, roots } = question;
  // Whose key it is, is not proved before the evidence is; but the time to judge the evidence at is in the receipt.
  const { receiptKey } = parseClaims(parseBundle(bundle).claims);
  if (receiptKey === undefined) throw invalidReceipt('is of a router whose evidence names no key for receipts');
  const receipt = await verifyReceipt(nodeCrypto, nodeEd25519Verify, question.receipt, receiptKey);
  if (receipt.time > Date.now() / 1_000 + CLOCK_SKEW_SECONDS) throw invalidReceipt('is of the future');
  const now = nonce === undefined ? new Date(receipt.time * 1_000) : undefined;
  const evidence = await verifyBundle(bundle, policy, { expectedOrigin: origin, nonce, now, roots });
  // Once more, of what has been verified: that both are read from the same bytes is not left to chance.
  if (evidence.receiptKey === null || !equalBytes(evidence.receiptKey, receiptKey)) {
    throw invalidReceipt('is signed by another key than the one that the evidence names');
  }
  if (tier !== null && !tierAtLeast(receipt.tier, tier)) {
    throw invalidReceipt(`is of an answer of tier ${receipt.tier}`);
  }
  return { receipt, evidence };
}

/** Whether these are the bytes that a receipt has the hash of. */
export function isHashOf(stated: string, body: Uint8Array): boolean {
  return createHash('sha256').update(body).digest('hex') === stated;
}

function invalidReceipt(reason: string): SecurityError {
  return new SecurityError(`the receipt ${reason}`, { code: 'invalid_receipt' });
}
