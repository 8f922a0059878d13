import { costNanoUsd, type ModelPrice, type PricedTokens, type TokenPrice, tokenPrice } from './price.ts';

/** What requests cost, by the names of models. */
export class PriceTable {
  readonly #prices: ReadonlyMap<string, TokenPrice>;
  readonly #targetsOf: (model: string) => readonly string[];

  /**
   * @param prices by a model's name: as it is asked for, or as its upstream calls it
   * @param targetsOf the models that an alias stands for; none for a name that is no alias
   */
  constructor(
    prices: Iterable<readonly [model: string, price: ModelPrice]>,
    targetsOf: (model: string) => readonly string[] = () => [],
  ) {
    this.#prices = new Map(Array.from(prices, ([model, price]) => [model, tokenPrice(price)]));
    this.#targetsOf = targetsOf;
  }

  /**
   * What a request cost, in billionths of a US dollar. The name that was asked for decides, else the one of the model
   * that answered; 0 where neither has a price.
   */
  cost(model: string, upstreamModel: string, tokens: PricedTokens): number {
    const price = this.#prices.get(model) ?? this.#prices.get(upstreamModel) ?? this.#ofTarget(model, upstreamModel);
    return price === undefined ? 0 : costNanoUsd(price, tokens);
  }

  /** At most what a request may cost while it is open which model will answer, in billionths of a US dollar. */
  estimate(model: string, tokens: number): number {
    const own = this.#prices.get(model);
    if (own !== undefined) return dearest(own, tokens);
    let most = 0;
    for (const name of [model, ...this.#targetsOf(model)]) {
      for (const spelling of [name, withoutUpstream(name)]) {
        const price = this.#prices.get(spelling);
        if (price !== undefined) most = Math.max(most, dearest(price, tokens));
      }
    }
    return most;
  }

  /** A target may name its upstream before a slash, and its price may be given under that name. */
  #ofTarget(model: string, upstreamModel: string): TokenPrice | undefined {
    const target = this.#targetsOf(model).find((each) => withoutUpstream(each) === upstreamModel);
    return target === undefined ? undefined : this.#prices.get(target);
  }
}

/** The cost with every token at the price of the dearest kind: how they divide is not known beforehand. */
function dearest(price: TokenPrice, tokens: number): number {
  const isInput = price.inputPicoUsd >= price.outputPicoUsd;
  return costNanoUsd(price, {
    promptTokens: isInput ? tokens : 0,
    cachedTokens: 0,
    completionTokens: isInput ? 0 : tokens,
  });
}

function withoutUpstream(model: string): string {
  return model.slice(model.indexOf('/') + 1);
}
