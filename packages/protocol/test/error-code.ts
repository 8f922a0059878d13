import { SottoError } from '../src/index.ts';

/** The code of the error that `operation` throws; 'decoded' where it throws none. Other errors go on. */
export function errorCode(operation: () => unknown): string {
  try {
    operation();
  } catch (error) {
    if (SottoError.isInstance(error)) return error.code;
    throw error;
  }
  return 'decoded';
}

/** The same for a promise, or for what may be one. */
export async function asyncErrorCode(operation: () => unknown): Promise<string> {
  try {
    await operation();
  } catch (error) {
    if (SottoError.isInstance(error)) return error.code;
    throw error;
  }
  return 'decoded';
}
