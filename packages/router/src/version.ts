/** The version of this package, written in by the release. */
export const version = '0.1.0';
