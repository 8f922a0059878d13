/** Numbers from 0 to 1 that are the same in every run with the same seed: a linear congruential generator (Knuth's MMIX constants). */
export function seeded(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & 0xffff_ffff_ffff_ffffn;
    return Number(state >> 33n) / 2 ** 31;
  };
}

/** Picks a name, each as often as its share says. */
export function pick<Name extends string>(shares: Readonly<Record<Name, number>>, random: () => number): Name {
  const names = Object.keys(shares) as Name[];
  const all = names.reduce((sum, name) => sum + shares[name], 0);
  let left = random() * all;
  for (const name of names) {
    left -= shares[name];
    if (left < 0) return name;
  }
  throw new RangeError('nothing to pick from');
}
