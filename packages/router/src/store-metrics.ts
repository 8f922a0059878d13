import type { RouterMetrics } from './metrics/router-metrics.ts';
import type { Records } from './open-records.ts';

/** Has the metrics tell of the store, and of what waits to be written there. */
export function addStoreMetrics(metrics: RouterMetrics, records: Records): void {
  const { ledger } = records.accounting;
  metrics.gauge('sotto_store_up', '1 where the database takes what it is given', () => (records.isStoreUp() ? 1 : 0), {
    acrossWorkers: 'min',
  });
  metrics.gauge('sotto_usage_rows_waiting', 'Rows of usage that wait to be written', () => ledger.waitingRows);
  metrics.counter(
    'sotto_usage_requests_folded_total',
    'Requests whose model was counted as *other, since too many rows waited',
    () => ledger.foldedRequests,
  );
}
