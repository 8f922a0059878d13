// Failure drills: what breaks, what must hold all the same, and what was measured. Loopback only; ends by itself.
import { parseArgs } from 'node:util';
import { installDebianPackages } from './debian-packages.mjs';
import { installAndBuild, pnpm } from './pnpm.mjs';

const USAGE = `Failure drills, on this machine only.

  pnpm drills                  all of them, with half a minute of soak
  pnpm drills upstreams disk   those whose file's name has one of these words
  pnpm soak --minutes 10       the soak alone, that long

  --minutes N   how long the soak lasts (0.1 to 600, default 0.5)
  --built       take the packages as they are built now
  --json        the closing table as one line of JSON`;

function call() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        minutes: { type: 'string', default: '0.5' },
        built: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { values, positionals } = call();
const minutes = Number(values.minutes);
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
if (!(minutes >= 0.1 && minutes <= 600)) {
  console.error(`--minutes takes a number from 0.1 to 600\n\n${USAGE}`);
  process.exit(2);
}

if (!values.built) {
  installDebianPackages();
  installAndBuild();
}
const env = { ...process.env, SOTTO_SOAK_MINUTES: String(minutes), ...(values.json ? { SOTTO_DRILLS_JSON: '1' } : {}) };
const vitest = ['exec', 'vitest', 'run', '--config', 'vitest.drills.config.ts', ...positionals];
process.exit(pnpm(vitest, { env }));
