import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { UnendorsedEvidence } from '@sotto/attestation';
import type { SyntheticPlatforms } from '@sotto/attestation/testing';
import {
  mountTsmFolder,
  sevGuestProfile,
  startGuestAgent,
  TsmFolder,
  tdxGuestProfile,
} from '@sotto/attestation/testing/node';
import type { RouterConfigInput } from '@sotto/router';
import type { RouterGuest } from './router-process.ts';

/** A machine that a router process runs on: how it reaches the report interface, and what its configuration says of it. */
export interface Guest {
  readonly at: RouterGuest | null;
  readonly attestation: NonNullable<RouterConfigInput['attestation']>;
  close(): Promise<void>;
}

/** A guest of SEV-SNP, whose report folder goes through the kernel; its host gives no certificate: AMD's service does. */
export async function startSevSnpGuest(platforms: SyntheticPlatforms): Promise<Guest> {
  const { path, unmount } = await mountTsmFolder(new TsmFolder(sevGuestProfile(platforms, 'none')));
  return { at: { kind: 'configfs-tsm', path }, attestation: {}, close: unmount };
}

/** A trust domain, by the same folder. */
export async function startTdxGuest(platforms: SyntheticPlatforms): Promise<Guest> {
  const { path, unmount } = await mountTsmFolder(new TsmFolder(tdxGuestProfile(platforms)));
  return { at: { kind: 'configfs-tsm', path }, attestation: {}, close: unmount };
}

/** A container of dstack, with the socket of its guest agent. */
export async function startDstackGuest(platforms: SyntheticPlatforms): Promise<Guest> {
  const { socketPath, close } = await startGuestAgent(platforms.tdx);
  return { at: { kind: 'dstack', socketPath }, attestation: {}, close };
}

/** Makes evidence for a program; what a vendor adds may be missing. */
type MakeEvidence = (reportData: Uint8Array, nonce: Uint8Array | undefined) => Promise<UnendorsedEvidence>;

/**
 * A machine whose evidence a program makes, which the configuration alone names; the program asks `evidence`, here
 * over the loopback, as it would ask a device.
 */
export async function startProgramGuest(
  evidence: 'aws-nitro' | 'sev-snp',
  make: MakeEvidence,
  collateral: Guest['attestation']['collateral'] = {},
): Promise<Guest> {
  const server = createServer((request, response) => {
    const [, reportDataHex = '', nonceHex = ''] = (request.url ?? '').split('/');
    const nonce = nonceHex === '' ? undefined : new Uint8Array(Buffer.from(nonceHex, 'hex'));
    make(new Uint8Array(Buffer.from(reportDataHex, 'hex')), nonce).then(
      (made) => response.end(evidenceText(made)),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const script = `fetch('http://127.0.0.1:${port}/' + process.argv[1] + '/' + process.argv[2])
    .then((answer) => answer.text()).then((text) => process.stdout.write(text))`;
  return {
    at: null,
    attestation: {
      attester: 'exec',
      evidence,
      command: [process.execPath, '-e', script, '--', '{reportDataHex}', '{nonceHex}'],
      collateral,
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Evidence as a bundle has it: binary members in base64url. */
function evidenceText(evidence: UnendorsedEvidence): string {
  return JSON.stringify(evidence, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value,
  );
}
