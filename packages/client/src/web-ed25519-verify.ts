// A module of its own, so that a bundler takes this one function out of the index and leaves the others there.
export { webEd25519Verify } from '@sotto/protocol/key-statement';
