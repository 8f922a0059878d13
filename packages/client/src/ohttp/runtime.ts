import type { CryptoProvider } from '@sotto/protocol';
import type { HpkeProvider } from '@sotto/protocol/hpke';
import type { Ed25519Verify } from '@sotto/protocol/key-statement';
import type { Clock } from '../clock.ts';
import type { Transport } from '../transport.ts';

/** What ohttp needs of a runtime; a {@link Platform} has it all. */
export interface OhttpRuntime {
  readonly transport: Transport;
  readonly clock: Pick<Clock, 'now'>;
  readonly crypto: Pick<CryptoProvider, 'sha256'>;
  readonly hpke: HpkeProvider;
  readonly verifyEd25519: Ed25519Verify;
}
