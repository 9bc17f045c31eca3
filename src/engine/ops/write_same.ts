import { type Steps, wait } from "../../base/awaitable.ts";
import { Status } from "../../nfs4/constants.ts";
import { readStateid, type Stateid } from "../../nfs4/types.ts";
import type { Stability } from "../../vfs/file_system.ts";
import { changing, type ChangingContext } from "../files/changing.ts";
import {
  type DataBlocks,
  fillWithBlocks,
  isSoundBlock,
  readDataBlocks,
} from "../files/data_blocks.ts";
import { isBeyondAll, largestSizeOf } from "../files/file_ranges.ts";
import { changeContent } from "../files/set_id.ts";
import { STABLE_HOW } from "../../nfs4/stable_how.ts";
import { writeVerifierOf } from "../files/write_verifier.ts";
import { authorizeIo } from "../locking/authorize_io.ts";
import type { Operation } from "../operation.ts";
import { takeTurns } from "../take_turns.ts";

/** WRITE_SAME4args. */
export interface WriteSameArgs {
  /** The state that it is done under. */
  readonly stateid: Stateid;
  /** stable_how4 */
  readonly stable: number;
  /** First byte. */
  readonly offset: bigint;
  /** What is written. */
  readonly blocks: DataBlocks;
}

/** Bytes that are made up and written at a time: all that a request keeps of them. */
const CHUNK = 65_536;

/**
 * WRITE_SAME (RFC 7862 15.12), never asynchronous: as much as a WRITE may carry is
 * written, in whole blocks unless one is more than that, and the count of it told.
 */
export const writeSame: Operation<WriteSameArgs, "write"> = {
  decode: (xdr) => ({
    stateid: readStateid(xdr),
    stable: xdr.discriminant(2),
    offset: xdr.uint64(),
    blocks: readDataBlocks(xdr),
  }),

  *run(context, { stateid, stable, offset, blocks }) {
    const { file, reply, services } = context;
    const status = yield* wait(authorizeIo(context, stateid, "write"));
    if (status !== Status.OK) return status;
    if (!isSoundBlock(blocks)) return Status.INVAL;
    const total = blocks.size * blocks.count;
    if (isBeyondAll(offset, total)) return Status.INVAL;
    if (offset + total > BigInt(largestSizeOf(file))) return Status.FBIG;
    const verifier = writeVerifierOf(services, file);
    const most = context.bulk.isOver ? CHUNK : services.limits.maxWrite;
    const count = countOf(blocks, most);
    const stability = STABLE_HOW[stable]!;
    const written = { blocks, count, offset: Number(offset), stability };
    context.bulk.written += count;
    // RFC 8881 18.32.4: nothing written, nothing changed.
    const committed = count === 0 ? stability : yield* store(context, written);
    // No wr_callback_id: all that is done was done.
    reply.uint32(0);
    reply.uint64(BigInt(count));
    reply.uint32(STABLE_HOW.indexOf(committed));
    reply.opaqueFixed(verifier);
    return Status.OK;
  },
};

/** Bytes that are written of what was asked for. */
function countOf({ size, count }: DataBlocks, most: number): number {
  if (size * count <= BigInt(most)) return Number(size * count);
  return size > BigInt(most) ? most : most - most % Number(size);
}

function* store(
  context: ChangingContext<"write">,
  { blocks, count, offset, stability }: {
    readonly blocks: DataBlocks;
    readonly count: number;
    readonly offset: number;
    readonly stability: Stability;
  },
): Steps<Stability> {
  const { file } = context;
  const chunk = new Uint8Array(Math.min(CHUNK, count));
  let least = STABLE_HOW.length - 1;
  for (let done = 0; done < count;) {
    yield* takeTurns(context);
    const part = chunk.subarray(0, Math.min(chunk.length, count - done));
    fillWithBlocks(part, blocks, done);
    const at = offset + done;
    const written = yield* changeContent(
      context,
      file,
      () => changing(context, file).write(file.node, at, part, stability),
    );
    least = Math.min(least, STABLE_HOW.indexOf(written));
    done += part.length;
  }
  return STABLE_HOW[least]!;
}
