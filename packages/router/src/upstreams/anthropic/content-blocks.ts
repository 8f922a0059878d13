import { type APIError, apiError } from '@sotto/protocol';
import { z } from 'zod';
import type { Base64Source, Cacheable, DocumentBlock, ImageBlock, TextBlock, UrlSource } from './messages-api.ts';

const part = z.object({
  type: z.string(),
  text: z.string().optional(),
  refusal: z.string().optional(),
  image_url: z.object({ url: z.string() }).optional(),
  file: z.object({ file_data: z.string().optional(), filename: z.string().nullish() }).optional(),
  cache_control: z.looseObject({ type: z.string() }).nullish(),
});
type Part = z.output<typeof part>;

/** What a message of OpenAI's form says: a text, or a list of parts. */
export const contentSchema = z.union([z.string(), z.array(part)], 'a text or a list of parts').nullish();
/** See {@link contentSchema}. */
export type Content = z.output<typeof contentSchema>;

/** Anthropic's API reference, Base64ImageSource: the media types it takes. */
const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+);base64,/i;

/**
 * The blocks of a message. Blank texts are left out: the API takes none.
 * @param at the content's name in errors: `messages[0].content`
 * @throws InvalidRequestError `invalid_request` for parts that the API has no block for
 */
export function contentBlocks(content: Content, at: string): readonly (TextBlock | ImageBlock | DocumentBlock)[] {
  if (typeof content === 'string') return isBlank(content) ? [] : [{ type: 'text', text: content }];
  return (content ?? []).flatMap((each, index) => blockOf(each, `${at}[${index}]`));
}

/**
 * The blocks of a message that can only be text.
 * @throws InvalidRequestError `invalid_request` for other parts
 */
export function textBlocks(content: Content, at: string): readonly TextBlock[] {
  if (typeof content === 'string') return isBlank(content) ? [] : [{ type: 'text', text: content }];
  return (content ?? []).flatMap((each, index) => {
    const [block] = blockOf(each, `${at}[${index}]`);
    if (block === undefined) return [];
    if (block.type === 'text') return [block];
    throw refused('a message of this role can only hold text', `${at}[${index}]`);
  });
}

function blockOf(each: Part, at: string): readonly (TextBlock | ImageBlock | DocumentBlock)[] {
  const text = each.type === 'text' ? each.text : each.type === 'refusal' ? each.refusal : undefined;
  if (text !== undefined) return isBlank(text) ? [] : [{ type: 'text', text, ...cacheMark(each) }];
  if (each.type === 'image_url' && each.image_url !== undefined) {
    return [{ type: 'image', source: imageSource(each.image_url.url, `${at}.image_url.url`), ...cacheMark(each) }];
  }
  if (each.type === 'file' && each.file?.file_data !== undefined) {
    const title = each.file.filename ?? null;
    const source = pdfSource(each.file.file_data, `${at}.file.file_data`);
    return [{ type: 'document', source, ...(title === null ? {} : { title }), ...cacheMark(each) }];
  }
  throw refused('this model takes parts of type text, image_url and file (a PDF in file_data)', at);
}

function imageSource(url: string, param: string): UrlSource | Base64Source {
  if (/^https?:\/\//i.test(url)) return { type: 'url', url };
  const source = base64Source(url);
  if (source !== null && IMAGE_TYPES.includes(source.media_type)) return source;
  throw refused('an image is an https URL, or a base64 data URL of JPEG, PNG, GIF or WebP', param);
}

function pdfSource(url: string, param: string): Base64Source {
  const source = base64Source(url);
  if (source?.media_type === 'application/pdf') return source;
  throw refused('a file is a base64 data URL of a PDF', param);
}

function base64Source(url: string): Base64Source | null {
  const [head, mediaType] = DATA_URL.exec(url) ?? [];
  if (head === undefined || mediaType === undefined) return null;
  return { type: 'base64', media_type: mediaType.toLowerCase(), data: url.slice(head.length) };
}

function cacheMark({ cache_control }: Part): Cacheable {
  return cache_control === undefined || cache_control === null ? {} : { cache_control };
}

function isBlank(text: string): boolean {
  return !/\S/.test(text);
}

function refused(message: string, param: string): APIError {
  return apiError('invalid_request', message, { param });
}
