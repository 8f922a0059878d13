import type { AttestationStep } from '@sotto/client';

/** What the proxy has verified of the router, in words. No content, no key. */
export interface ProxyStatus {
  readonly router: string;
  /** `connected`, or why not. */
  readonly state: string;
  readonly protocol: string;
  /** The HPKE suite in words, such as `MLKEM768-X25519, HKDF-SHA256, AES-256-GCM`. */
  readonly suite: string | null;
  /** SHA-256 of the public key that requests are sealed to. */
  readonly keyFingerprint: string | null;
  /** How the key is trusted, in words. */
  readonly trust: string | null;
  /** The verification of the router's evidence, step by step; empty where none is asked for, or not yet. */
  readonly attestation: readonly AttestationStep[];
  /** What verified evidence measured, by the platform's own names; empty while nothing is verified. */
  readonly measurements: Readonly<Record<string, string>>;
  /** Until when it holds, ISO 8601; null while nothing is verified. */
  readonly validUntil: string | null;
  readonly requests: number;
  readonly failures: number;
}

/** The status as a page: no script, no image, nothing from elsewhere. */
export function statusPage(status: ProxyStatus): string {
  const rows: readonly (readonly [string, string])[] = [
    ['Router', status.router],
    ['State', status.state],
    ['Protocol', status.protocol],
    ['Suite', status.suite ?? 'not known yet'],
    ['Key SHA-256', status.keyFingerprint ?? 'not known yet'],
    ['Trust', status.trust ?? 'not known yet'],
    ['Requests carried', String(status.requests)],
    ['Requests failed', String(status.failures)],
  ];
  const steps = status.attestation.map(({ name, status: outcome, words, code }): readonly [string, string] => [
    `Evidence: ${name}`,
    `${outcome}: ${words}${code === undefined ? '' : ` (${code})`}`,
  ]);
  const proved: readonly (readonly [string, string])[] = [
    ...Object.entries(status.measurements).map(([name, value]) => [`Measured: ${name}`, value] as const),
    ...(status.validUntil === null ? [] : ([['Evidence holds until', status.validUntil]] as const)),
  ];
  const cells = [...rows, ...steps, ...proved].map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sotto proxy</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
  table { border-collapse: collapse; width: 100% } th { text-align: left; font-weight: 600; width: 11rem; vertical-align: top }
  th, td { padding: .5rem .25rem; border-bottom: 1px solid #ddd } td { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
  @media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616 } th, td { border-color: #333 } }
</style>
<h1>Sotto proxy</h1>
<p>Requests to this address leave the machine sealed: whoever carries them sees their size and time, and nothing else.</p>
<table>${cells.join('')}</table>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
