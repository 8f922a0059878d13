import { ConfigurationError } from '@sotto/protocol';

/**
 * Reads pins: SHA-256 in hexadecimal, with or without colons.
 * @param name of the option, for the error
 * @returns lower-case hexadecimal
 * @throws ConfigurationError `invalid_option`
 */
export function parsePins(name: string, pins: readonly string[]): ReadonlySet<string> {
  // An empty list would read as "nothing is pinned" to one reader and as "nothing is allowed" to another.
  if (pins.length === 0) throw invalid(`${name} is empty: leave it out, or name at least one`);
  return new Set(
    pins.map((pin) => {
      const digits = pin.replaceAll(':', '').toLowerCase();
      if (!/^[0-9a-f]{64}$/.test(digits)) throw invalid(`${name} holds SHA-256 hashes in hexadecimal, 64 digits each`);
      return digits;
    }),
  );
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_option' });
}
