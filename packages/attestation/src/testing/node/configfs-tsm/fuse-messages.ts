import { concatBytes, encodeUtf8 } from '@sotto/protocol';

/** Operations of the FUSE protocol that are answered here (Linux, include/uapi/linux/fuse.h, enum fuse_opcode). */
export const FUSE = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  create: 35,
  interrupt: 36,
  batchForget: 42,
} as const;

/** The longest request: a header, a write and its data. */
export const MAX_FUSE_REQUEST_BYTES = 135_168;
const IN_HEADER_BYTES = 40; // struct fuse_in_header
const OUT_HEADER_BYTES = 16; // struct fuse_out_header
/** Version 7.31: old enough for every kernel with TSM reports, new enough for the layouts below. */
const FUSE_VERSION = [7, 31] as const;
const FOPEN_DIRECT_IO = 1;
const MAX_WRITE_BYTES = 4_096;

/** A request of the kernel. */
export interface FuseRequest {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: number;
  readonly body: Uint8Array;
}

/** Reads a request: struct fuse_in_header, then the operation's own. */
export function parseFuseRequest(bytes: Uint8Array): FuseRequest {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    opcode: view.getUint32(4, true),
    unique: view.getBigUint64(8, true),
    node: Number(view.getBigUint64(16, true)),
    body: bytes.slice(IN_HEADER_BYTES),
  };
}

/** The name that ends a request, zero terminated, after `offset` bytes. */
export function fuseName(body: Uint8Array, offset = 0): string {
  const name = body.subarray(offset);
  const end = name.indexOf(0);
  return new TextDecoder().decode(name.subarray(0, end === -1 ? name.length : end));
}

/** Writes a reply; `errno` is the number of an error, and then nothing follows. */
export function fuseReply(unique: bigint, errno: number, body: Uint8Array = new Uint8Array()): Uint8Array {
  const header = new Uint8Array(OUT_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, OUT_HEADER_BYTES + body.length, true);
  view.setInt32(4, -errno, true);
  view.setBigUint64(8, unique, true);
  return concatBytes(header, body);
}

/** struct fuse_init_out of version 7.31. */
export function fuseInitReply(): Uint8Array {
  const body = new Uint8Array(64);
  const view = new DataView(body.buffer);
  view.setUint32(0, FUSE_VERSION[0], true);
  view.setUint32(4, FUSE_VERSION[1], true);
  view.setUint32(20, MAX_WRITE_BYTES, true);
  return body;
}

/** What stat(2) says of a node. */
export interface FuseAttributes {
  readonly node: number;
  /** File type and permissions. */
  readonly mode: number;
  readonly size: number;
}

/** struct fuse_attr; owned by root, as in configfs. */
function attributes({ node, mode, size }: FuseAttributes): Uint8Array {
  const body = new Uint8Array(88);
  const view = new DataView(body.buffer);
  view.setBigUint64(0, BigInt(node), true);
  view.setBigUint64(8, BigInt(size), true);
  view.setUint32(60, mode, true);
  view.setUint32(64, 1, true);
  view.setUint32(80, 4_096, true);
  return body;
}

/** struct fuse_entry_out; nothing may be kept by the kernel. */
export function fuseEntryReply(entry: FuseAttributes): Uint8Array {
  const head = new Uint8Array(40);
  new DataView(head.buffer).setBigUint64(0, BigInt(entry.node), true);
  return concatBytes(head, attributes(entry));
}

/** struct fuse_attr_out. */
export function fuseAttributesReply(entry: FuseAttributes): Uint8Array {
  return concatBytes(new Uint8Array(16), attributes(entry));
}

/** struct fuse_open_out: reads and writes go past the page cache, and past the size that stat(2) says. */
export function fuseOpenReply(handle: number): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setBigUint64(0, BigInt(handle), true);
  view.setUint32(8, FOPEN_DIRECT_IO, true);
  return body;
}

/** struct fuse_write_out. */
export function fuseWriteReply(length: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setUint32(0, length, true);
  return body;
}

/** struct fuse_read_in and fuse_write_in begin alike. */
export function parseFuseTransfer(body: Uint8Array): { handle: number; offset: number; size: number } {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return {
    handle: Number(view.getBigUint64(0, true)),
    offset: Number(view.getBigUint64(8, true)),
    size: view.getUint32(16, true),
  };
}

/** The data of a write, after its 40 bytes of struct fuse_write_in. */
export function fuseWriteData(body: Uint8Array, size: number): Uint8Array {
  return body.slice(40, 40 + size);
}

/** struct fuse_dirent, one after the other, from the `offset`th on and as many as fit into `size`. */
export function fuseDirectoryReply(
  entries: readonly (FuseAttributes & { readonly name: string })[],
  offset: number,
  size: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const [index, entry] of entries.entries()) {
    if (index < offset) continue;
    const name = encodeUtf8(entry.name);
    const part = new Uint8Array(Math.ceil((24 + name.length) / 8) * 8);
    const view = new DataView(part.buffer);
    view.setBigUint64(0, BigInt(entry.node), true);
    view.setBigUint64(8, BigInt(index + 1), true);
    view.setUint32(16, name.length, true);
    view.setUint32(20, entry.mode >> 12, true);
    part.set(name, 24);
    if (length + part.length > size) break;
    length += part.length;
    parts.push(part);
  }
  return concatBytes(...parts);
}
