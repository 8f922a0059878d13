// Run by Node itself: a router in a synthetic TEE, embedded as a program embeds it that trusts other roots than the
// vendors'. No configuration can say what is said here.
import type { TrustRoots } from '@sotto/attestation';
import {
  type Attester,
  configfsTsmAttester,
  createEndorser,
  dstackAttester,
  type EndorserOptions,
  nodeTsmFiles,
} from '@sotto/attestation/attest';
import { createRouter, endorsed, type RouterConfigInput, serve } from '@sotto/router';

/** What the process is started with, as JSON in its only argument. */
export interface RouterTask {
  readonly config: RouterConfigInput;
  readonly roots: TrustRoots;
  /** What makes the evidence, at another place than the usual; null where the configuration says it. */
  readonly guest: RouterGuest | null;
  readonly services: EndorserOptions;
}

/** Where a guest's report interface is. */
export type RouterGuest =
  | { readonly kind: 'configfs-tsm'; readonly path: string }
  | { readonly kind: 'dstack'; readonly socketPath: string };

function attesterOf(guest: RouterGuest): Promise<Attester> {
  return guest.kind === 'dstack'
    ? dstackAttester({ socketPath: guest.socketPath, environment: {} })
    : configfsTsmAttester({ files: nodeTsmFiles(guest.path) });
}

async function main({ config, roots, guest, services }: RouterTask): Promise<void> {
  const router = await createRouter(config, {
    ...(guest === null ? {} : { attester: endorsed(await attesterOf(guest), createEndorser(services)) }),
    roots,
    onAttestation: (event) => process.send?.({ attestation: event }),
    onInternalError: (_requestId, error) => process.send?.({ internal: String(error) }),
  });
  const server = await serve(router);
  process.on('message', () => {
    void router.rotateKeys().then(() => process.send?.({ rotated: true }));
  });
  process.once('disconnect', () => void server.close().then(() => process.exit(0)));
  process.send?.({ url: server.url });
}

await main(JSON.parse(process.argv[2] ?? '') as RouterTask);
