// Exit code 0 where the router answers. An address other than the usual one is its argument: https, for one.
import { get as getPlain } from 'node:http';
import { get as getTls } from 'node:https';

const url = new URL(process.argv[2] ?? 'http://127.0.0.1:12434/health/live');
const get = url.protocol === 'https:' ? getTls : getPlain;
// The router asks itself, at an address that its certificate is not for.
const request = get(url, { timeout: 2_500, rejectUnauthorized: url.hostname !== '127.0.0.1' }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
);
request.on('timeout', () => process.exit(1));
request.on('error', () => process.exit(1));
