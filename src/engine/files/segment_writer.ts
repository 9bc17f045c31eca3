import { type Steps, wait } from "../../base/awaitable.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { CompoundContext } from "../context.ts";
import { CONTENT_KINDS, placeOf } from "./content_kinds.ts";

/** Most parts of a file in one answer, each of which is looked for. */
const MAX_SEGMENTS = 16;
/** Bytes of a hole: what it is, where, how long. */
const HOLE_SIZE = 20;
/** Bytes of data besides the data: what it is, where, how long, the fill. */
const DATA_SIZE = 20;
const [DATA, HOLE] = [
  CONTENT_KINDS.indexOf("data"),
  CONTENT_KINDS.indexOf("hole"),
];

/** What of a file is to be written. */
interface Part {
  /** First byte. */
  readonly offset: number;
  /** Behind the last one, which is in the file. */
  readonly end: number;
  /** Whether to look for holes. */
  readonly mayHaveHoles: boolean;
}

/**
 * Writes a part of a file as data and holes (read_plus_content), one after the other,
 * into the reply; less of it where there are many, or no room for more. Holes are
 * not told beyond what was asked for: who has locked that range asked for no more
 * (RFC 7862 15.10.3).
 */
export class SegmentWriter {
  /** How many there are. */
  segments = 0;
  /** Behind the last byte that they tell of. */
  at: number;
  /** Whether the file was found to end with them. */
  hasEnded = false;
  readonly #context: CompoundContext;
  readonly #end: number;
  readonly #mayHaveHoles: boolean;
  /** Bytes of data that there may be still. */
  #left: number;
  /** Whether the last of them is less than there was to be, or the file ends with it. */
  #isShort = false;

  constructor(context: CompoundContext, { offset, end, mayHaveHoles }: Part) {
    this.#context = context;
    this.at = offset;
    this.#end = end;
    this.#mayHaveHoles = mayHaveHoles;
    this.#left = context.services.limits.maxRead;
  }

  /** Writes all that can be; refuses where that is nothing. */
  *write(): Steps<StatusCode> {
    while (this.at < this.#end && this.segments < MAX_SEGMENTS) {
      const data = yield* this.#place("data");
      const status = data > this.at
        ? this.#hole(data)
        : yield* this.#data(yield* this.#endOfData());
      if (status !== Status.OK) return this.segments === 0 ? status : Status.OK;
      if (this.#isShort) break;
    }
    return Status.OK;
  }

  /** The last of them may be anything: what is a hole in it is told as zeros. */
  *#endOfData(): Steps<number> {
    if (this.segments + 1 === MAX_SEGMENTS) return this.#end;
    const hole = yield* this.#place("hole");
    // There was data a moment ago: it has changed, and is read as it is now.
    return hole > this.at ? hole : this.#end;
  }

  /** Where the next of these begins, as far as that matters. */
  *#place(kind: "data" | "hole"): Steps<number> {
    if (!this.#mayHaveHoles) return kind === "data" ? this.at : this.#end;
    const { file } = this.#context;
    const [offset, size] = [this.at, this.#end];
    const place = yield* wait(placeOf(file, { offset, kind, size }));
    return Math.min(place, this.#end);
  }

  #hole(end: number): StatusCode {
    const { reply, replyRoom, replyLimitStatus } = this.#context;
    if (replyRoom < HOLE_SIZE) return replyLimitStatus;
    reply.uint32(HOLE);
    reply.uint64(BigInt(this.at));
    reply.uint64(BigInt(end - this.at));
    this.at = end;
    this.segments++;
    return Status.OK;
  }

  /** Has the file system write straight into the reply, as far as there is room. */
  *#data(end: number): Steps<StatusCode> {
    const { reply, file, replyRoom, replyLimitStatus } = this.#context;
    const room = Math.min(this.#left, replyRoom - DATA_SIZE);
    const length = Math.min(end - this.at, room);
    if (length <= 0) return replyLimitStatus;
    if (!this.#context.reserve(DATA_SIZE + length)) return Status.DELAY;
    const start = reply.position;
    reply.uint32(DATA);
    reply.uint64(BigInt(this.at));
    const read = file.export.fs.read(file.node, this.at, reply.space(length));
    try {
      const { bytes, eof } = yield* wait(read);
      const filled = Math.min(bytes, length);
      reply.spaceUsed(length, filled);
      this.segments++;
      this.at += filled;
      this.#left -= filled;
      this.hasEnded = eof;
      this.#isShort = eof || this.at < end;
      return Status.OK;
    } catch (error) {
      // It may still be at work, and must not fill what is others' by then.
      if (read instanceof Promise) reply.abandon(start);
      throw error;
    }
  }
}
