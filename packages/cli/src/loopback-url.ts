/** Whether plain HTTP to an address stays on this machine. */
export function isLoopbackUrl(url: string): boolean {
  return /^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/.test(url);
}
