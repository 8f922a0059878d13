import { type ChatCall, describeNomyoClient, type NomyoClient } from './nomyo-clients.ts';
import { makeKeyPair, NomyoJavascriptStandIn, RefusedError } from './nomyo-javascript/stand-in.ts';

const keys = makeKeyPair();

const run: NomyoClient = ({ baseUrl, apiKey }, calls) => {
  const client = new NomyoJavascriptStandIn({ baseUrl, keys, ...(apiKey === null ? {} : { apiKey }) });
  return Promise.all(
    calls.map(async (call: ChatCall) => {
      try {
        return { answer: await client.create(call) };
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        return { refused: { kind: error.name, status: error.status, detail: error.message } };
      }
    }),
  );
};

describeNomyoClient("NOMYO's JavaScript client", 'js-2-tools', run, () => 'RefusedError');
