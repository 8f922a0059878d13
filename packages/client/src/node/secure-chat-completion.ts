import type { ClientOptions } from '../client-options.ts';
import { SecureChatCompletion as NeutralSecureChatCompletion } from '../secure-chat-completion.ts';
import { SecureSession } from '../secure-session.ts';
import { onNode } from './node-platform.ts';

/** {@link NeutralSecureChatCompletion} with Node's transport, cryptography, environment and key files. */
export class SecureChatCompletion extends NeutralSecureChatCompletion {
  constructor(options: ClientOptions | SecureSession = {}) {
    super(options instanceof SecureSession ? options : onNode(options));
  }
}
