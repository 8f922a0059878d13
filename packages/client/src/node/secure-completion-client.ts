import {
  SecureCompletionClient as NeutralClient,
  type SecureCompletionClientOptions,
} from '../secure-completion-client.ts';
import { onNode } from './node-platform.ts';

/** {@link NeutralClient} with Node's transport, cryptography, environment and key files. */
export class SecureCompletionClient extends NeutralClient {
  constructor(options: SecureCompletionClientOptions = {}) {
    super(onNode(options));
  }
}
