import { constants } from 'node:os';
import { concatBytes } from '@sotto/protocol';
import {
  FUSE,
  type FuseRequest,
  fuseAttributesReply,
  fuseDirectoryReply,
  fuseEntryReply,
  fuseInitReply,
  fuseName,
  fuseOpenReply,
  fuseReply,
  fuseWriteData,
  fuseWriteReply,
  parseFuseTransfer,
} from './fuse-messages.ts';
import { ErrnoError, type TsmFolder } from './tsm-folder.ts';
import { type TsmNode, TsmNodes } from './tsm-nodes.ts';

const MKDIR_IN_BYTES = 8; // struct fuse_mkdir_in, before the name

interface OpenFile {
  /** What has been written since it was opened. */
  readonly written: Uint8Array[];
  /** What it reads: made at the first read, so that one report is one report. */
  content: Promise<Uint8Array> | null;
}

/** Answers the kernel's FUSE requests for a report folder. */
export class TsmFileSystem {
  readonly #folder: TsmFolder;
  readonly #nodes: TsmNodes;
  readonly #files = new Map<number, OpenFile>();
  #lastHandle = 0;

  constructor(folder: TsmFolder) {
    this.#folder = folder;
    this.#nodes = new TsmNodes(folder);
  }

  /** The reply to a request. @returns null for those that have none */
  async answer(request: FuseRequest): Promise<Uint8Array | null> {
    const { opcode, unique } = request;
    if (opcode === FUSE.forget || opcode === FUSE.batchForget || opcode === FUSE.interrupt) return null;
    try {
      return fuseReply(unique, 0, await this.#perform(request));
    } catch (error) {
      const code = error instanceof ErrnoError ? error.code : 'EIO';
      const found = Object.entries(constants.errno).find(([name]) => name === code);
      return fuseReply(unique, found?.[1] ?? constants.errno.EIO);
    }
  }

  async #perform({ opcode, node: number, body }: FuseRequest): Promise<Uint8Array> {
    if (opcode === FUSE.init) return fuseInitReply();
    const node = this.#nodes.get(number);
    if (node === null) throw new ErrnoError('ENOENT');
    switch (opcode) {
      case FUSE.lookup:
        return fuseEntryReply(this.#nodes.attributes(this.#child(node, fuseName(body))));
      case FUSE.getattr:
      case FUSE.setattr: // of O_TRUNC, which configfs tolerates
        return fuseAttributesReply(this.#nodes.attributes(node));
      case FUSE.mkdir:
        return this.#make(node, fuseName(body, MKDIR_IN_BYTES));
      case FUSE.rmdir:
        return this.#remove(node, fuseName(body));
      case FUSE.create:
        throw new ErrnoError('EACCES');
      case FUSE.unlink:
        throw new ErrnoError('EPERM');
      case FUSE.open:
        return this.#open();
      case FUSE.read:
        return this.#read(node, body);
      case FUSE.write:
        return this.#write(node, body);
      case FUSE.flush:
        return this.#flush(node, body);
      case FUSE.release:
        this.#files.delete(parseFuseTransfer(body).handle);
        return new Uint8Array();
      case FUSE.opendir:
        return fuseOpenReply(0);
      case FUSE.readdir: {
        const { offset, size } = parseFuseTransfer(body);
        return fuseDirectoryReply(this.#nodes.children(node), offset, size);
      }
      case FUSE.releasedir:
        return new Uint8Array();
      case FUSE.statfs:
        return new Uint8Array(80); // struct fuse_statfs_out
      default:
        throw new ErrnoError('ENOSYS');
    }
  }

  #child(parent: TsmNode, name: string): TsmNode {
    const child = this.#nodes.child(parent, name);
    if (child === null) throw new ErrnoError('ENOENT');
    return child;
  }

  #make(parent: TsmNode, name: string): Uint8Array {
    if (parent.entry !== null) throw new ErrnoError('EPERM');
    this.#folder.make(name);
    return fuseEntryReply(this.#nodes.attributes(this.#child(parent, name)));
  }

  #remove(parent: TsmNode, name: string): Uint8Array {
    if (parent.entry !== null) throw new ErrnoError('EPERM');
    this.#folder.remove(name);
    return new Uint8Array();
  }

  #open(): Uint8Array {
    this.#lastHandle += 1;
    this.#files.set(this.#lastHandle, { written: [], content: null });
    return fuseOpenReply(this.#lastHandle);
  }

  async #read({ entry, attribute }: TsmNode, body: Uint8Array): Promise<Uint8Array> {
    const { handle, offset, size } = parseFuseTransfer(body);
    const file = this.#file(handle);
    if (entry === null || attribute === null) throw new ErrnoError('EISDIR');
    file.content ??= this.#folder.read(entry, attribute);
    return (await file.content).slice(offset, offset + size);
  }

  #write({ entry, attribute }: TsmNode, body: Uint8Array): Uint8Array {
    const { handle, size } = parseFuseTransfer(body);
    const data = fuseWriteData(body, size);
    // Text takes effect at once, and its errors are those of write(2); bytes are gathered up to the close.
    if (entry !== null && attribute === 'privlevel') this.#folder.write(entry, attribute, data);
    else this.#file(handle).written.push(data);
    return fuseWriteReply(size);
  }

  /**
   * close(2) waits for this, not for the release: bytes that were written take effect here. It never fails, as in
   * configfs, where the error of a binary attribute is lost.
   */
  #flush({ entry, attribute }: TsmNode, body: Uint8Array): Uint8Array {
    const { handle } = parseFuseTransfer(body);
    const { written } = this.#file(handle);
    if (entry !== null && attribute !== null && written.length > 0) {
      this.#folder.write(entry, attribute, concatBytes(...written.splice(0)));
    }
    return new Uint8Array();
  }

  #file(handle: number): OpenFile {
    const file = this.#files.get(handle);
    if (file === undefined) throw new ErrnoError('EBADF');
    return file;
  }
}
