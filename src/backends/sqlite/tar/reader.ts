import { applyRecords, decodeHeader, decodeRecords, textOf } from "./decode.ts";
import { BLOCK, type Member, paddingOf } from "./header.ts";

/** Most bytes of a header of names and records; nothing real comes near. */
const MOST_RECORDS = 2 ** 20;

/** A member, and its bytes, to be read before the next member is asked for. */
export interface ArchiveMember extends Member {
  /** The content of a file; empty for anything else. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Reads a tar archive as it comes: ustar, pax and GNU's long names. `skipped`
 * is told of members of other types. Throws an `Error` for what is no archive,
 * is damaged or ends too soon.
 */
export async function* readArchive(
  stream: ReadableStream<Uint8Array>,
  skipped: (path: string, reason: string) => void,
): AsyncGenerator<ArchiveMember> {
  const source = new Source(stream);
  const defaults = new Map<string, string>();
  let records = new Map<string, string>();
  try {
    for (;;) {
      const block = await source.take(BLOCK);
      if (block === undefined || block.every((byte) => byte === 0)) return;
      const { letter, member } = decodeHeader(block);
      if ("xgLK".includes(letter)) {
        const body = await takeRecords(source, member.size);
        if (letter === "L") records.set("path", textOf(body));
        else if (letter === "K") records.set("linkpath", textOf(body));
        else {
          const into = letter === "g" ? defaults : records;
          for (const [key, value] of decodeRecords(body)) into.set(key, value);
        }
        continue;
      }
      applyRecords(member, new Map([...defaults, ...records]));
      const isSparse = [...records.keys()].some((key) =>
        key.startsWith("GNU.sparse.")
      );
      records = new Map();
      const { type, size } = member;
      // A link may repeat the size of its file, and has no bytes all the same.
      const hasBytes = type === "file" || type === undefined;
      const body = source.part(hasBytes ? size : 0);
      if (type === undefined) skipped(member.path, `type "${letter}"`);
      else if (isSparse) skipped(member.path, "a sparse file of GNU tar");
      else yield { ...member, type, size: hasBytes ? size : 0, content: body };
      for await (const _ of body);
      if (hasBytes) await source.skip(paddingOf(size));
    }
  } finally {
    await source.close();
  }
}

async function takeRecords(source: Source, size: number): Promise<Uint8Array> {
  if (size > MOST_RECORDS) throw new Error("the archive has a damaged header");
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

  /** The next `length` bytes as they come. */
  async *part(length: number): AsyncGenerator<Uint8Array> {
    for (let rest = length; rest > 0;) {
      const part = await this.#next(rest);
      if (part === undefined) throw tooShort();
      rest -= part.length;
      yield part;
    }
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

function tooShort(): Error {
  return new Error("the archive ends in the middle");
}
