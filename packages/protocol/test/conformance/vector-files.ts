import { existsSync, readFileSync } from 'node:fs';
import type { OwnOhttpVectors, SharedVectors, Vectors } from './vectors.ts';

const OWN = new URL('../../../../test-vectors/ohttp/vectors.json', import.meta.url);
/** Published test vectors live in a folder beside the checkout, not in it. */
const SHARED = new URL('../../../../../shared/vectors/', import.meta.url);

/** Every file that is needed: the type keeps it complete. */
const PATHS: Readonly<Record<keyof SharedVectors, true>> = {
  'bhttp/rfc9292-examples.json': true,
  'ehbp/response-decryption.json': true,
  'hpke/hpke-pq.json': true,
  'hpke/rfc9180-appendix-a.json': true,
  'nomyo/js-1-chat.json': true,
  'nomyo/js-2-tools.json': true,
  'nomyo/js-3-browser.json': true,
  'nomyo/keys.json': true,
  'nomyo/python-1-chat.json': true,
  'nomyo/python-2-tools-tier.json': true,
  'nomyo/python-3-ephemeral-noauth.json': true,
  'nomyo/python-4-loaded-key.json': true,
  'nomyo/python-envelopes.json': true,
  'ohttp/chunked-ohttp-appendix-a.json': true,
  'ohttp/independent-transcripts.json': true,
  'ohttp/rfc9458-appendix-a.json': true,
  'xwing/draft-connolly-xwing.json': true,
};

/** Reads all vectors; the published ones where they are, and says so where they are not. */
export function readVectors(): Vectors {
  const own = JSON.parse(readFileSync(OWN, 'utf8')) as OwnOhttpVectors;
  if (!existsSync(SHARED)) {
    process.stdout.write(
      'skipped: the published test vectors are not beside this checkout; the own ones are checked\n',
    );
    return { own, shared: null };
  }
  const files = Object.keys(PATHS).map(
    (path) => [path, JSON.parse(readFileSync(new URL(path, SHARED), 'utf8'))] as const,
  );
  return { own, shared: Object.fromEntries(files) as unknown as SharedVectors };
}
