import { verifyBundle } from '@sotto/attestation';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AttestationEvent } from '../src/attestation/attestation-event.ts';
import { attestationSchema } from '../src/attestation/config.ts';
import { upstreamPolicySha256 } from '../src/attestation/upstream-policy.ts';
import { parseConfig } from '../src/config/parse.ts';
import { type AttestationOptions, openAttestation, type RouterAttestation } from '../src/open-attestation.ts';
import { openRouterKeys } from '../src/open-router-keys.ts';
import { generateSigningIdentity } from '../src/pki/signing-identity.ts';
import { ScriptedAttester } from './attestation/software-attester.ts';

const ORIGIN = 'https://router.example';
const config = parseConfig({
  auth: 'open',
  publicUrl: ORIGIN,
  protocols: ['ohttp'],
  upstreams: [{ name: 'u', type: 'builtin' }],
});

async function opened(settings: unknown, options: AttestationOptions = {}, of = config): Promise<RouterAttestation> {
  const keys = await openRouterKeys(of, {});
  onTestFinished(() => keys.destroy());
  const made = await openAttestation({
    config: of,
    settings: attestationSchema.parse(settings),
    environment: {},
    keys,
    options,
  });
  onTestFinished(() => made.publisher?.close());
  return made;
}

describe('a router', () => {
  test('that does not attest says the same of itself, and publishes no evidence', async () => {
    const { claims, publisher, receiptSigner } = await opened({});
    expect(publisher).toBeNull();
    expect(claims()).toMatchObject({
      receiptKey: receiptSigner.publicKey,
      upstreamPolicySha256: upstreamPolicySha256(config),
    });
    expect(claims().insecure).toBeUndefined();
  });

  test('states its claims once for each set of keys, and anew after a rotation', async () => {
    const keys = await openRouterKeys(config, {});
    onTestFinished(() => keys.destroy());
    const settings = attestationSchema.parse({});
    const { claims } = await openAttestation({ config, settings, environment: {}, keys, options: {} });
    const before = claims();
    expect(claims()).toBe(before);
    await keys.rotate();
    expect(claims().kid).not.toBe(before.kid);
    expect(claims()).toBe(claims());
  });

  test('that attests in software says so: in its claims, in its evidence and to its operator', async () => {
    const events: AttestationEvent[] = [];
    const settings = { attester: 'software', allowInsecure: true };
    const { claims, publisher } = await opened(settings, { onAttestation: (event) => events.push(event) });
    expect(claims().insecure).toBe(true);
    const body = (await publisher?.current())?.body ?? '';
    await expect(
      verifyBundle(body, { dangerouslyAllowSoftware: true }, { expectedOrigin: ORIGIN }),
    ).resolves.toMatchObject({ type: 'software', keyConfigs: claims().keyConfigs });
    expect(events.map(({ kind }) => kind)).toEqual(['insecure', 'published']);
  });

  test('that shares its receipt key names it, and makes one of its own else', async () => {
    const receiptPem = generateSigningIdentity();
    const [one, other] = [await opened({}, { receiptPem }), await opened({}, { receiptPem })];
    expect(one.claims().receiptKey).toEqual(other.claims().receiptKey);
    expect((await opened({})).claims().receiptKey).not.toEqual(one.claims().receiptKey);
  });

  test('that is handed an attester asks that one', async () => {
    const attester = new ScriptedAttester();
    const { publisher } = await opened({}, { attester });
    await publisher?.current();
    expect(attester.asked).toHaveLength(1);
  });

  test('does not attest without an origin, nor with a certificate that is not there', async () => {
    const attester = new ScriptedAttester();
    const nameless = { ...config, publicUrl: undefined };
    const withoutFile = { ...config, tls: { certFile: 'none.pem', keyFile: 'none.pem' } };
    for (const of of [nameless, withoutFile]) {
      await expect(opened({}, { attester }, of)).rejects.toMatchObject({
        name: 'ConfigurationError',
        code: 'invalid_config',
      });
    }
  });
});
