import { ConfigurationError } from '@sotto/protocol';

/** One thing that is wrong with a configuration. */
export interface ConfigFault {
  /** `upstreams.0.tier`; `(top level)` for the whole. */
  readonly key: string;
  /** The file, the environment variable or the command line; null where nobody said anything. */
  readonly source: string | null;
  /** Of the file. */
  readonly line: number | null;
  /** What was wanted. Never the value: that may be a key. */
  readonly message: string;
}

/** A configuration with faults: all that were found, each with its place. Mend them. */
export class InvalidConfigError extends ConfigurationError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map((fault) => `  ${placeOf(fault)}${fault.key}: ${fault.message}`);
    super(`the configuration is not valid:\n${lines.join('\n')}`, { code: 'invalid_config' });
    this.faults = faults;
  }
}

/** As compilers write it, so that editors find it. */
function placeOf({ source, line }: ConfigFault): string {
  if (source === null) return '';
  return line === null ? `${source}: ` : `${source}:${line}: `;
}
