import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArguments, UsageError } from '../arguments.ts';
import type { Command } from '../command.ts';

const usage = `sotto init: write a commented configuration

  sotto init [FILE]     default: sotto.config.yaml; never overwrites

Options
  --force     overwrite
  --json      tell what was written as JSON`;

/** `sotto init` */
export const initCommand: Command = {
  name: 'init',
  summary: 'write a commented configuration',
  usage,
  async run(args, { terminal }) {
    const { values, positionals } = parseArguments(args, { force: { type: 'boolean' }, json: { type: 'boolean' } });
    if (positionals.length > 1) throw new UsageError('init takes one file');
    const path = positionals[0] ?? 'sotto.config.yaml';
    const apiKey = `sotto_${randomBytes(32).toString('base64url')}`;
    try {
      // The file holds a key: nobody else's to read.
      await writeFile(path, configuration(apiKey), { flag: values.force === true ? 'w' : 'wx', mode: 0o600 });
    } catch (error) {
      const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      throw new UsageError(exists ? `${path} is there already: --force overwrites it` : `${path} cannot be written`);
    }
    if (values.json === true) terminal.print(JSON.stringify({ path, api_key: apiKey }));
    else terminal.say(`Wrote ${path}. Your API key: ${apiKey}\nNext: sotto serve --config ${path}`);
    return 0;
  },
};

/** The configuration that `sotto init` writes: it runs as it is, with the model in the router's own process. */
function configuration(apiKey: string): string {
  return `# Sotto router. Every key is described in docs/configuration.md.

# Where to listen: host:port, [v6]:port or unix:/path. Put TLS here or in front of it.
listen: 127.0.0.1:12434
# tls: { certFile: cert.pem, keyFile: key.pem }

# ohttp: Sotto's clients. nomyo-v1: NOMYO's. ehbp: Tinfoil's. clear: plain OpenAI routes, tier standard only.
protocols: [ohttp, nomyo-v1, ehbp, clear]

# Who may call. A key comes from here (key), a file (keyFile) or the environment (keyEnv).
keys:
  - name: first
    key: ${apiKey}
    # models: [sotto-*]              # default: all
    # tiers: [standard, high]        # default: all
    # limits: { requestsPerMinute: 60, requestsPerDay: 10000 }

# Model servers. tier: the highest a server is fit for (standard, high, maximum).
upstreams:
  # A model in the router's own process; without "model" it is a tiny one for trying things out.
  - name: builtin
    type: builtin
    # model: /models/any.gguf
  # - name: vllm
  #   baseUrl: http://127.0.0.1:8000/v1
  #   tier: high
  # - name: openai
  #   baseUrl: https://api.openai.com/v1
  #   apiKeyEnv: OPENAI_API_KEY
  #   models: [gpt-4o-mini]          # default: what the server lists

# Other names for models; several targets are tried in order.
# aliases: { gpt-4: [builtin/sotto-tiny] }

# The identity that signs the router's keys. Without a file it is made at start, and pins on it end with the router.
# identity: { keyFile: identity.pem }

# The RSA key of nomyo-v1 is made at start and lives in memory. A file keeps it, and pins on it, across restarts.
# nomyoV1: { keyFile: client_keys/private_key.pem }
`;
}
