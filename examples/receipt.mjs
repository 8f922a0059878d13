// @ts-check
// A receipt: the router's signed word for which request it answered with what, at which tier. What it is verified by is
// kept beside it: sotto verify receipt.json --bundle bundle.json --origin URL --request request.json --answer answer.json
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureFetch } from '@sotto/client';

const routerUrl = process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434';
const folder = process.env.RECEIPT_FOLDER ?? '.';
const secureFetch = createSecureFetch({
  routerUrl,
  allowHttp: true, // for a router on this machine
  // attestation: { platforms: [{ type: 'sev-snp', measurements: ['those of the release that you trust'] }] },
});

const request = JSON.stringify({
  model: process.env.SOTTO_MODEL ?? 'sotto-tiny',
  messages: [{ role: 'user', content: 'What is the capital of France?' }],
  temperature: 0,
});
const response = await secureFetch(`${routerUrl}/v1/chat/completions`, {
  method: 'POST',
  headers: {
    authorization: `Bearer ${process.env.SOTTO_API_KEY}`,
    'content-type': 'application/json',
    'x-sotto-receipt': '1',
  },
  body: request,
});
const answer = await response.text();
const receipt = response.headers.get('x-sotto-receipt');
// Errors have none. An answer without the receipt that was asked for is worth no more than a wrong one.
if (receipt === null) throw new Error(`no receipt came with status ${response.status}`);

// The hashes are of these very bytes: what was parsed and written anew has others.
await writeFile(join(folder, 'request.json'), request);
await writeFile(join(folder, 'answer.json'), answer);
await writeFile(join(folder, 'receipt.json'), JSON.stringify({ receipt }));

// The evidence names the key that signs receipts; a router that attests nothing has none.
const evidence = await fetch(`${routerUrl}/pki/attestation`);
if (evidence.ok) await writeFile(join(folder, 'bundle.json'), await evidence.text());
console.log(
  `kept the receipt ${evidence.ok ? 'and the evidence that it is verified by' : 'of a router without evidence'}`,
);
