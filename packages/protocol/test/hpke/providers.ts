import { KEM_DHKEM_X25519_HKDF_SHA256 } from '@panva/hpke-noble';
import {
  aes128Gcm,
  aes256Gcm,
  chacha20Poly1305WithNoble,
  createHpke,
  type HpkeProvider,
  KEM_MLKEM768,
  KEM_MLKEM768_X25519,
  KEM_X25519,
  mlkem768,
  mlkem768X25519,
  mlkem768X25519WithNoble,
  x25519,
} from '../../src/hpke/index.ts';
import { mlkem768Noble } from '../../src/hpke/mlkem-kems.ts';
import { nodeHpke } from '../../src/node/index.ts';

const aeads = [aes256Gcm, aes128Gcm, chacha20Poly1305WithNoble];
const lastOf = (choice: typeof x25519) => ({ ...choice, implementations: choice.implementations.slice(-1) });

/** Every implementation there is, so that each test runs on all of them. */
export const PROVIDERS: readonly (readonly [name: string, provider: HpkeProvider])[] = [
  ['portable', createHpke({ kems: [mlkem768X25519, x25519, mlkem768], aeads })],
  [
    'noble',
    createHpke({
      kems: [
        lastOf(mlkem768X25519WithNoble),
        { kemId: KEM_X25519, implementations: [KEM_DHKEM_X25519_HKDF_SHA256] },
        { kemId: KEM_MLKEM768, implementations: [mlkem768Noble] },
      ],
      aeads,
    }),
  ],
  ['node', nodeHpke],
];

export const KEM_IDS = [KEM_MLKEM768_X25519, KEM_X25519, KEM_MLKEM768] as const;
