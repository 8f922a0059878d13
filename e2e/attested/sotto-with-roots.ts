// Run by Node itself: two commands of `sotto` that trust a synthetic PKI, which no option of theirs can make them do.
import type { TrustRoots } from '@sotto/attestation';
import { openLog } from '@sotto/router';
import { proxyCommandFor } from '../../packages/cli/src/commands/proxy.ts';
import { verifyCommandFor } from '../../packages/cli/src/commands/verify.ts';
import { processTerminal } from '../../packages/cli/src/terminal.ts';

const roots = JSON.parse(process.env['SYNTHETIC_ROOTS'] ?? '') as TrustRoots;
const interrupted = new Promise<void>((resolve) => void process.once('SIGTERM', resolve));
const [name, ...args] = process.argv.slice(2);
const command = name === 'proxy' ? proxyCommandFor(roots) : verifyCommandFor(roots);
process.exitCode = await command.run(args, {
  terminal: processTerminal,
  environment: process.env,
  openLog: () => openLog(process.stdout.fd),
  interrupted,
  insisted: new Promise(() => {}),
  onHangup: () => {},
});
process.stdout.write('', () => process.exit());
