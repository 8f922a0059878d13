/** The type and subtype of a `Content-Type`, without its parameters and in lower case (RFC 9110 §8.3.1). */
export function mediaType(contentType: string | null | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
