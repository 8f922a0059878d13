import { createInterface } from 'node:readline/promises';
import { type ChatCompletion, type ChatMessage, type CompletionStream, SecureChatCompletion } from '@sotto/client';
import { isSecurityTier, SECURITY_TIERS } from '@sotto/protocol';
import { parseArguments, UsageError, wholeNumber } from '../arguments.ts';
import type { Command, CommandContext } from '../command.ts';
import { isLoopbackUrl } from '../loopback-url.ts';
import { fetchModelNames, type ModelSource } from '../router-models.ts';

const usage = `sotto chat: talk to a model through a router, end-to-end encrypted

  sotto chat "QUESTION" --router URL    one question, one answer
  sotto chat --router URL               a conversation; /exit or Ctrl-D ends it

Options
  --router URL          or the environment variable SOTTO_BASE_URL
  --model NAME          default: the first the router lists
  --tier TIER           standard, high or maximum
  --system TEXT         what the model is told first
  --max-tokens N
  --temperature T       0 to 2; 0 is the same answer every time
  --api-key-env NAME    the environment variable that holds the API key (default SOTTO_API_KEY)
  --pin-signer SHA256   the router's identity must have this fingerprint (ohttp); may be given again
  --pin SHA256          the router's RSA key must have this fingerprint (nomyo-v1); may be given again
  --allow-http          plain HTTP to another machine than this one
  --json                one JSON object an answer`;

const options = {
  router: { type: 'string' },
  model: { type: 'string' },
  tier: { type: 'string' },
  system: { type: 'string' },
  'max-tokens': { type: 'string' },
  temperature: { type: 'string' },
  'api-key-env': { type: 'string' },
  'pin-signer': { type: 'string', multiple: true },
  pin: { type: 'string', multiple: true },
  'allow-http': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** Asks with the conversation so far. @returns what the model said */
type Ask = (messages: readonly ChatMessage[]) => Promise<string>;

/** `sotto chat` */
export const chatCommand: Command = { name: 'chat', summary: 'talk to a model, end-to-end encrypted', usage, run };

async function run(args: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  if (positionals.length > 1) throw new UsageError('give one question, in quotes');
  const router = values.router ?? context.environment['SOTTO_BASE_URL'];
  if (router === undefined) throw new UsageError('give --router URL');
  const { tier } = values;
  if (tier !== undefined && !isSecurityTier(tier)) {
    throw new UsageError(`--tier is one of ${SECURITY_TIERS.join(', ')}`);
  }
  const keyName = values['api-key-env'] ?? 'SOTTO_API_KEY';
  const apiKey = context.environment[keyName];
  if (apiKey === undefined && values['api-key-env'] !== undefined) {
    throw new UsageError(`the environment variable ${keyName} is not set`);
  }
  const allowHttp = values['allow-http'] === true || isLoopbackUrl(router);
  const client = new SecureChatCompletion({
    baseUrl: router,
    allowHttp,
    apiKey,
    pinnedKeys: values.pin,
    pinnedSigners: values['pin-signer'],
  });
  const model = values.model ?? (await firstModel({ router, apiKey, allowHttp, pinnedSigners: values['pin-signer'] }));
  const maxTokens =
    values['max-tokens'] === undefined
      ? {}
      : { max_tokens: wholeNumber(values['max-tokens'], 'max-tokens', 1, 1_000_000) };

  const temperature = values.temperature === undefined ? {} : { temperature: parseTemperature(values.temperature) };

  const ask: Ask = async (messages) => {
    const atTier = tier === undefined ? {} : { security_tier: tier };
    const request = { model, messages: [...messages], ...maxTokens, ...temperature, ...atTier };
    return values.json === true
      ? printWhole(await client.create(request), context)
      : printAsItComes(await client.create({ ...request, stream: true }), context);
  };
  const opening: ChatMessage[] = values.system === undefined ? [] : [{ role: 'system', content: values.system }];
  const [question] = positionals;
  if (question !== undefined) {
    await ask([...opening, { role: 'user', content: question }]);
    return 0;
  }
  return converse(ask, opening, model, context);
}

async function converse(
  ask: Ask,
  opening: readonly ChatMessage[],
  model: string,
  context: CommandContext,
): Promise<number> {
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: context.terminal.interactive,
  });
  void context.interrupted.then(() => lines.close());
  context.terminal.say(`Talking to ${model}, end-to-end encrypted. /exit ends.`);
  const messages: ChatMessage[] = [...opening];
  lines.setPrompt('> ');
  lines.prompt();
  for await (const line of lines) {
    const content = line.trim();
    if (content === '/exit') break;
    if (content !== '') {
      messages.push({ role: 'user', content });
      messages.push({ role: 'assistant', content: await ask(messages) });
    }
    lines.prompt();
  }
  return 0;
}

function parseTemperature(value: string): number {
  const temperature = Number(value);
  if (value.trim() === '' || !(temperature >= 0 && temperature <= 2)) {
    throw new UsageError('--temperature takes a number from 0 to 2');
  }
  return temperature;
}

function printWhole(answer: ChatCompletion, { terminal }: CommandContext): string {
  terminal.print(JSON.stringify(answer));
  const content = answer.choices[0]?.message.content;
  return typeof content === 'string' ? content : '';
}

async function printAsItComes(stream: CompletionStream, { terminal }: CommandContext): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    const part = chunk.choices[0]?.delta.content ?? '';
    text += part;
    terminal.printPart(part);
  }
  terminal.print('');
  return text;
}

async function firstModel(source: ModelSource): Promise<string> {
  const [first] = await fetchModelNames(source);
  if (first === undefined) throw new UsageError('the router lists no model: name one with --model');
  return first;
}
