import './reflect-metadata.ts';
import { X509Certificate, X509Crl } from '@peculiar/x509';

/** @peculiar/x509's reading of a certificate, DER. */
export function peculiarCertificate(der: Uint8Array): X509Certificate {
  return new X509Certificate(new Uint8Array(der));
}

/** @peculiar/x509's reading of a revocation list, DER. */
export function peculiarCrl(der: Uint8Array): X509Crl {
  return new X509Crl(new Uint8Array(der));
}
