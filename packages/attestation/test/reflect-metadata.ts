// The dependency injection inside @peculiar/x509 wants these three functions, and nothing else of the polyfill.
const store = new WeakMap<object, Map<unknown, unknown>>();

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const entries = store.get(target) ?? new Map<unknown, unknown>();
  entries.set(key, value);
  store.set(target, entries);
}

function getOwnMetadata(key: unknown, target: object): unknown {
  return store.get(target)?.get(key);
}

Object.assign(Reflect, { defineMetadata, getOwnMetadata, getMetadata: getOwnMetadata });
