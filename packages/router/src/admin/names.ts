import { z } from 'zod';

/** Control characters and what changes the reading direction: a name must not look like another. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** A name for people. */
export const displayName = z
  .string()
  .min(1)
  .max(128)
  .refine((name) => !UNPRINTABLE.test(name) && name.trim() === name, 'printable text that no space begins or ends');

/** A model's id or an alias, as a request may name it. */
export const modelName = z
  .string()
  .min(1)
  .max(256)
  .refine((name) => !UNPRINTABLE.test(name) && !/\s/.test(name), 'printable text without spaces');

/** A model's id; one that ends in `*` stands for all that begin so. */
export const modelPattern = modelName.refine(
  (name) => !name.slice(0, -1).includes('*'),
  'a `*` stands for a name’s end, and nowhere else',
);
