import {
  BadMember,
  decodeHeader,
  decodeMember,
  decodeRecords,
  type Header,
  holding,
  isHeader,
  isOfOne,
  pathOf,
  type PaxRecords,
  sizeOf,
  textOf,
  typeOf,
} from "./decode.ts";
import { printable } from "../../../base/printable.ts";
import { LAST_ID, MAX_UINT32 } from "../../../base/option_values.ts";
import { BLOCK, type Member, type MemberType, paddingOf } from "./header.ts";
import type { Ace } from "../../../vfs/acl.ts";
import type { Segment } from "../segments.ts";
import { readGnuSparse, readPaxSparse } from "./sparse.ts";
import { aclOf } from "./access_lists.ts";
import { type MemberXattrs, xattrsOf } from "./xattrs.ts";

/**
 * Most bytes in the headers of names and records of one member, and in those for
 * all members; nothing real comes near.
 */
const MOST_RECORDS = 2 ** 24;
/** Longest target of a symlink in bytes, as of one that a client makes. */
const MOST_TARGET = 4096;
/** The type of what GNU tar calls the archive (`-V`). */
const LABEL = "V";
const NO_RECORDS: PaxRecords = new Map();
const NO_XATTRS: MemberXattrs = new Map();
const encoder = new TextEncoder();

/** How archives are packed that have to be unpacked first: their first bytes. */
const packings: readonly [name: string, command: string, bytes: number[]][] = [
  ["gzip", "gunzip -c", [0x1f, 0x8b]],
  ["bzip2", "bunzip2 -c", [0x42, 0x5a, 0x68]],
  ["xz", "unxz -c", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["zstd", "unzstd -c", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Bytes of a file, and where they begin in it. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A member, and its bytes, to be read before the next member is asked for. */
export interface ArchiveMember extends Member {
  /** The content of a file, but for its holes; empty for anything else. */
  readonly content: AsyncIterable<Piece>;
  readonly xattrs: MemberXattrs;
  readonly acl: readonly Ace[] | undefined;
}

/** A tar archive that is read as it comes: ustar, pax, and GNU's long names and sparse files. */
export class Archive {
  readonly #source: Source;
  #first: Uint8Array | undefined;

  private constructor(source: Source, first: Uint8Array) {
    this.#source = source;
    this.#first = first;
  }

  /** Rejects with an `Error` of one line when the stream is no archive. */
  static async open(stream: ReadableStream<Uint8Array>): Promise<Archive> {
    const source = new Source(stream);
    try {
      const first = await source.first(BLOCK);
      assertArchive(first);
      return new Archive(source, first);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /**
   * The members, once; `skipped` is told of those that no store can hold: of
   * unknown types, or by names that are not UTF-8; and of extended attributes of others. Throws an `Error` for what is
   * damaged or ends too soon.
   */
  async *members(
    skipped: (path: string, reason: string) => void,
  ): AsyncGenerator<ArchiveMember> {
    const source = this.#source;
    const defaults = new Map<string, string>();
    let records: [key: string, value: string][] = [];
    const held = { own: 0, common: 0 };
    for (;;) {
      const block = await this.#block();
      // Whatever is behind it, a writer into a pipe is to get rid of.
      if (block.every((byte) => byte === 0)) return await source.drain();
      const header = decodeHeader(block);
      const { letter, type } = header;
      if ("xgLK".includes(letter)) {
        const whose = letter === "g" ? "common" : "own";
        const size = sizeOf(header, NO_RECORDS);
        held[whose] += BLOCK + size;
        if (held[whose] > MOST_RECORDS) throw damagedHeader();
        const body = await takeRecords(source, size);
        if (letter === "L") records.push(["path", textOf(body)]);
        else if (letter === "K") records.push(["linkpath", textOf(body)]);
        else if (letter === "x") records = records.concat(decodeRecords(body));
        else {
          for (const [key, value] of decodeRecords(body)) {
            // Extended attributes of all would be work for each of them.
            if (!isOfOne(key)) defaults.set(key, value);
          }
        }
        continue;
      }
      const merged = holding([...defaults, ...records]);
      // A link may repeat the size of its file, and has no bytes all the same.
      const isFile = type === "file" || type === undefined;
      let stored = isFile || letter === "D" ? sizeOf(header, merged) : 0;
      const padding = paddingOf(stored);
      const pax = type === "file"
        ? await readPaxSparse(merged, records, source)
        : undefined;
      const sparse = letter === "S" ? await readGnuSparse(block, source) : pax;
      records = [];
      held.own = 0;
      stored -= pax?.mapBytes ?? 0;
      const path = sparse?.path ?? pathOf(header, merged);
      const own = typeOf(header, path);
      const size = own === "file" ? sparse?.size ?? stored : 0;
      const segments = sparse?.segments ?? [{ offset: 0, length: stored }];
      assertMapped(path, segments, stored);
      const content = source.pieces(segments);
      const member = judge({ path, size, type: own }, header, merged);
      if (member instanceof BadMember) {
        // What the archive is called is no file that could be missed.
        if (letter !== LABEL) skipped(path, member.message);
      } else {
        const refused = (name: string) =>
          skipped(path, `its extended attribute ${printable(name)}`);
        const mayHave = own === "file" || own === "directory";
        const xattrs = mayHave ? xattrsOf(merged, refused) : NO_XATTRS;
        const acl = aclOf(merged, own, () => skipped(path, "its access list"));
        yield { ...member, xattrs, acl, content };
      }
      for await (const _ of content);
      await source.skip(padding);
    }
  }

  /** Reads no more. */
  async close(): Promise<void> {
    await this.#source.close();
  }

  /** The next header, or the zeros of the end. */
  async #block(): Promise<Uint8Array> {
    const block = this.#first ?? await this.#source.take(BLOCK);
    this.#first = undefined;
    if (block !== undefined) return block;
    throw new Error("the archive lacks its end: a part of it may be missing");
  }
}

/** Throws for what is not the first block of an archive. */
function assertArchive(first: Uint8Array): void {
  for (const [name, command, bytes] of packings) {
    if (!bytes.every((byte, at) => first[at] === byte)) continue;
    throw new Error(
      `this is ${name}: unpack it first: ${command} FILE | … import DIR`,
    );
  }
  if (first.length === 0) throw new Error("there is no archive: no input");
  const isEmpty = first.every((byte) => byte === 0);
  if (first.length === BLOCK && (isEmpty || isHeader(first))) return;
  throw new Error("this is no tar archive");
}

/** Throws for a map of a sparse file that is not of these bytes. */
function assertMapped(
  path: string,
  segments: readonly Segment[],
  stored: number,
): void {
  const bytes = segments.reduce((sum, { length }) => sum + length, 0);
  if (bytes === stored) return;
  throw new Error(`${path}: the map of a sparse file and its bytes differ`);
}

/** A member, or why no store can hold it. */
function judge(
  { type, ...known }: Pick<Member, "path" | "size"> & {
    readonly type: MemberType | undefined;
  },
  header: Header,
  records: PaxRecords,
): Member | BadMember {
  try {
    if (type === undefined) throw new BadMember(`type "${header.letter}"`);
    const member = { ...known, type, ...decodeMember(header, records) };
    assertFits(member);
    return member;
  } catch (error) {
    if (error instanceof BadMember) return error;
    throw error;
  }
}

function assertFits(
  { path, type, target, uid, gid, major, minor }: Member,
): void {
  if (!path.isWellFormed()) throw new BadMember("a name that is not UTF-8");
  for (const [name, id] of Object.entries({ uid, gid })) {
    if (id <= LAST_ID) continue;
    throw new BadMember(`${name} ${id} is more than ${LAST_ID}`);
  }
  if (major > MAX_UINT32 || minor > MAX_UINT32) {
    throw new BadMember(`there is no device ${major}:${minor}`);
  }
  if (type === "symlink") assertTarget(target);
}

/** What no client could make a symlink of, nor read, is none. */
function assertTarget(target: string): void {
  const { length } = encoder.encode(target);
  const isTarget = target.isWellFormed() && !target.includes("\0");
  if (isTarget && length > 0 && length <= MOST_TARGET) return;
  throw new BadMember("a symlink with no target that can be");
}

async function takeRecords(source: Source, size: number): Promise<Uint8Array> {
  const body = await source.take(size + paddingOf(size));
  if (body === undefined) throw tooShort();
  return body.subarray(0, size);
}

/** A stream of bytes, read in pieces of any length. */
class Source {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Exactly `length` bytes; `undefined` at the end of the stream. */
  async take(length: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const part = await this.#next(length - filled);
      if (part === undefined) {
        if (filled === 0) return undefined;
        throw tooShort();
      }
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  /** The first `length` bytes, or as many as there are. */
  async first(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    for await (const part of this.part(length, false)) {
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes.subarray(0, filled);
  }

  /** The next bytes as they come, with their places in a file. */
  async *pieces(segments: readonly Segment[]): AsyncGenerator<Piece> {
    for (const { offset, length } of segments) {
      let at = offset;
      for await (const bytes of this.part(length)) {
        yield { offset: at, bytes };
        at += bytes.length;
      }
    }
  }

  /** The next `length` bytes as they come; all of them, where `isWhole`. */
  async *part(length: number, isWhole = true): AsyncGenerator<Uint8Array> {
    for (let rest = length; rest > 0;) {
      const part = await this.#next(rest);
      if (part === undefined && !isWhole) return;
      if (part === undefined) throw tooShort();
      rest -= part.length;
      yield part;
    }
  }

  /** Reads all that is left. */
  async drain(): Promise<void> {
    while (!(await this.#reader.read()).done);
  }

  async skip(length: number): Promise<void> {
    for await (const _ of this.part(length));
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  async #next(most: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#chunk = value as Uint8Array<ArrayBuffer>;
    }
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }
}

function damagedHeader(): Error {
  return new Error("the archive has a damaged header");
}

function tooShort(): Error {
  return new Error("the archive ends in the middle");
}
