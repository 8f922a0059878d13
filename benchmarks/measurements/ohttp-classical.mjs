// Node's HPKE as if it had no hybrid KEM.
import { KEM_X25519 } from '@sotto/protocol/hpke';
import { nodeHpke } from '@sotto/protocol/node';

const supports = (suite) => suite.kemId === KEM_X25519 && nodeHpke.supports(suite);

export const classicalOnly = new Proxy(nodeHpke, {
  get: (hpke, property) => (property === 'supports' ? supports : hpke[property].bind(hpke)),
});
