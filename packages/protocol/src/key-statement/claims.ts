import { encodeBase64Url } from '../base64url.ts';
import { encodeUtf8 } from '../bytes.ts';

/** Protocols a router speaks, weakest first: a client that has seen a minimum goes no lower. */
export const STATED_PROTOCOLS = ['clear', 'nomyo-v1', 'ehbp', 'ohttp'] as const;
export type StatedProtocol = (typeof STATED_PROTOCOLS)[number];

/**
 * What a router says of its keys: the one document that its long-lived identity signs, and that evidence of a TEE
 * binds (protocol-ohttp §11).
 */
export interface KeyClaims {
  /** Names this set of keys: changes with every rotation. */
  readonly kid: string;
  /** The exact bytes of `application/ohttp-keys`; empty where ohttp is not served. */
  readonly keyConfigs: Uint8Array;
  /** The router's origin, such as `https://router.example`; null where its operator has not named one. */
  readonly origin: string | null;
  /** Grows with every rotation and every start: a client refuses a lower one than it has seen. */
  readonly epoch: number;
  /** Unix time in seconds. */
  readonly issuedAt: number;
  /** Unix time in seconds; after {@link KeyClaims.issuedAt}. */
  readonly expiresAt: number;
  /** The least that the router answers: below it, whoever answers is not the router. */
  readonly minProtocol: StatedProtocol;
  /** SHA-256 of the RSA key's SubjectPublicKeyInfo, lower-case hexadecimal; null without nomyo-v1. */
  readonly rsaKeySha256: string | null;
  /** The X25519 key of ehbp, 32 bytes; null without ehbp. */
  readonly ehbpKey: Uint8Array | null;
  readonly software: ClaimedSoftware;
  /** SHA-256 of the TLS certificate's SubjectPublicKeyInfo, lower-case hexadecimal, where the router ends TLS itself. */
  readonly tlsSpkiSha256?: string | undefined;
  /** SHA-256 of the policy by which the router picks upstreams, lower-case hexadecimal. */
  readonly upstreamPolicySha256?: string | undefined;
  /** The Ed25519 key under which the router signs receipts, 32 bytes. */
  readonly receiptKey?: Uint8Array | undefined;
  /** Set where the evidence of these claims is made by software, and so proves nothing. */
  readonly insecure?: true | undefined;
}

/** What runs, in the router's own words. */
export interface ClaimedSoftware {
  readonly name: string;
  readonly version: string;
  /** The source's commit, where the build knows it. */
  readonly commit?: string | undefined;
  /** The container image's digest, where the deployment knows it. */
  readonly imageDigest?: string | undefined;
}

/** The claims' JSON. These very bytes are what is signed and bound: they are never written a second time. */
export function serializeClaims(claims: KeyClaims): Uint8Array<ArrayBuffer> {
  // JSON leaves out what is undefined.
  return encodeUtf8(
    JSON.stringify({
      v: 1,
      kid: claims.kid,
      keyConfig: encodeBase64Url(claims.keyConfigs),
      aud: claims.origin,
      epoch: claims.epoch,
      iat: claims.issuedAt,
      exp: claims.expiresAt,
      minProtocol: claims.minProtocol,
      rsaKeySha256: claims.rsaKeySha256,
      ehbpKey: claims.ehbpKey === null ? null : encodeBase64Url(claims.ehbpKey),
      software: claims.software,
      tlsSpkiSha256: claims.tlsSpkiSha256,
      upstreamPolicySha256: claims.upstreamPolicySha256,
      receiptKey: claims.receiptKey === undefined ? undefined : encodeBase64Url(claims.receiptKey),
      insecure: claims.insecure,
    }),
  );
}
