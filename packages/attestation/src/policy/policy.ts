import { ConfigurationError } from '@sotto/protocol';
import * as z from 'zod/mini';
import { ALLOWABLE_TCB_STATUSES } from '../tdx/tcb-status.ts';
import { hexOf } from '../wire-types.ts';

const digests = (bytes: number) => z.array(hexOf(bytes));
const optionalDigests = (bytes: number) => z.optional(digests(bytes));
const flag = z._default(z.boolean(), false);
const byte = z.int().check(z.minimum(0), z.maximum(255));
const count = z.int().check(z.minimum(0));
const floor = z.optional(
  z.strictObject({
    fmc: z.optional(byte),
    bl: z.optional(byte),
    tee: z.optional(byte),
    snp: z.optional(byte),
    ucode: z.optional(byte),
  }),
);

const sevSnp = z.strictObject({
  type: z.literal('sev-snp'),
  measurements: z._default(digests(48), []),
  products: z._default(z.array(z.enum(['Milan', 'Genoa', 'Turin'])), ['Genoa', 'Turin']),
  minTcb: z.optional(z.strictObject({ Milan: floor, Genoa: floor, Turin: floor })),
  minFirmware: z.optional(z.strictObject({ major: byte, minor: byte, build: byte })),
  minGuestSvn: z.optional(count),
  vmpl: z._default(z.array(z.int().check(z.minimum(0), z.maximum(3))), [0]),
  hostData: optionalDigests(32),
  idKeyDigests: optionalDigests(48),
  authorKeyDigests: optionalDigests(48),
  chipIds: optionalDigests(64),
  allowVlek: flag,
  requireAliasCheck: flag,
  requireCommitted: flag,
  dangerouslyAcceptAnyMeasurement: flag,
});

const tdxFields = {
  mrTd: z._default(digests(48), []),
  rtmr: z._default(
    z.strictObject({
      0: optionalDigests(48),
      1: optionalDigests(48),
      2: optionalDigests(48),
      3: optionalDigests(48),
    }),
    {},
  ),
  mrConfigId: optionalDigests(48),
  mrSeam: optionalDigests(48),
  mrServiceTd: optionalDigests(48),
  xfam: optionalDigests(8),
  tcbStatus: z._default(z.array(z.enum(ALLOWABLE_TCB_STATUSES)), ['UpToDate']),
  advisoriesDenied: z._default(z.array(z.string()), []),
  minTcbEvaluationDataNumber: z.optional(count),
  minTeeTcbSvn: z.optional(hexOf(16)),
  allowSeptVeOff: flag,
  dangerouslyAcceptAnyMeasurement: flag,
};
const tdx = z.strictObject({ type: z.literal('tdx'), ...tdxFields });
const dstack = z.strictObject({
  type: z.literal('dstack-tdx'),
  ...tdxFields,
  composeHashes: optionalDigests(32),
  appIds: optionalDigests(20),
  osImageHashes: optionalDigests(32),
});

const nitro = z.strictObject({
  type: z.literal('aws-nitro'),
  pcrs: z._default(z.record(z.string().check(z.regex(/^(?:\d|[12]\d|3[01])$/)), digests(48)), {}),
  dangerouslyAcceptAnyMeasurement: flag,
});

const platform = z.discriminatedUnion('type', [sevSnp, tdx, dstack, nitro]);
const policy = z.strictObject({
  platforms: z._default(z.array(platform), []),
  freshness: z._default(z.enum(['static', 'nonce']), 'static'),
  maxAgeSeconds: z._default(z.int().check(z.minimum(1)), 86_400),
  requireCrl: flag,
  clockSkewSeconds: z._default(z.int().check(z.minimum(0), z.maximum(3_600)), 300),
  dangerouslyAllowSoftware: flag,
});

/**
 * What a client demands of a router's evidence, as its author writes it. It comes from the client's own
 * configuration, never from a server. docs/attestation.md explains each member.
 */
export type AttestationPolicyInput = z.input<typeof policy>;
/** One platform that is allowed, as its author writes it. */
export type PlatformPolicyInput = z.input<typeof platform>;

/** A policy with every default filled in, hexadecimal in lower case. */
export type AttestationPolicy = z.infer<typeof policy>;
export type PlatformPolicy = z.infer<typeof platform>;
export type SevSnpPolicy = z.infer<typeof sevSnp>;
export type TdxPolicy = z.infer<typeof tdx>;
export type DstackPolicy = z.infer<typeof dstack>;
export type NitroPolicy = z.infer<typeof nitro>;

/**
 * Reads a policy and fills in its defaults.
 * @param input an {@link AttestationPolicyInput}, or whatever a file holds in its place
 * @throws ConfigurationError `invalid_option`; `policy_empty` for one that would accept any software
 */
export function parsePolicy(input: unknown): AttestationPolicy {
  const parsed = z.safeParse(policy, input);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] ?? { path: [], message: '' };
    throw new ConfigurationError(`attestation policy, ${path.join('.') || 'at its top'}: ${message}`, {
      code: 'invalid_option',
      cause: parsed.error,
    });
  }
  if (parsed.data.platforms.length === 0 && !parsed.data.dangerouslyAllowSoftware) throw empty('it lists no platform');
  for (const entry of parsed.data.platforms) refuseEmptyPlatform(entry);
  return parsed.data;
}

function refuseEmptyPlatform(entry: PlatformPolicy): void {
  if (entry.dangerouslyAcceptAnyMeasurement) return;
  switch (entry.type) {
    case 'sev-snp':
      if (entry.measurements.length === 0) throw empty('sev-snp needs measurements');
      return;
    case 'dstack-tdx':
      if (isEmpty(entry.composeHashes) && isEmpty(entry.appIds)) {
        throw empty('dstack-tdx needs composeHashes or appIds');
      }
      refuseUnmeasuredSystem(entry);
      return;
    case 'tdx':
      refuseUnmeasuredSystem(entry);
      return;
    case 'aws-nitro':
      if (isEmpty(entry.pcrs['0'])) throw empty('aws-nitro needs pcrs.0');
      return;
  }
}

/** MRTD measures only the firmware; the kernel and its command line are in RTMR1 and RTMR2. */
function refuseUnmeasuredSystem({ type, mrTd, rtmr }: TdxPolicy | DstackPolicy): void {
  if (isEmpty(mrTd) || isEmpty(rtmr[1]) || isEmpty(rtmr[2])) throw empty(`${type} needs mrTd, rtmr.1 and rtmr.2`);
}

function isEmpty(list: readonly string[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

function empty(what: string): ConfigurationError {
  const message = `attestation policy: ${what}; it would accept any software (see dangerouslyAcceptAnyMeasurement)`;
  return new ConfigurationError(message, { code: 'policy_empty' });
}
