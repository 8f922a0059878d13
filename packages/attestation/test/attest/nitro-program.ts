import { createServer } from 'node:http';
import type { ExecOptions } from '../../src/attest/exec/exec-attester.ts';
import { encodeBase64Url } from '../../src/base64url.ts';
import { decodeHex } from '../../src/hex.ts';
import type { NitroEmulator } from '../../src/testing/nitro-emulator.ts';

/** A program that has a synthetic hypervisor, over the loopback, sign what it is given. */
export async function nitroProgram(
  nitro: NitroEmulator,
): Promise<{ readonly options: ExecOptions; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const [, reportDataHex = '', nonceHex = ''] = (request.url ?? '').split('/');
    const nonce = decodeHex(nonceHex) ?? new Uint8Array();
    nitro.attest(decodeHex(reportDataHex) ?? new Uint8Array(), nonce.length === 0 ? {} : { nonce }).then(
      ({ document }) => response.end(JSON.stringify({ type: 'aws-nitro', document: encodeBase64Url(document) })),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const script = `fetch('http://127.0.0.1:${port}/' + process.argv[1] + '/' + process.argv[2])
    .then((answer) => answer.text()).then((text) => process.stdout.write(text))`;
  return {
    options: {
      type: 'aws-nitro',
      command: process.execPath,
      arguments: ['-e', script, '--', '{reportDataHex}', '{nonceHex}'],
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
