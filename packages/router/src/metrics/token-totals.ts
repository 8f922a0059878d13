/** Tokens of all requests since the start. */
export class TokenTotals {
  promptTokens = 0;
  completionTokens = 0;

  add(usage: { readonly promptTokens: number; readonly completionTokens: number }): void {
    this.promptTokens += usage.promptTokens;
    this.completionTokens += usage.completionTokens;
  }
}
