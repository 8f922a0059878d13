import type { TrustRoots } from '@sotto/attestation';
import { type AttestationStatus, createSecureFetch, type SecureConnection, type SecureFetch } from '@sotto/client';
import { isSecurityTier, SottoError } from '@sotto/protocol';
import { parseArguments, UsageError } from '../arguments.ts';
import type { Command, CommandContext } from '../command.ts';
import { isLoopbackUrl } from '../loopback-url.ts';
import { type RequestRecord, startLocalProxy } from '../proxy/local-proxy.ts';
import type { ProxyStatus } from '../proxy/status-page.ts';
import { readPolicy } from '../verify/policy-file.ts';

const usage = `sotto proxy: end-to-end encryption for any OpenAI client with a base URL

  sotto proxy --router URL     then point the client at http://127.0.0.1:8088/v1

Options
  --router URL          or the environment variable SOTTO_BASE_URL
  --listen HOST:PORT    default 127.0.0.1:8088
  --api-key-env NAME    send the API key in this environment variable, whatever key the client sends
  --pin-signer SHA256   the router's identity must have this fingerprint; may be given again
  --policy FILE         verify the router's evidence against this policy before anything is sent (docs/attestation.md)
  --tier TIER           ask for standard, high or maximum where a request names none; the last two need --policy
  --pq required         refuse routers without a post-quantum key
  --allow-host NAME     answer to this name too, such as host.docker.internal; may be given again
  --allow-origin URL    let web pages of this origin use the proxy; may be given again
  --allow-http          plain HTTP to another machine than this one
  --json                one JSON object a line instead of words

The page at / and /sotto/status show what was verified. Nothing shows content.`;

const options = {
  router: { type: 'string' },
  listen: { type: 'string' },
  'api-key-env': { type: 'string' },
  'pin-signer': { type: 'string', multiple: true },
  policy: { type: 'string' },
  tier: { type: 'string' },
  pq: { type: 'string' },
  'allow-host': { type: 'string', multiple: true },
  'allow-origin': { type: 'string', multiple: true },
  'allow-http': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** `sotto proxy` */
export const proxyCommand: Command = proxyCommandFor(undefined);

/** `sotto proxy` that trusts other roots than the vendors', for tests against a synthetic PKI. */
export function proxyCommandFor(roots: TrustRoots | undefined): Command {
  return {
    name: 'proxy',
    summary: 'encrypt what any OpenAI client sends',
    usage,
    run: (args, context) => run(args, context, roots),
  };
}

async function run(args: readonly string[], context: CommandContext, roots: TrustRoots | undefined): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  if (positionals.length > 0) throw new UsageError(`proxy takes no argument ${positionals[0]}`);
  const router = values.router ?? context.environment['SOTTO_BASE_URL'];
  if (router === undefined) throw new UsageError('give --router URL');
  if (values.pq !== undefined && values.pq !== 'required') throw new UsageError('--pq takes required');
  const { host, port } = parseListen(values.listen ?? '127.0.0.1:8088');
  if (values.tier !== undefined && !isSecurityTier(values.tier)) {
    throw new UsageError('--tier takes standard, high or maximum');
  }
  const fetch = createSecureFetch({
    routerUrl: router,
    attestation: values.policy === undefined ? undefined : { ...(await readPolicy(values.policy)), roots },
    tier: values.tier,
    allowHttp: values['allow-http'] === true || isLoopbackUrl(router),
    pinnedSigners: values['pin-signer'],
    pqKem: values.pq === 'required' ? 'required' : 'preferred',
  });
  const say = (event: Record<string, unknown>, words: string): void => {
    if (values.json === true) context.terminal.print(JSON.stringify({ time: new Date().toISOString(), ...event }));
    else context.terminal.say(words);
  };
  const connection = new ObservedConnection(fetch);
  const routerUrl = router.replace(/\/+$/, '').replace(/\/v1$/, '');
  const proxy = await startLocalProxy({
    host,
    port,
    fetch,
    routerUrl,
    apiKey: readKey(values['api-key-env'], context),
    hosts: values['allow-host'] ?? [],
    origins: new Set(values['allow-origin'] ?? []),
    graceMs: SHUTDOWN_GRACE_MS,
    describe: () => ({ router: routerUrl, ...connection.status, ...proofOf(fetch.attestation) }),
    onRequest: (record) => void connection.observe(record.failure).then(() => sayRequest(record, connection, say)),
  });
  await connection.observe(null);
  const { state, suite, keyFingerprint, trust } = connection.status;
  say(
    { event: 'listening', url: proxy.url, router: routerUrl, state, suite, key: keyFingerprint, trust },
    [
      `Sotto proxy on ${proxy.url}: use ${proxy.url}/v1 as the base URL`,
      `  router ${routerUrl}: ${state}`,
      ...(keyFingerprint === null ? [] : [`  suite ${suite}`, `  key SHA-256 ${keyFingerprint}`, `  trust: ${trust}`]),
      ...(isLoopbackUrl(proxy.url) ? [] : ['  Other machines can use it, and what they send to it is not encrypted.']),
    ].join('\n'),
  );
  await context.interrupted;
  await proxy.close();
  return 0;
}

/** What the status page shows of evidence. */
function proofOf(status: AttestationStatus): Pick<ProxyStatus, 'attestation' | 'measurements' | 'validUntil'> {
  const isVerified = status.status === 'affirming' || status.status === 'warning';
  return {
    attestation: status.steps,
    measurements: isVerified ? status.measurements : {},
    validUntil: isVerified ? status.validUntil.toISOString() : null,
  };
}

/** What a request left behind: how it was sealed and how it ended, never what was in it. */
function sayRequest(
  { method, path, status, failure, milliseconds }: RequestRecord,
  { status: { suite, keyFingerprint } }: ObservedConnection,
  say: (event: Record<string, unknown>, words: string) => void,
): void {
  const code = failure?.code ?? null;
  const key = keyFingerprint?.slice(0, 16) ?? null;
  const end = `${status ?? 'gone'}${code === null ? '' : ` ${code}`}`;
  say(
    { event: 'request', method, path, status, code, milliseconds, suite, key },
    `${method} ${path} ${end} ${milliseconds} ms (${key === null ? 'no key yet' : `${suite}, key ${key}`})`,
  );
}

/** A stream that takes longer is cut off: whoever ends the proxy wants it to end. */
const SHUTDOWN_GRACE_MS = 3_000;
/** A router that does not answer must not hold up the log. */
const OBSERVATION_TIMEOUT_MS = 5_000;

const TRUST_IN_WORDS: Readonly<Record<SecureConnection['trust'], string>> = {
  attested: "the router's evidence commits to the key, and meets the policy",
  pinned: 'the key is signed by the identity that was pinned',
  given: 'the key was given with the program',
  unpinned: 'the key is believed because TLS is; pin the identity with --pin-signer',
};

type Observed = Pick<ProxyStatus, 'state' | 'protocol' | 'suite' | 'keyFingerprint' | 'trust'>;

/** What is known of the channel to the router, for the log and the status page. */
class ObservedConnection {
  status: Observed = { state: 'not connected yet', protocol: 'ohttp', suite: null, keyFingerprint: null, trust: null };
  readonly #fetch: SecureFetch;

  constructor(fetch: SecureFetch) {
    this.#fetch = fetch;
  }

  /**
   * Looks again; never throws: a router that cannot be reached now may be there for the next request.
   * @param failure of the request that was last: the key may well be known while the router is gone
   */
  async observe(failure: SottoError | null): Promise<void> {
    try {
      const signal = AbortSignal.timeout(OBSERVATION_TIMEOUT_MS);
      const { suite, keyFingerprint, trust } = await this.#fetch.connection(signal);
      const state = failure === null ? 'connected' : inWords(failure);
      this.status = { state, protocol: 'ohttp', suite, keyFingerprint, trust: TRUST_IN_WORDS[trust] };
    } catch (error) {
      const state = SottoError.isInstance(error) ? inWords(error) : 'the router cannot be reached';
      this.status = { ...this.status, state };
    }
  }
}

function inWords({ code, message }: SottoError): string {
  return `${code}: ${message}`;
}

function readKey(name: string | undefined, { environment }: CommandContext): string | null {
  if (name === undefined) return null;
  const key = environment[name];
  if (key === undefined || key === '') throw new UsageError(`the environment variable ${name} is not set`);
  return key;
}

function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw new UsageError('--listen takes HOST:PORT');
  return { host, port: Number(port) };
}
