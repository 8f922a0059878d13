export { DER_TAG, type DerElement, DerReader } from './der-reader.ts';
export { unsignedInteger } from './unsigned-integer.ts';
