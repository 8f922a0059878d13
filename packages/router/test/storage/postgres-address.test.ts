import { describe, expect, test } from 'vitest';
import { parsePostgresAddress } from '../../src/storage/postgres/postgres-address.ts';

describe('the address of a PostgreSQL database', () => {
  test('is read as libpq writes it', () => {
    expect(parsePostgresAddress('postgres://me@127.0.0.1/sotto')).toEqual({
      host: '127.0.0.1',
      port: 5432,
      database: 'sotto',
      user: 'me',
      password: null,
      tls: 'disable',
      rootCertificateFile: null,
    });
    expect(
      parsePostgresAddress(
        'postgresql://m%40e:p%3A%25@db.example:6432/so%2Ftto?sslmode=verify-full&sslrootcert=/ca.pem',
      ),
    ).toEqual({
      host: 'db.example',
      port: 6432,
      database: 'so/tto',
      user: 'm@e',
      password: 'p:%',
      tls: 'verify-full',
      rootCertificateFile: '/ca.pem',
    });
    expect(parsePostgresAddress('postgres://me@[::1]:1/d')).toMatchObject({ host: '::1', tls: 'disable' });
    const socket = { host: '/run/postgresql', user: 'me', database: 'd', tls: 'disable' };
    expect(parsePostgresAddress('postgres:///d?host=/run/postgresql&user=me')).toMatchObject(socket);
    expect(parsePostgresAddress('postgres://me@%2Frun%2Fpostgresql/d')).toMatchObject(socket);
  });

  test.each([
    ['no TLS mode to another machine', 'postgres://me:hidden@db.example/d'],
    ['a name that only looks like loopback', 'postgres://me:hidden@127.0.0.1.example/d'],
    ['an unknown TLS mode', 'postgres://me:hidden@db.example/d?sslmode=prefer'],
    ['an unknown parameter', 'postgres://me:hidden@localhost/d?sslmod=require'],
    ['a parameter twice', 'postgres://me:hidden@db.example/d?sslmode=verify-full&sslmode=disable'],
    ['a password among the parameters', 'postgres://me@localhost/d?password=hidden'],
    ['no user', 'postgres://localhost/d?host=hidden'],
    ['no database', 'postgres://me:hidden@localhost'],
    ['no host', 'postgres:///d?user=hidden'],
    ['a broken escape', 'postgres://me:hidden%zz@localhost/d'],
    ['a fragment', 'postgres://me:hidden@localhost/d#e'],
    ['no address', 'postgres://'],
    ['a port that is none', 'postgres://me:hidden@localhost:99999/d'],
    ['another scheme', 'mysql://me:hidden@localhost/d'],
  ])('is refused with %s, and nothing of it repeated', (_what, url) => {
    let refusal: unknown;
    try {
      parsePostgresAddress(url);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'invalid_config' });
    expect(String(refusal)).toMatch(/storage: /);
    expect(String(refusal)).not.toContain('hidden');
  });
});
