import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** What the configuration of an upstream that is a Sotto router has beside what every upstream over HTTP has. */
export const sottoFields = {
  type: z.literal('sotto'),
  /** SHA-256 of the identities that may sign its keys: what it tells as its signer's fingerprint. */
  pinnedSigners: z
    .array(
      z
        .string()
        .regex(/^[0-9a-f]{64}$/i, '64 hexadecimal digits')
        .toLowerCase(),
    )
    .min(1)
    .max(16)
    .optional(),
  /** What its evidence must prove: a policy, or the path of one in JSON. */
  attestation: z
    .union([z.string().min(1), z.record(z.string(), z.unknown())], 'a policy, or the path of a JSON file')
    .transform((value, context) => (typeof value === 'string' ? readPolicyFile(value, context) : value))
    .optional(),
  /** It makes salts of its own out of ours, so that its caches keep our callers apart. */
  cacheSalt: z.boolean().default(true),
};

/** Read with the configuration, whose part it is: what is checked is what is used, and what claims name. */
function readPolicyFile(path: string, context: z.RefinementCtx<unknown>): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return z.record(z.string(), z.unknown()).parse(value);
  } catch {
    context.addIssue({ code: 'custom', message: `${path} cannot be read as a JSON object` });
    return z.NEVER;
  }
}
