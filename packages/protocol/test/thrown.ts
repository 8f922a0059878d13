/** What `operation` throws, or rejects with. @throws Error where it does neither */
export async function thrownBy(operation: () => unknown): Promise<unknown> {
  try {
    await operation();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
