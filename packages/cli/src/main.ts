import { SottoError } from '@sotto/protocol';
import { InvalidConfigError, openLog } from '@sotto/router';
import { UsageError } from './arguments.ts';
import type { Command, CommandContext } from './command.ts';
import { chatCommand } from './commands/chat.ts';
import { initCommand } from './commands/init.ts';
import { keysCommand } from './commands/keys.ts';
import { proxyCommand } from './commands/proxy.ts';
import { serveCommand } from './commands/serve.ts';
import { topCommand } from './commands/top.ts';
import { verifyCommand } from './commands/verify.ts';
import { processTerminal } from './terminal.ts';
import { version } from './version.ts';

const COMMANDS: readonly Command[] = [
  serveCommand,
  chatCommand,
  proxyCommand,
  topCommand,
  verifyCommand,
  keysCommand,
  initCommand,
];

function overview(): string {
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`);
  return `sotto ${version}: end-to-end encrypted model requests\n\n${lines.join('\n')}\n\nsotto help COMMAND tells more.`;
}

async function main(args: readonly string[], context: CommandContext): Promise<number> {
  const [word, ...rest] = args;
  if (word === undefined || word === '--help' || word === '-h') {
    context.terminal.print(overview());
    return word === undefined ? 2 : 0;
  }
  if (word === '--version' || word === '-v') {
    context.terminal.print(version);
    return 0;
  }
  const wanted = word === 'help' ? rest[0] : word;
  if (wanted === undefined) {
    context.terminal.print(overview());
    return 0;
  }
  const command = COMMANDS.find(({ name }) => name === wanted);
  if (command === undefined) throw new UsageError(`there is no command ${wanted}; sotto help lists them`);
  if (word === 'help' || rest.includes('--help') || rest.includes('-h')) {
    context.terminal.print(command.usage);
    return 0;
  }
  return command.run(rest, context);
}

/** What went wrong, for whoever reads standard error: a person, or with `--json` a program. */
function tell(error: unknown, json: boolean): number {
  const known = error instanceof UsageError || SottoError.isInstance(error);
  const message = known ? error.message : 'an unexpected failure of sotto itself';
  const code = SottoError.isInstance(error) ? error.code : error instanceof UsageError ? 'usage' : 'internal_error';
  const faults = error instanceof InvalidConfigError ? { faults: error.faults } : {};
  processTerminal.say(json ? JSON.stringify({ error: { code, message, ...faults } }) : `sotto: ${message}`);
  if (!known && process.env['SOTTO_DEBUG'] !== undefined && error instanceof Error)
    processTerminal.say(error.stack ?? '');
  return error instanceof UsageError ? 2 : 1;
}

const first = settledByHand();
const second = settledByHand();
let signals = 0;
// Not `once`: a listener that takes itself away leaves the signal to libraries that end the process with it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (signals++ === 0 ? first : second).settle());

function settledByHand(): { readonly settled: Promise<void>; settle(): void } {
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { settled, settle };
}

const args = process.argv.slice(2);
try {
  process.exitCode = await main(args, {
    terminal: processTerminal,
    openLog: () => openLog(process.stdout.fd),
    environment: process.env,
    interrupted: first.settled,
    insisted: second.settled,
    onHangup: (listener) => void process.on('SIGHUP', listener),
  });
} catch (error) {
  process.exitCode = tell(error, args.includes('--json'));
}
// A command that is over must not wait for idle connections; what it printed must be out first.
process.stdout.write('', () => process.exit());
