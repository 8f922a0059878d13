/** Whether `url` is an address of a Redis (or Valkey) server: `redis://…`, or `rediss://…` for TLS. */
export function isRedisUrl(url: string): boolean {
  return URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol);
}
