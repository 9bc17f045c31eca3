import type { Segment } from "../segments.ts";
import type { PaxRecords } from "./decode.ts";
import { large, numberAt } from "./decode.ts";
import { BLOCK, paddingOf } from "./header.ts";

const encoder = new TextEncoder();

/** Segments of a file; one that has more is refused. */
export const MOST_SEGMENTS = 2 ** 20;
/** Longest number in a map. */
const LONGEST_NUMBER = 20;

/** A file's map in pax format 1.0, which is in front of its bytes: whole blocks of lines. */
export function encodeMap(
  segments: readonly Segment[],
  size: number,
): Uint8Array {
  const last = segments.at(-1);
  const end = last === undefined ? 0 : last.offset + last.length;
  // GNU tar makes the hole at the end by an empty segment behind it.
  const all = end < size
    ? [...segments, { offset: size, length: 0 }]
    : segments;
  const numbers = [
    all.length,
    ...all.flatMap(({ offset, length }) => [offset, length]),
  ];
  const text = encoder.encode(numbers.map((number) => `${number}\n`).join(""));
  const map = new Uint8Array(text.length + paddingOf(text.length));
  map.set(text);
  return map;
}

/** The records that say that there is such a map, of a file that has another name in its header. */
export function sparseRecords(
  path: string,
  size: number,
): readonly (readonly [key: string, value: string])[] {
  return [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", path],
    ["GNU.sparse.realsize", String(size)],
  ];
}

/** What such a file is called in its header, for programs that know nothing of maps. */
export function sparsePath(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}GNUSparseFile.0/${path.slice(slash)}`;
}

/** What a sparse file is made of. */
export interface SparseFile {
  /** The parts that have bytes, in the order of the file. */
  readonly segments: readonly Segment[];
  /** Bytes of the file, with its holes. */
  readonly size: number;
  /** Its name, where the header's stands for something else. */
  readonly path: string | undefined;
}

/** Where the bytes of an archive come from. */
interface Blocks {
  take(length: number): Promise<Uint8Array | undefined>;
}

/** GNU tar's own type of member, "S": a map of four in its header, more in blocks after it. */
export async function readGnuSparse(
  header: Uint8Array,
  source: Blocks,
): Promise<SparseFile> {
  const segments: Segment[] = [];
  const size = numberAt(header, [483, 12], { read: large });
  addSegments(segments, header, { at: 386, count: 4 });
  for (let more = header[482] !== 0; more;) {
    const block = await source.take(BLOCK);
    if (block === undefined) throw damaged();
    addSegments(segments, block, { at: 0, count: 21 });
    more = block[504] !== 0;
  }
  return checked({ segments, size, path: undefined });
}

/** Those of its pax formats 0.0, 0.1 and 1.0; `undefined` for any other file. */
export async function readPaxSparse(
  records: PaxRecords,
  repeated: readonly (readonly [key: string, value: string])[],
  source: Blocks,
): Promise<(SparseFile & { readonly mapBytes: number }) | undefined> {
  const value = (key: string) => records.get(`GNU.sparse.${key}`);
  const major = value("major");
  const path = value("name");
  if (major !== undefined) {
    const version = `${major}.${value("minor")}`;
    if (version !== "1.0") {
      throw new Error(
        `a sparse file of GNU tar's format ${version} is unknown`,
      );
    }
    const { numbers, bytes } = await readMap(source);
    const size = large(value("realsize") ?? "");
    return {
      ...checked({ segments: pairs(numbers), size, path }),
      mapBytes: bytes,
    };
  }
  const size = value("size");
  if (size === undefined) return undefined;
  const map = value("map")?.split(",") ??
    repeated.filter(([key]) => /^GNU\.sparse\.(offset|numbytes)$/.test(key))
      .map(([, number]) => number);
  const segments = pairs(map.filter((text) => text !== "").map(large));
  return { ...checked({ segments, size: large(size), path }), mapBytes: 0 };
}

function addSegments(
  segments: Segment[],
  block: Uint8Array,
  { at, count }: { readonly at: number; readonly count: number },
): void {
  for (let i = 0; i < count; i++) {
    const start = at + i * 24;
    if (block[start] === 0) return;
    segments.push({
      offset: numberAt(block, [start, 12], { read: large }),
      length: numberAt(block, [start + 12, 12], { read: large }),
    });
  }
  if (segments.length > MOST_SEGMENTS) throw tooMany();
}

/** Numbers in front of the bytes, each on a line: how many segments, and these. */
async function readMap(
  source: Blocks,
): Promise<{ readonly numbers: readonly number[]; readonly bytes: number }> {
  const numbers: number[] = [];
  let [bytes, digits, wanted] = [0, "", 1];
  while (numbers.length < wanted) {
    const block = await source.take(BLOCK);
    if (block === undefined) throw damaged();
    bytes += BLOCK;
    for (const byte of block) {
      if (numbers.length === wanted) break;
      if (byte !== 0x0a) digits += String.fromCharCode(byte);
      else {
        const number = large(digits);
        if (numbers.length === 0) wanted += number * 2;
        numbers.push(number);
        digits = "";
      }
      if (digits.length > LONGEST_NUMBER) throw damaged();
      if (wanted > 2 * MOST_SEGMENTS) throw tooMany();
    }
  }
  return { numbers: numbers.slice(1), bytes };
}

function pairs(numbers: readonly number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw damaged();
  const segments: Segment[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    segments.push({ offset: numbers[i]!, length: numbers[i + 1]! });
  }
  return segments;
}

/** In order, apart from each other, and within the file, as far as numbers are exact. */
function checked<T extends SparseFile>(file: T): T {
  if (!Number.isSafeInteger(file.size)) return file;
  let end = 0;
  for (const { offset, length } of file.segments) {
    if (offset < end || offset + length > file.size) throw damaged();
    end = offset + length;
  }
  return file;
}

function damaged(): Error {
  return new Error("the archive has a damaged map of a sparse file");
}

function tooMany(): Error {
  return new Error(
    `the archive has a sparse file of more than ${MOST_SEGMENTS} pieces`,
  );
}
