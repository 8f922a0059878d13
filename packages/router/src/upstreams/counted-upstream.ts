import type { SecurityTier } from '@sotto/protocol';
import type { Upstream, UpstreamCall, UpstreamClass, UpstreamListener, UpstreamRequest } from './upstream.ts';

/** An upstream that knows how many calls it has under way. */
export class CountedUpstream implements Upstream {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  readonly #upstream: Upstream;
  readonly #weight: number;
  #underWay = 0;

  constructor(upstream: Upstream, weight: number) {
    this.name = upstream.name;
    this.tier = upstream.tier;
    this.class = upstream.class;
    this.#upstream = upstream;
    this.#weight = weight;
  }

  /** Calls under way for each unit of weight: the next call goes where this is least. */
  get load(): number {
    return this.#underWay / this.#weight;
  }

  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    this.#underWay++;
    let over = false;
    const finish = (): void => {
      if (!over) this.#underWay--;
      over = true;
    };
    const call = this.#upstream.start(request, {
      onHead: (status, headers) => listener.onHead(status, headers),
      onData: (chunk) => listener.onData(chunk),
      onEnd: () => {
        finish();
        listener.onEnd();
      },
      onError: (error) => {
        finish();
        listener.onError(error);
      },
    });
    return {
      pause: () => call.pause(),
      resume: () => call.resume(),
      cancel: () => {
        finish();
        call.cancel();
      },
    };
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }
}
