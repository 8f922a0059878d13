import type { FuseAttributes } from './fuse-messages.ts';
import type { TsmFolder } from './tsm-folder.ts';

/** The node of the mounted folder itself (Linux, fuse.h: FUSE_ROOT_ID). */
export const ROOT_NODE = 1;
const DIRECTORY = 0o040755;
const WRITE_ONLY = 0o100200;
const READ_ONLY = 0o100444;
const TEXT_BYTES = 4_096; // stat(2) of configfs: a page for text, nothing for bytes
const TEXT_ATTRIBUTES = ['provider', 'generation', 'privlevel', 'privlevel_floor'];

/** What a node number stands for; `attribute` is null for an entry, both are null for the root. */
export interface TsmNode {
  readonly entry: string | null;
  readonly attribute: string | null;
}

/** Gives nodes of a report folder their numbers. */
export class TsmNodes {
  readonly #folder: TsmFolder;
  readonly #byNumber = new Map<number, TsmNode>([[ROOT_NODE, { entry: null, attribute: null }]]);
  readonly #numbers = new Map<string, number>();

  constructor(folder: TsmFolder) {
    this.#folder = folder;
  }

  /** @returns null for a number that was never given */
  get(number: number): TsmNode | null {
    return this.#byNumber.get(number) ?? null;
  }

  /** The node of that name below another. @returns null where there is none */
  child(parent: TsmNode, name: string): TsmNode | null {
    if (parent.entry === null) {
      return this.#folder.entries.includes(name) ? { entry: name, attribute: null } : null;
    }
    const isAttribute = parent.attribute === null && this.#folder.attributes.includes(name);
    return isAttribute ? { entry: parent.entry, attribute: name } : null;
  }

  /** What stat(2) says of a node. */
  attributes(node: TsmNode): FuseAttributes {
    const { attribute } = node;
    if (attribute === null) return { node: this.#numberOf(node), mode: DIRECTORY, size: 0 };
    const mode = attribute === 'inblob' || attribute === 'privlevel' ? WRITE_ONLY : READ_ONLY;
    return { node: this.#numberOf(node), mode, size: TEXT_ATTRIBUTES.includes(attribute) ? TEXT_BYTES : 0 };
  }

  /** What readdir(3) lists. */
  children(node: TsmNode): readonly (FuseAttributes & { readonly name: string })[] {
    const names = node.entry === null ? this.#folder.entries : this.#folder.attributes;
    return names.flatMap((name) => {
      const child = this.child(node, name);
      return child === null ? [] : [{ ...this.attributes(child), name }];
    });
  }

  #numberOf(node: TsmNode): number {
    if (node.entry === null) return ROOT_NODE;
    const key = `${node.entry}/${node.attribute ?? ''}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = ROOT_NODE + 1 + this.#numbers.size;
      this.#numbers.set(key, number);
      this.#byNumber.set(number, node);
    }
    return number;
  }
}
