import type { ByteQueue } from '../byte-queue.ts';
import { headersTooLarge, malformedMessage } from '../message-errors.ts';
import { FieldSectionDecoder, HeaderBudget, StringReader } from './field-section-decoder.ts';
import { controlDataFault } from './fields.ts';
import type { BhttpLimits } from './limits.ts';
import type { RequestHead, ResponseHead } from './message.ts';

/** Reads control data and header section as their bytes come. */
export interface HeadDecoder<Head> {
  /** Whether control data has been read and nothing of the headers: there the message may end (RFC 9292 §3.8). */
  readonly mayEnd: boolean;
  /** @returns the head, or null while bytes are missing */
  read(queue: ByteQueue): Head | null;
  /** The head of a message that ends after its control data. */
  ended(): Head;
}

/** Request control data (RFC 9292 §3.4) and headers. */
export class RequestHeadDecoder implements HeadDecoder<RequestHead> {
  readonly #strings: StringReader;
  readonly #headers: FieldSectionDecoder;
  readonly #controlData: string[] = [];
  #checked: Omit<RequestHead, 'headers'> | null = null;

  constructor(knownLength: boolean, limits: BhttpLimits) {
    const budget = new HeaderBudget('request', limits.headerBytes);
    this.#strings = new StringReader('request', budget, limits.fieldBytes);
    this.#headers = new FieldSectionDecoder('request', 'header', knownLength, limits, budget);
  }

  get mayEnd(): boolean {
    return this.#checked !== null && this.#headers.untouched;
  }

  read(queue: ByteQueue): RequestHead | null {
    while (this.#checked === null) {
      const text = this.#strings.read(queue);
      if (text === null) return null;
      this.#controlData.push(text);
      if (this.#controlData.length === 4) this.#checked = this.#check();
    }
    const headers = this.#headers.read(queue);
    return headers === null ? null : { ...this.#checked, headers };
  }

  ended(): RequestHead {
    return { ...(this.#checked ?? this.#check()), headers: [] };
  }

  #check(): Omit<RequestHead, 'headers'> {
    const [method = '', scheme = '', authority = '', path = ''] = this.#controlData;
    const controlData = { method, scheme, authority, path };
    const fault = controlDataFault(controlData);
    if (fault !== null) throw malformedMessage('request', fault);
    return controlData;
  }
}

/** Informational responses, final response control data (RFC 9292 §3.5) and headers. */
export class ResponseHeadDecoder implements HeadDecoder<ResponseHead> {
  readonly #knownLength: boolean;
  readonly #limits: BhttpLimits;
  readonly #budget: HeaderBudget;
  readonly #onInformational: (head: ResponseHead) => void;
  #informational = 0;
  #status: number | null = null;
  #headers: FieldSectionDecoder;

  constructor(knownLength: boolean, limits: BhttpLimits, onInformational: (head: ResponseHead) => void) {
    this.#knownLength = knownLength;
    this.#limits = limits;
    this.#budget = new HeaderBudget('response', limits.headerBytes);
    this.#onInformational = onInformational;
    this.#headers = this.#section();
  }

  get mayEnd(): boolean {
    return this.#status !== null && this.#status >= 200 && this.#headers.untouched;
  }

  read(queue: ByteQueue): ResponseHead | null {
    for (;;) {
      if (this.#status === null) {
        const status = queue.takeVarint();
        if (status === null) return null;
        this.#status = this.#check(status);
      }
      const headers = this.#headers.read(queue);
      if (headers === null) return null;
      const head = { status: this.#status, headers };
      if (head.status >= 200) return head;
      this.#onInformational(head);
      this.#status = null;
      this.#headers = this.#section();
    }
  }

  ended(): ResponseHead {
    return { status: this.#status ?? 0, headers: [] };
  }

  #check(status: number): number {
    if (status < 100 || status > 599) throw malformedMessage('response', 'has a status that is not within 100 to 599');
    if (status < 200) {
      this.#informational++;
      if (this.#informational > this.#limits.informational) throw headersTooLarge('response');
    }
    return status;
  }

  #section(): FieldSectionDecoder {
    return new FieldSectionDecoder('response', 'header', this.#knownLength, this.#limits, this.#budget);
  }
}
