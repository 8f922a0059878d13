/** What opening and sealing is made of. `nomyo_unwrap` is RSA, the wait for its turn included. */
export type CryptoOperation = 'ohttp_open' | 'ohttp_seal' | 'ehbp_open' | 'ehbp_seal' | 'nomyo_unwrap' | 'nomyo_seal';

/** Told of an operation that began at `beganMs` of `performance.now()`, and is over. */
export type CryptoClock = (operation: CryptoOperation, beganMs: number) => void;
