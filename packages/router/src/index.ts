export { createRouter } from './app.ts';
export type { AttestationEvent } from './attestation/attestation-event.ts';
export { type ConfigSources, loadConfig } from './config/load.ts';
export { parseConfig } from './config/parse.ts';
export type { RouterConfig, RouterConfigInput } from './config/schema.ts';
export type { Exchange, ExchangeRequest, Handler, HeaderFields, ResponseSink } from './http/exchange.ts';
export type { Router, RouterOptions } from './router.ts';
export { type RouterServer, serve } from './serve.ts';
export { serveWorkers, type WorkerEvents, type WorkerServer } from './workers/serve-workers.ts';
