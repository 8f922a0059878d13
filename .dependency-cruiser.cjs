// The stack of packages, lowest first. Each may import those below it, never one above or beside it.
const mayImport = {
  protocol: [],
  attestation: ['protocol'],
  client: ['protocol', 'attestation'],
  router: ['protocol', 'attestation', 'client'],
  cli: ['protocol', 'attestation', 'client', 'router'],
};

const layering = Object.entries(mayImport).map(([name, below]) => ({
  name: `${name}-imports-only-${below.length > 0 ? below.join('-') : 'itself'}`,
  severity: 'error',
  from: { path: `^packages/${name}/src` },
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...below].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...layering,
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-undeclared',
      severity: 'error',
      from: { path: '^packages/[^/]+/src' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'npm-dev'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^packages/[^/]+/src' },
      to: { couldNotResolve: true, pathNot: '^node-llama-cpp$' },
    },
    {
      name: 'features-do-not-import-each-other',
      comment: 'a router feature is a folder; app.ts joins them. Shared ground: exchange, config types, http',
      severity: 'error',
      from: {
        path: '^packages/router/src/(gateways|openai|upstreams|virtual-keys|rate-limits|usage|chatbots|websocket|admin|admin-page|metrics|openapi)/',
      },
      to: {
        path: '^packages/router/src/(gateways|openai|virtual-keys|rate-limits|usage|chatbots|websocket|admin|admin-page|metrics|openapi)/',
        pathNot: '^packages/router/src/$1/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'neutral-code-does-not-know-node',
      severity: 'error',
      from: {
        path: '^packages/(protocol|client|attestation)/src',
        pathNot: '/src/node/|/src/attest/|/src/testing/node/',
      },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@sotto/source', 'import', 'node', 'default'],
    },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/(dist|test)/' },
  },
};
