import { Status, type StatusCode } from "../nfs4/constants.ts";
import type { Failures, Reliance, Settler } from "../rpc/reliance.ts";
import { XdrWriter } from "../xdr/writer.ts";
import type { CompoundContext, ReliedResult } from "./context.ts";
import { runEffects } from "./effects.ts";
import { statusOfError } from "./status.ts";
import { undone } from "./undone.ts";

/** What a {@linkcode ReliedReply} is made of. */
export interface RelyingCompound {
  /** Of a COMPOUND that is carried out; its `relied` are there. */
  readonly context: CompoundContext;
  /** NFSv4.0: its COMPOUND4res, to be kept for when the request comes again. */
  readonly answer: Uint8Array | undefined;
  /** Keeps that, or the refusal in its place. */
  readonly finish: (answer: Uint8Array) => void;
}

/** The reply to a COMPOUND, which must not leave before what it says is durable. */
export class ReliedReply implements Reliance {
  readonly #compound: RelyingCompound;
  #settlers: readonly Settler[] | undefined;

  constructor(compound: RelyingCompound) {
    this.#compound = compound;
    const { slot } = compound.context;
    if (slot !== undefined) slot.isSettling = true;
  }

  /** {@inheritDoc Reliance.settlers} */
  get settlers(): readonly Settler[] {
    return this.#settlers ??= this.#compound.context.relied!.map((each) => {
      if (each.settler.losses !== each.losses) each.settler = lost(each);
      return each.settler;
    });
  }

  /** {@inheritDoc Reliance.settled} */
  settled(): void {
    const { context, answer, finish } = this.#compound;
    const { slot } = context;
    if (slot !== undefined) slot.isSettling = false;
    if (answer !== undefined) finish(answer);
    context.certain();
  }

  /**
   * The first result that can't be kept becomes an error, and the last one. Sent
   * again, the request is answered with that.
   */
  refuse(
    failures: Failures,
    reply?: { readonly written: Uint8Array; readonly results: XdrWriter },
  ): void {
    const { context, answer, finish } = this.#compound;
    const { slot, services, relied } = context;
    const { settler, ...failed } = relied!.find(({ settler }) =>
      failures.has(settler)
    )!;
    const error = failures.get(settler);
    const { name: operation } = failed.row;
    services.log.error("what was answered could not be kept", {
      operation,
      error,
    });
    context.certain(failed.index);
    runEffects(services);
    const written = reply?.written ?? answer ?? slot?.reply;
    if (written !== undefined) {
      context.reply = reply?.results ?? new XdrWriter();
      const status = statusOfFailure(context, failed, error);
      const at = context.reply.position;
      writeRefusal(context, { ...failed, written, status });
      const refusal = context.reply.subarray(at);
      slot?.replace(refusal);
      finish(refusal);
    }
    if (slot !== undefined) slot.isSettling = false;
  }
}

/** Writes `written`, a COMPOUND4res, with one result as the last, of another status. */
function writeRefusal(
  context: CompoundContext,
  { written, row, at, index, status }: Omit<ReliedResult, "settler"> & {
    readonly written: Uint8Array;
    readonly status: StatusCode;
  },
): void {
  const { reply } = context;
  const start = reply.position;
  const tagSize = new DataView(written.buffer, written.byteOffset).getUint32(4);
  reply.raw(written.subarray(0, at));
  reply.uint32(row.number);
  reply.uint32(status);
  row.operation.encodeFailure?.(context, status);
  reply.patchUint32(start, status);
  reply.patchUint32(start + 8 + ((tagSize + 3) & ~3), index + 1);
}

/** What a result is turned into that can't be kept. */
function statusOfFailure(
  { minorVersion }: CompoundContext,
  { row, isRecord }: Pick<ReliedResult, "row" | "isRecord">,
  error: unknown,
): StatusCode {
  if (isRecord) return Status.DELAY;
  const status = statusOfError(error, minorVersion) ?? Status.IO;
  // Only what changes something can be told of the room that it takes.
  const changes = row.changes !== "nothing";
  return changes || status === Status.DELAY ? status : Status.IO;
}

/** For a request that waited for something else, and lost what it did before. */
function lost({ settler, losses }: ReliedResult): Settler {
  const error = undone(settler, losses);
  return {
    settle() {
      throw error;
    },
  };
}
