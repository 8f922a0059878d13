import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate that nobody else signed, and its key. */
export interface Certificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Makes one, for the name `model.test`. @returns null where there is no openssl to make it with */
export function selfSigned(): Certificate | null {
  const folder = mkdtempSync(join(tmpdir(), 'self-signed-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  try {
    execFileSync('openssl', [...kind, '-subj', '/CN=model.test', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { certPem: readFileSync(cert, 'utf8'), keyPem: readFileSync(key, 'utf8') };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
