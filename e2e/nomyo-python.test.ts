import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject, test } from 'vitest';
import { type CallOutcome, describeNomyoClient, type NomyoClient } from './nomyo-clients.ts';

/** Debian's own: the one that has Debian's packages. */
const PYTHON = '/usr/bin/python3';
const RUN = fileURLToPath(new URL('./nomyo-python/run.py', import.meta.url));

const ERRORS: Readonly<Record<number, string>> = {
  400: 'InvalidRequestError',
  401: 'AuthenticationError',
  403: 'ForbiddenError',
  404: 'NotFoundError',
  429: 'RateLimitError',
  500: 'ServerError',
  503: 'ServiceUnavailableError',
};

type Told =
  | { readonly answer: Readonly<Record<string, unknown>> }
  | { readonly error: string; readonly message: string; readonly status: number | null }
  | { readonly broken: string };

let runs = 0;

const run: NomyoClient = async ({ baseUrl, apiKey }, calls) => {
  const options = {
    base_url: baseUrl,
    private_key_path: join(inject('clientKeys'), 'private_key.pem'),
    api_key: apiKey,
    // Both forms of its key header, in turn.
    keeps_final_newline: runs++ % 2 === 0,
  };
  const told = JSON.parse(await runPython(JSON.stringify({ options, calls }))) as Told[];
  return told.map((each): CallOutcome => {
    if ('answer' in each) return each;
    if ('broken' in each) throw new Error(`the client could not read the answer: ${each.broken}`);
    return { refused: { kind: each.error, status: each.status, detail: each.message } };
  });
};

function runPython(input: string): Promise<string> {
  const child = spawn(PYTHON, ['-B', RUN], { stdio: ['pipe', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString('utf8'));
      else
        reject(new Error(`the Python stand-in ended with code ${code}: ${Buffer.concat(complaints).toString('utf8')}`));
    });
  });
}

if (spawnSync(PYTHON, ['-c', 'import cryptography, httpx']).status === 0) {
  describeNomyoClient("NOMYO's Python client", 'python-2-tools-tier', run, (status) => ERRORS[status] ?? 'APIError');
} else {
  test("NOMYO's Python client (not there: skipped)", () => {
    process.stdout.write('skipped: /usr/bin/python3 has no cryptography and httpx\n');
  });
}
