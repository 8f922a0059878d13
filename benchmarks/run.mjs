// Measures, prints tables, and writes them into docs/performance.md.
//   node benchmarks/run.mjs                  everything, about eight minutes, twelve with --peers, and writes the page
//   node benchmarks/run.mjs nomyo-v1 wire    these alone, and prints only
//   --quick   shorter and rougher, prints only      --write   writes the page all the same
//   --peers   also another gateway, which is fetched from the package registry into a temporary folder
import { parseArgs } from 'node:util';
import { machineLine } from './harness/machine.mjs';
import { budgetTable, markdownTable } from './harness/markdown.mjs';
import { writePage } from './harness/page.mjs';
import * as attestation from './measurements/attestation.mjs';
import * as clear from './measurements/clear.mjs';
import * as client from './measurements/client.mjs';
import * as nomyoV1 from './measurements/nomyo-v1.mjs';
import * as ohttp from './measurements/ohttp.mjs';
import * as ohttpClient from './measurements/ohttp-client.mjs';
import * as ohttpSizes from './measurements/ohttp-sizes.mjs';
import * as ohttpStreams from './measurements/ohttp-streams.mjs';
import * as peers from './measurements/peers.mjs';
import * as primitives from './measurements/primitives.mjs';
import * as wire from './measurements/wire.mjs';

/**
 * @typedef {{ quick: boolean, log: (line: string) => void }} MeasureOptions
 * @typedef {{ caption?: string, columns: string[], rows: string[][] }} Table
 * @typedef {{ tables: Table[], budget: import('./harness/budget.mjs').BudgetLine[] }} Findings
 * @typedef {{ name: string, title: string, measure: (options: MeasureOptions) => Promise<Findings> }} Measurement
 */

/** In the order of the page. A further one is a module of the same shape, named here. @type {readonly Measurement[]} */
const MEASUREMENTS = [
  clear,
  peers,
  ohttp,
  ohttpStreams,
  ohttpClient,
  ohttpSizes,
  nomyoV1,
  client,
  wire,
  attestation,
  primitives,
];
/** Run only when asked for: they download. */
const ON_DEMAND = new Set([peers.name]);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, peers: { type: 'boolean' }, write: { type: 'boolean' } },
});
const quick = values.quick ?? false;
const wanted = positionals.length > 0 ? new Set(positionals) : null;
const unknown = positionals.find((word) => MEASUREMENTS.every(({ name }) => name !== word));
if (unknown !== undefined) {
  console.error(`there is no measurement ${unknown}: ${MEASUREMENTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const chosen = MEASUREMENTS.filter(({ name }) =>
  wanted === null ? values.peers || !ON_DEMAND.has(name) : wanted.has(name),
);
console.log(machineLine());
const sections = [];
for (const { name, title, measure } of chosen) {
  console.log(`\n## ${title}`);
  const begin = performance.now();
  const { tables, budget } = await measure({ quick, log: (line) => console.log(`… ${line}`) });
  const text = tables.map(markdownTable).join('\n\n');
  console.log(`${text}\n(${Math.round((performance.now() - begin) / 1_000)} s)`);
  sections.push({ name, title, text, budget });
}
console.log(`\n## Budget\n${budgetTable(sections.flatMap(({ budget }) => budget))}`);
if (values.write || (wanted === null && !quick)) writePage(sections, machineLine());
