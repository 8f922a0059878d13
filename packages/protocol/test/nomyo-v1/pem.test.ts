import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePem, encodePem } from '../../src/nomyo-v1/pem.ts';

const BLOCK = '-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----';

describe('PEM', () => {
  test('is written in lines of 64 characters with a newline at the end (RFC 7468 §2)', () => {
    const lines = encodePem('PUBLIC KEY', new Uint8Array(100).fill(1)).split('\n');
    expect(lines[0]).toBe('-----BEGIN PUBLIC KEY-----');
    expect(lines.slice(1, -2).map((line) => line.length)).toEqual([64, 64, 8]);
    expect(lines.slice(-2)).toEqual(['-----END PUBLIC KEY-----', '']);
  });

  test('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), (der) => {
        const block = decodePem(encodePem('PRIVATE KEY', der));
        expect(block?.label).toBe('PRIVATE KEY');
        expect(Buffer.from(block?.der ?? []).equals(der)).toBe(true);
      }),
    );
  });

  test.each([
    ['with CRLF', BLOCK.replaceAll('\n', '\r\n')],
    ['with white space around it', `\n\n  ${BLOCK}\n\t`],
    ['in one line', BLOCK.replace('\nAQID\n', '\nAQID')],
    ['with its base64 broken anywhere', BLOCK.replace('AQID', 'A\nQ I\tD')],
  ])('is read %s', (_form, text) => {
    expect(decodePem(text)).toEqual({ label: 'PUBLIC KEY', hasHeaders: false, der: Uint8Array.of(1, 2, 3) });
  });

  test('with header lines says so and holds no key, for its base64 may be encrypted (RFC 1421)', () => {
    const text = BLOCK.replace('AQID', 'Proc-Type: 4,ENCRYPTED\n\nAQID');
    expect(decodePem(text)).toMatchObject({ hasHeaders: true, der: { length: 0 } });
  });

  test.each([
    ['nothing', ''],
    ['no PEM', 'AQID'],
    ['two of them', `${BLOCK}\n${BLOCK}`],
    ['text before it', `key:\n${BLOCK}`],
    ['text after it', `${BLOCK}\nend`],
    ['another label at its end', BLOCK.replace('END PUBLIC', 'END PRIVATE')],
    ['no base64 in it', BLOCK.replace('AQID', '')],
    ['base64 without padding', BLOCK.replace('AQID', 'AQI')],
    ['base64 of URLs', BLOCK.replace('AQID', '-_-_')],
    ['no newline after BEGIN', BLOCK.replace('-----\nAQID', '-----AQID')],
    ['dashes missing', BLOCK.slice(1)],
    ['16,385 characters', `${BLOCK}${' '.repeat(16_385 - BLOCK.length)}`],
  ])('is refused where there is %s', (_what, text) => {
    expect(decodePem(text)).toBeNull();
  });

  test('of hostile text is refused in no time', () => {
    const started = performance.now();
    for (const filler of ['\r\n', '-----END ', '-----BEGIN PUBLIC KEY-----\n', 'A ']) {
      decodePem(`-----BEGIN PUBLIC KEY-----\n${filler.repeat(16_300 / filler.length)}`);
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
