import type { RouterLog } from './router-log.ts';

/** By what a database is judged: its signs of life, and whether it takes what it is given. */
export type StoreSign = 'life' | 'writes';

/** Tells when the database goes away, and when nothing is wrong with it any more. */
export function logStore(log: Pick<RouterLog, 'event'>): (sign: StoreSign, fault: string | null) => void {
  const missing = new Set<StoreSign>();
  return (sign, fault) => {
    const wasUp = missing.size === 0;
    if (fault === null) missing.delete(sign);
    else missing.add(sign);
    if (wasUp && fault !== null) log.event('warn', 'store_away', { fault });
    if (!wasUp && missing.size === 0) log.event('info', 'store_back', {});
  };
}
