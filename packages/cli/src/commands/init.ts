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

# Sotto's clients speak ohttp, NOMYO's nomyo-v1, Tinfoil's ehbp. In clear: plain OpenAI routes, tier standard only.
protocols: [ohttp, nomyo-v1, ehbp, clear]

# Who may call. A key comes from here (key), a file (keyFile) or the environment (keyEnv).
keys:
  - name: first
    key: ${apiKey}
    # models: [sotto-*]              # default: all
    # tiers: [standard, high]        # default: all
    # limits: { requestsPerMinute: 60, requestsPerDay: 10000, tokensPerMinute: 100000 }
    # budget: { usd: 25, period: month }   # needs prices, below

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

# What is known of models: their window, and prices in US dollars for usage and budgets.
# models:
#   sotto-tiny:
#     contextTokens: 2048
#     price: { inputPerMillion: 0.1, outputPerMillion: 0.4 }

# Models with a system prompt and conversations of their own: docs/chatbots.md.
# chatbots:
#   - id: support
#     name: Support
#     model: sotto-tiny
#     systemPrompt: You help customers of a bookshop. Be brief.

# Keys made at run time, aliases, chatbots, conversations and usage are kept here; by default only in memory.
# storage: sqlite:./sotto.db
# storageKey: { keyFile: storage-key }   # openssl rand -base64 32 > storage-key, and keep it apart from the database

# Routes that make and revoke keys and tell usage: docs/administration.md. A credential of its own.
# admin: { keyFile: admin-key }          # openssl rand -base64 32 > admin-key

# How much one request may be, and how many at once.
# limits: { bodyBytes: 33554432, openStreams: 10000 }

# The identity that signs the router's keys. Without a file it is made at start, and pins on it end with the router.
# identity: { keyFile: identity.pem }

# The RSA key of nomyo-v1 is made at start and lives in memory. A file keeps it, and pins on it, across restarts.
# nomyoV1: { keyFile: client_keys/private_key.pem }
`;
}
