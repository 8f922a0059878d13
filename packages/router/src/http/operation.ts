import type { z } from 'zod';

/** What one route does, for the API description: made of the schemas that the route validates with. */
export interface Operation {
  /** One line, as a list shows it. */
  readonly summary: string;
  /** The group it stands in. */
  readonly tag: 'models' | 'chatbots' | 'keys' | 'administration' | 'health' | 'encrypted';
  /** Which credential it asks for. */
  readonly credential: 'api-key' | 'admin-key' | 'none';
  /** The request's body; absent where there is none. */
  readonly request?: { readonly mediaType: string; readonly schema?: z.ZodType };
  /** What a path or query parameter means, by name; path parameters are found in the path. */
  readonly parameters?: readonly OperationParameter[];
  /** Good answers by status; every route may also answer with an error. */
  readonly responses: Readonly<Record<number, OperationResponse>>;
}

/** A parameter of the query, or a word on one of the path. */
export interface OperationParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly schema: z.ZodType;
}

/** One kind of answer: its media types, each with the schema of what it carries where that is JSON. */
export interface OperationResponse {
  readonly description: string;
  readonly content?: Readonly<Record<string, z.ZodType | null>>;
}
