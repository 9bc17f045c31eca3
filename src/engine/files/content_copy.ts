import { type Steps, wait } from "../../base/awaitable.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileSystem, Stability } from "../../vfs/file_system.ts";
import { wantedOnly } from "../../vfs/wanted.ts";
import type { CompoundContext } from "../context.ts";
import { inLine } from "../in_line.ts";
import { attributesOf } from "./attributes_of.ts";
import { placeOf } from "./content_kinds.ts";
import type { CopiedRange } from "./copied_range.ts";
import { changeContent } from "./set_id.ts";
import { STABLE_HOW } from "../../nfs4/stable_how.ts";

/** What is copied, and how. */
export interface CopyTerms {
  /** For whom. */
  readonly asker: Pick<
    CompoundContext,
    "connection" | "services" | "callerOf"
  >;
  /** Whence, and whither. */
  readonly range: CopiedRange;
  /** What it is written to. */
  readonly target: FileRef;
  /** Its file system, which may be written to. */
  readonly into: Required<Pick<FileSystem, "write">>;
}

const SIZE = wantedOnly(["size"]);
/** Bytes that are read and written at a time: all that a copy keeps of them. */
export const CHUNK = 65_536;
const ZERO = Uint8Array.of(0);

/**
 * A range of one file that is read, and written to another, in order, a chunk with
 * each step. Holes of the source are holes behind the end of the target; in front of
 * it they are zeros, which it has to have where it had something else.
 */
export class ContentCopy {
  readonly #terms: CopyTerms;
  /** How far the source is known to be data. */
  #dataEnd = 0;
  /** Of what was written, the least stable. */
  #least = STABLE_HOW.length - 1;
  #done = 0;
  /** What was done before a hole behind the end of the target, which does not reach so far yet. */
  #beforeHole: number | undefined;
  #written = 0;

  constructor(terms: CopyTerms) {
    this.#terms = terms;
  }

  /** Bytes of the range that are there. */
  get done(): number {
    return this.#beforeHole ?? this.#done;
  }

  /** Bytes that were written for it. */
  get written(): number {
    return this.#written;
  }

  /** How safe all of that is. */
  get stability(): Stability {
    return STABLE_HOW[this.#least]!;
  }

  /** Copies some more, to be closed in the end; false where there is nothing left, or the source ends by now. */
  *step(): Steps<boolean> {
    const { sourceOffset, length, mayHaveHoles } = this.#terms.range;
    const at = sourceOffset + this.#done;
    const end = sourceOffset + length;
    if (at >= end) return false;
    if (!mayHaveHoles) return yield* this.#copy(end - at);
    if (at >= this.#dataEnd) {
      const data = yield* this.#find(at, "data");
      if (data > at) return yield* this.#leaveOut(Math.min(data, end) - at);
      const hole = yield* this.#find(at, "hole");
      // The data is gone since, and is looked for anew behind this chunk.
      this.#dataEnd = hole > at ? hole : at + CHUNK;
    }
    return yield* this.#copy(Math.min(this.#dataEnd, end) - at);
  }

  /** Has the target end behind the hole that was copied last. */
  *close(): Steps<void> {
    if (this.#beforeHole !== undefined) {
      yield* this.#write(ZERO, this.#done - 1);
    }
  }

  *#find(offset: number, kind: "data" | "hole"): Steps<number> {
    const { asker, range: { source, sourceSize: size } } = this.#terms;
    const find = () => placeOf(source, { offset, kind, size });
    return yield* wait(inLine(asker, source.export, find));
  }

  *#copy(most: number): Steps<boolean> {
    const { asker, range: { source, sourceOffset } } = this.#terms;
    // One of its own each time: a call that was given up may still use the last.
    const chunk = new Uint8Array(Math.min(CHUNK, most));
    const at = sourceOffset + this.#done;
    const read = () => source.export.fs.read(source.node, at, chunk);
    const { bytes } = yield* wait(inLine(asker, source.export, read));
    if (bytes === 0) return false;
    yield* this.#write(chunk.subarray(0, bytes), this.#done);
    this.#done += Math.min(bytes, chunk.length);
    return true;
  }

  /** So many bytes are a hole in the source. */
  *#leaveOut(length: number): Steps<boolean> {
    const { target, range } = this.#terms;
    const { size } = yield* wait(attributesOf(target, SIZE));
    const there = size - range.targetOffset - this.#done;
    if (there > 0) {
      const zeros = new Uint8Array(Math.min(CHUNK, length, there));
      yield* this.#write(zeros, this.#done);
      this.#done += zeros.length;
      return true;
    }
    this.#beforeHole ??= this.#done;
    this.#done += length;
    return true;
  }

  *#write(data: Uint8Array, at: number): Steps<void> {
    const { asker, range, target, into } = this.#terms;
    const offset = range.targetOffset + at;
    const write = () => into.write(target.node, offset, data, "unstable");
    const written = yield* changeContent(
      asker,
      target,
      () => inLine(asker, target.export, write),
    );
    this.#least = Math.min(this.#least, STABLE_HOW.indexOf(written));
    this.#written += data.length;
    this.#beforeHole = undefined;
  }
}
