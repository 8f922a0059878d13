import type { APIError, SecurityTier } from '@sotto/protocol';
import type { HeaderFields } from '../../src/http/exchange.ts';
import type { Upstream, UpstreamCall, UpstreamListener, UpstreamRequest } from '../../src/upstreams/upstream.ts';

/** A call as the upstream sees it. */
export interface ScriptedCall {
  readonly request: UpstreamRequest;
  readonly listener: UpstreamListener;
  cancelled: boolean;
  /** How it was held back and let go on. */
  readonly steering: ('pause' | 'resume')[];
}

/** An upstream whose calls a test answers by hand. */
export class ScriptedUpstream implements Upstream {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class = 'loopback';
  readonly calls: ScriptedCall[] = [];
  closed = false;

  constructor(name = 'scripted', tier: SecurityTier = 'standard') {
    this.name = name;
    this.tier = tier;
  }

  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    const call: ScriptedCall = { request, listener, cancelled: false, steering: [] };
    this.calls.push(call);
    return {
      pause: () => void call.steering.push('pause'),
      resume: () => void call.steering.push('resume'),
      cancel: () => {
        call.cancelled = true;
      },
    };
  }

  /** Answers the newest call whole. */
  answer(status: number, headers: HeaderFields = {}, text = '{}'): void {
    const listener = this.calls.at(-1)?.listener;
    listener?.onHead(status, headers);
    listener?.onData(new TextEncoder().encode(text));
    listener?.onEnd();
  }

  /** Breaks the newest call. */
  fail(error: APIError): void {
    this.calls.at(-1)?.listener.onError(error);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** What a caller was told. */
export class RecordingListener implements UpstreamListener {
  readonly heads: number[] = [];
  readonly errors: APIError[] = [];
  ends = 0;
  resent = 0;

  onHead(status: number): void {
    this.heads.push(status);
  }

  onData(): void {}

  onEnd(): void {
    this.ends++;
  }

  onError(error: APIError): void {
    this.errors.push(error);
  }

  onResend(): void {
    this.resent++;
  }
}

/** A request that a test tells from others by its path. */
export function requestTo(path: string): UpstreamRequest {
  return { method: 'POST', path, body: new Uint8Array(0), stream: false };
}
