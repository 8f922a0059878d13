import { ConfigurationError } from '@sotto/protocol';
import { parseUpstreamAddress } from '../config/address.ts';
import type { RouterConfig, UpstreamConfig } from '../config/schema.ts';
import { type Environment, readSecret } from '../config/secrets.ts';
import type { OtlpTracing } from './otlp-tracing.ts';
import type { TracedUpstream } from './trace-settings.ts';

/** `name=value`: an HTTP field's name, and printable text. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x7e]*)$/;

/**
 * Makes what spans are sent with; null where the configuration names no collector. Only then the library is loaded.
 * @param upstreams those of now
 * @throws ConfigurationError `invalid_config`
 */
export async function openTracing(
  { tracing }: RouterConfig,
  environment: Environment,
  version: string,
  upstreams: () => readonly UpstreamConfig[],
): Promise<OtlpTracing | null> {
  const { otlpUrl, headersEnv: _env, headersFile: _file, ...rest } = tracing;
  if (otlpUrl === undefined) return null;
  const headers = await readTracingHeaders(tracing, environment);
  const upstream = (name: string): TracedUpstream | undefined => {
    const found = upstreams().find((each) => each.name === name);
    return found === undefined ? undefined : tracedUpstream(found);
  };
  const { OtlpTracing } = await import('./otlp-tracing.ts');
  return new OtlpTracing({ ...rest, url: otlpUrl, headers, version, upstream });
}

/** The header fields for the collector. @throws ConfigurationError `invalid_config` */
export async function readTracingHeaders(
  { headersEnv, headersFile }: RouterConfig['tracing'],
  environment: Environment,
): Promise<Readonly<Record<string, string>>> {
  return parseHeaders(await readSecret({ env: headersEnv, file: headersFile }, environment, 'tracing'));
}

/** Never says what was there: it is a credential. */
function parseHeaders(text: string | null): Record<string, string> {
  if (text === null) return {};
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [, name, value] = HEADER.exec(part.trim()) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      throw new ConfigurationError('tracing: the header fields are written name=value,name=value', {
        code: 'invalid_config',
      });
    }),
  );
}

function tracedUpstream(upstream: UpstreamConfig): TracedUpstream {
  if (upstream.type === 'builtin') return { provider: 'sotto', address: undefined, port: undefined };
  const { origin, socketPath } = parseUpstreamAddress(upstream.baseUrl);
  // Semantic conventions, server attributes: of a unix socket the address is its path.
  if (socketPath !== null) return { provider: upstream.type, address: socketPath, port: undefined };
  const { hostname, port, protocol } = new URL(origin);
  const standard = protocol === 'https:' ? 443 : 80;
  return { provider: upstream.type, address: hostname, port: port === '' ? standard : Number(port) };
}
