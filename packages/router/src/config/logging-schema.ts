import { z } from 'zod';

/** What the router writes of its work. */
export const loggingSchema = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** One line a request. */
  requests: z.boolean().default(true),
  /** Lines of sealed requests name key and tokens, too: whoever reads the log learns what the wire keeps to itself. */
  sealedDetail: z.boolean().default(false),
});
