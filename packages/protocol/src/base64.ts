/** Arguments a call of `String.fromCharCode` takes safely in every engine. */
const SLICE_BYTES = 8_192;

/** Standard base64 with padding (RFC 4648 §4), with nothing but what every runtime has. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let offset = 0; offset < bytes.length; offset += SLICE_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(offset, offset + SLICE_BYTES));
  }
  return btoa(binary);
}

/**
 * Decodes standard base64, strictly: no white space, full padding, zero bits at the end.
 * @returns null for anything {@link encodeBase64} would not have written, so that one value has one spelling
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  let binary: string;
  try {
    // `atob` forgives white space and missing padding (WHATWG infra): the comparison below does not.
    binary = atob(text);
  } catch {
    return null;
  }
  if (btoa(binary) !== text) return null;
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
