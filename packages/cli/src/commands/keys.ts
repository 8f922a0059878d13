import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecureCompletionClient } from '@sotto/client';
import { nodeCrypto } from '@sotto/protocol/node';
import { fingerprint, importPublicKeySpki } from '@sotto/protocol/nomyo-v1';
import { onePositional, parseArguments, UsageError } from '../arguments.ts';
import type { Command, CommandContext } from '../command.ts';

const usage = `sotto keys: make and look at key files

  sotto keys generate [--dir DIR]        an RSA-4096 pair: private_key.pem (mode 0600) and public_key.pem
  sotto keys generate --identity FILE    a router's Ed25519 identity: one private key file (mode 0600)
  sotto keys inspect FILE                fingerprint and kind of a key file; never the key itself

Options
  --dir DIR             default: client_keys
  --password-env NAME   the environment variable that holds the private key's password
  --force               overwrite key files that are there
  --json                answer in JSON`;

const options = {
  dir: { type: 'string' },
  identity: { type: 'string' },
  'password-env': { type: 'string' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArguments<typeof options>>['values'];

/** `sotto keys` */
export const keysCommand: Command = {
  name: 'keys',
  summary: 'make and look at key files',
  usage,
  async run(args, context) {
    const { values, positionals } = parseArguments(args, options);
    const [action, ...rest] = positionals;
    switch (action) {
      case 'generate':
        if (rest.length > 0) throw new UsageError(`keys generate takes no argument ${rest[0]}`);
        return values.identity === undefined
          ? generate(values, context)
          : generateIdentity(values.identity, values, context);
      case 'inspect':
        return inspect(onePositional(rest, 'one key file'), values, context);
      default:
        throw new UsageError('give generate or inspect');
    }
  },
};

async function generate(values: Values, context: CommandContext): Promise<number> {
  const directory = values.dir ?? 'client_keys';
  const privateKeyPath = join(directory, 'private_key.pem');
  if (values.force !== true && (await exists(privateKeyPath))) {
    throw new UsageError(`${privateKeyPath} is there already: --force overwrites it`);
  }
  const password = readPassword(values, context);
  if (values.json !== true) context.terminal.say('Making an RSA-4096 key pair …');
  await new SecureCompletionClient().generateKeys({
    saveToFile: true,
    keyDir: directory,
    ...(password === undefined ? {} : { password }),
  });
  const publicKeyPath = join(directory, 'public_key.pem');
  const key = createPublicKey(await readFile(publicKeyPath));
  const found = { private_key: privateKeyPath, public_key: publicKeyPath, fingerprint: await fingerprintOf(key) };
  if (values.json === true) context.terminal.print(JSON.stringify(found));
  else {
    const sealed = password === undefined ? 'not encrypted' : 'encrypted with the password';
    context.terminal.print(`${privateKeyPath} (${sealed})\n${publicKeyPath}\nSHA-256 ${found.fingerprint}`);
  }
  return 0;
}

/** Writes the key that signs `/pki/keys`, for the configuration's `identity.keyFile`. */
async function generateIdentity(path: string, values: Values, { terminal }: CommandContext): Promise<number> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
  try {
    await writeFile(path, pem, { flag: values.force === true ? 'w' : 'wx', mode: 0o600 });
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new UsageError(taken ? `${path} is there already: --force overwrites it` : `${path} cannot be written`);
  }
  const found = { identity: path, fingerprint: identityFingerprint(publicKey) };
  if (values.json === true) terminal.print(JSON.stringify(found));
  else terminal.print(`${path} (not encrypted)\nSHA-256 ${found.fingerprint}\nClients pin it with pinnedSigners.`);
  return 0;
}

/** SHA-256 of the raw Ed25519 public key: what `pinnedSigners` holds. */
function identityFingerprint(publicKey: KeyObject): string {
  const { x } = publicKey.export({ format: 'jwk' });
  return createHash('sha256')
    .update(Buffer.from(x ?? '', 'base64url'))
    .digest('hex');
}

async function inspect(path: string, values: Values, context: CommandContext): Promise<number> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new UsageError(`${path} cannot be read`);
  }
  const isPrivate = text.includes('PRIVATE KEY-----');
  const encrypted = /ENCRYPTED/.test(text);
  const publicKey = isPrivate ? openPrivate(text, path, encrypted, values, context) : openPublic(text, path);
  if (publicKey.asymmetricKeyType === 'ed25519') {
    const identity = {
      path,
      kind: isPrivate ? 'private' : 'public',
      encrypted,
      fingerprint: identityFingerprint(publicKey),
    };
    if (values.json === true) context.terminal.print(JSON.stringify(identity));
    else context.terminal.print(`${path}: ${identity.kind} Ed25519 identity\nSHA-256 ${identity.fingerprint}`);
    return 0;
  }
  if (publicKey.asymmetricKeyType !== 'rsa')
    throw new UsageError(`${path} holds a key that is neither RSA nor Ed25519`);
  const { modulusLength, publicExponent } = publicKey.asymmetricKeyDetails ?? {};
  const found = {
    path,
    kind: isPrivate ? 'private' : 'public',
    encrypted,
    bits: modulusLength ?? 0,
    exponent: Number(publicExponent ?? 0n),
    fingerprint: await fingerprintOf(publicKey),
  };
  if (values.json === true) context.terminal.print(JSON.stringify(found));
  else {
    const kind = `${encrypted ? 'encrypted ' : ''}${found.kind} RSA key, ${found.bits} bits, exponent ${found.exponent}`;
    context.terminal.print(`${path}: ${kind}\nSHA-256 ${found.fingerprint}`);
  }
  return 0;
}

function openPrivate(
  text: string,
  path: string,
  encrypted: boolean,
  values: Values,
  context: CommandContext,
): KeyObject {
  const passphrase = readPassword(values, context);
  if (encrypted && passphrase === undefined) {
    throw new UsageError(`${path} is encrypted: name its password's environment variable with --password-env`);
  }
  try {
    return createPublicKey(createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) }));
  } catch {
    throw new UsageError(
      encrypted ? `${path} cannot be opened: is it the right password?` : `${path} is not a key file`,
    );
  }
}

function openPublic(text: string, path: string): KeyObject {
  try {
    return createPublicKey(text);
  } catch {
    throw new UsageError(`${path} is not a key file`);
  }
}

/** @throws InvalidRequestError for a key that no router would take */
async function fingerprintOf(key: KeyObject): Promise<string> {
  return fingerprint(nodeCrypto, await importPublicKeySpki(nodeCrypto, key.export({ type: 'spki', format: 'der' })));
}

function readPassword(values: Values, { environment }: CommandContext): string | undefined {
  const name = values['password-env'];
  if (name === undefined) return undefined;
  const password = environment[name];
  if (password === undefined || password === '') throw new UsageError(`the environment variable ${name} is not set`);
  return password;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
