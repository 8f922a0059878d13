import { concatBytes } from '../bytes.ts';
import { SecurityError } from '../errors.ts';
import { type HpkeSuite, kemLengths, type SymmetricSuite } from '../hpke/suite.ts';

/** A gateway's public key, and what may be used with it (RFC 9458 §3.1). */
export interface KeyConfig {
  /** 0 to 255. */
  readonly keyId: number;
  readonly kemId: number;
  /** Npk bytes. */
  readonly publicKey: Uint8Array;
  /** In the gateway's order of preference; at least one. */
  readonly suites: readonly SymmetricSuite[];
}

/** The longest list that is read: room for more than forty hybrid keys. */
export const MAX_KEY_CONFIGS_BYTES = 65_536;

const ID_BYTES = 3; // RFC 9458 §3.1: key id and KEM id
const SUITE_BYTES = 4; // RFC 9458 §3.1: KDF id and AEAD id
const LENGTH_BYTES = 2; // RFC 9458 §3.1, §3.2

/** One configuration: key_id(1) ‖ kem(2) ‖ public key ‖ length of suites(2) ‖ (kdf(2) ‖ aead(2))* (RFC 9458 §3.1). */
export function encodeKeyConfig({ keyId, kemId, publicKey, suites }: KeyConfig): Uint8Array<ArrayBuffer> {
  const pairs = suites.flatMap(({ kdfId, aeadId }) => [...uint16(kdfId), ...uint16(aeadId)]);
  return concatBytes(
    Uint8Array.of(keyId, ...uint16(kemId)),
    publicKey,
    Uint8Array.of(...uint16(pairs.length), ...pairs),
  );
}

/** `application/ohttp-keys`: each configuration after its length, best first (RFC 9458 §3.2). */
export function encodeKeyConfigs(configs: readonly KeyConfig[]): Uint8Array<ArrayBuffer> {
  return concatBytes(
    ...configs.flatMap((config) => {
      const encoded = encodeKeyConfig(config);
      return [Uint8Array.from(uint16(encoded.length)), encoded];
    }),
  );
}

/**
 * Parses `application/ohttp-keys`: the list of RFC 9458 §3.2, or the bare single configuration that gateways older
 * than the RFC serve. Configurations of an unknown KEM are left out.
 * @throws SecurityError `invalid_key_config` for bytes of neither form, `unsupported_key_config` where no
 *   configuration has a KEM that this project knows
 */
export function parseKeyConfigs(bytes: Uint8Array): readonly KeyConfig[] {
  if (bytes.length > MAX_KEY_CONFIGS_BYTES) throw invalid(`has more than ${MAX_KEY_CONFIGS_BYTES} bytes`);
  const configs = (parseList(bytes) ?? parseBare(bytes)).filter((one) => one !== null);
  if (configs.length === 0) {
    throw new SecurityError('the gateway has no key of a KEM known here: update this package', {
      code: 'unsupported_key_config',
    });
  }
  return configs;
}

/** What a client asks of the key it seals to. */
export interface KeyConfigPolicy {
  /** KEMs in order of preference: a configuration with another KEM is not used. */
  readonly kemIds: readonly number[];
  /** AEADs in order of preference: others are not used. */
  readonly aeadIds: readonly number[];
  /** Whether the runtime has the suite: `HpkeProvider.supports`. */
  readonly supports: (suite: HpkeSuite) => boolean;
}

/**
 * The configuration and suite that a client uses: the first KEM of its own order that the gateway offers, and with it
 * the first AEAD of its own order. The gateway chooses nothing, so that a list cannot talk a client down.
 * @throws SecurityError `unsupported_key_config`
 */
export function selectKeyConfig(
  configs: readonly KeyConfig[],
  policy: KeyConfigPolicy,
): { readonly config: KeyConfig; readonly suite: HpkeSuite } {
  for (const kemId of policy.kemIds) {
    for (const config of configs) {
      if (config.kemId !== kemId) continue;
      for (const aeadId of policy.aeadIds) {
        const match = config.suites.find((one) => one.aeadId === aeadId && policy.supports({ kemId, ...one }));
        if (match !== undefined) return { config, suite: { kemId, ...match } };
      }
    }
  }
  throw new SecurityError('the gateway has no key of a KEM and AEAD that are allowed here', {
    code: 'unsupported_key_config',
  });
}

/** A configuration, or null in the place of one of an unknown KEM. */
type Known = KeyConfig | null;

/** The list form; null where the lengths do not add up, or where an entry is malformed and the whole is a bare one. */
function parseList(bytes: Uint8Array): readonly Known[] | null {
  const parsed: (Known | 'malformed')[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const start = offset + LENGTH_BYTES;
    const end = start + readUint16(bytes, offset);
    if (end > bytes.length || end - start < ID_BYTES) return null;
    parsed.push(parseKeyConfig(bytes.subarray(start, end)));
    offset = end;
  }
  const wellFormed = parsed.filter((one) => one !== 'malformed');
  if (wellFormed.length === parsed.length) return parsed.length === 0 ? null : wellFormed;
  // Not to be taken for a bare configuration of a KEM that nobody knows.
  if (parseKeyConfig(bytes) === null) throw malformed();
  return null;
}

function parseBare(bytes: Uint8Array): readonly Known[] {
  const config = parseKeyConfig(bytes);
  if (config === 'malformed') throw malformed();
  return [config];
}

function parseKeyConfig(bytes: Uint8Array): Known | 'malformed' {
  if (bytes.length < ID_BYTES) return 'malformed';
  const kemId = readUint16(bytes, 1);
  const lengths = kemLengths(kemId);
  if (lengths === null) return null;
  const keyEnd = ID_BYTES + lengths.publicKey;
  const suitesStart = keyEnd + LENGTH_BYTES;
  const suitesBytes = bytes.length - suitesStart;
  // RFC 9458 §3.1: at least one suite of four bytes, and nothing after the last.
  if (suitesBytes < SUITE_BYTES || suitesBytes % SUITE_BYTES !== 0 || readUint16(bytes, keyEnd) !== suitesBytes) {
    return 'malformed';
  }
  const suites: SymmetricSuite[] = [];
  for (let offset = suitesStart; offset < bytes.length; offset += SUITE_BYTES) {
    suites.push({ kdfId: readUint16(bytes, offset), aeadId: readUint16(bytes, offset + 2) });
  }
  return { keyId: bytes[0] ?? 0, kemId, publicKey: bytes.slice(ID_BYTES, keyEnd), suites };
}

function uint16(value: number): readonly [number, number] {
  return [value >> 8, value & 0xff];
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function malformed(): SecurityError {
  return invalid('is neither a list of key configurations nor one');
}

function invalid(reason: string): SecurityError {
  return new SecurityError(`the gateway's key configuration ${reason}`, { code: 'invalid_key_config' });
}
