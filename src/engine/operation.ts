import { type Awaitable, type Steps, take } from "../base/awaitable.ts";
import {
  isStatus,
  type MinorVersion,
  type StatusCode,
} from "../nfs4/constants.ts";
import type { XdrReader } from "../xdr/reader.ts";
import type { Changed, Changes, ContextOf } from "./files/changing.ts";
import type { CompoundContext } from "./context.ts";

declare const change: unique symbol;

/** What an operation comes to: its status, now or later, or the steps to it. */
export type Run = Awaitable<StatusCode> | Steps<StatusCode>;

/**
 * How an operation is decoded, carried out and answered: one file in `ops/` each.
 * One that changes the client's state or files says so, and files by what; its
 * row can't say anything else.
 */
export interface Operation<Args = unknown, Change extends Changed = never> {
  /** Keeps operations of different changes apart; never there. */
  readonly [change]?: (change: Change) => Change;

  /** Reads the arguments; throws XdrError (answered NFS4ERR_BADXDR). */
  decode(xdr: XdrReader, minorVersion: MinorVersion): Args;

  /**
   * Carries it out. On success it has written the result behind the status into
   * `context.reply`; a refusal is the returned status. FsErrors may be thrown.
   * What may have to wait is a generator function (`base/awaitable.ts`).
   */
  readonly run: (context: ContextOf<Change>, args: Args) => Run;

  /**
   * Writes what the result carries although it failed, where the RFC has such an
   * arm (SETATTR's attrsset, LOCK's LOCK4denied). Nothing else is in the result.
   */
  encodeFailure?(context: CompoundContext, status: StatusCode): void;
}

/** Any operation, as the COMPOUND carries it out: it has looked at the row. */
export interface AnyOperation {
  /** As {@linkcode Operation.decode}. */
  decode(xdr: XdrReader, minorVersion: MinorVersion): unknown;
  /** As {@linkcode Operation.run}. */
  run(context: CompoundContext, args: unknown): Run;
  /** As {@linkcode Operation.encodeFailure}. */
  encodeFailure?(context: CompoundContext, status: StatusCode): void;
}

/** Carries an operation out, at once as far as that goes. */
export function carryOut(
  operation: AnyOperation,
  context: CompoundContext,
  args: unknown,
): Awaitable<StatusCode> {
  const run = operation.run(context, args);
  // Most are done by now.
  return isStatus(run) || run instanceof Promise ? run : take(run);
}

/** A row of the operation table. */
export interface OperationRow {
  /** Number on the wire. */
  readonly number: number;
  /** Name as in the RFC. */
  readonly name: string;
  /** First minor version that knows the number; below it is NFS4ERR_OP_ILLEGAL. */
  readonly since: MinorVersion;
  /** Minor versions in which the server carries it out; elsewhere NFS4ERR_NOTSUPP. */
  readonly versions: readonly MinorVersion[];
  /**
   * What it changes. Of files: it is NFS4ERR_ROFS where they can't be changed;
   * of anything: its reply must be known to fit before it is carried out.
   */
  readonly changes: Changes;
  /** What it does; where `versions` is empty, only its `decode` is used. */
  readonly operation: AnyOperation;
  /**
   * NFSv4.1: may begin a COMPOUND without SEQUENCE, and is then alone in it
   * (RFC 8881 2.10.6.4 and the operation's own section).
   */
  readonly sessionless: boolean;
  /** Needs a current filehandle, else NFS4ERR_NOFILEHANDLE. */
  readonly needsFilehandle: boolean;
  /** Its result relies on the file system of the current filehandle, and may be NFS4ERR_IO. */
  readonly usesFiles: boolean;
  /**
   * Its calls stand in line for file systems one by one, for they are of two: who kept
   * a place in the one while waiting for one in the other would be waited for.
   */
  readonly standsInLineByCall: boolean;
  /** Unless it waits it takes less than a look at the clock does, and is not timed by itself. */
  readonly isBrief: boolean;
  /** It may grant or end what client records are for, so its result relies on them. */
  readonly usesRecords: boolean;
  /**
   * Carried out again it would fail, undo what came in between, or find its
   * owner's seqid used up: NFSv4.0 keeps the answer of a COMPOUND that has come to
   * it for a client that sends it once more (RFC 7530 3.1.1). Sessions do that for
   * the later versions.
   */
  readonly isOnce: boolean;
  /**
   * Most bytes of its result, number and status included, of what changes
   * something (RFC 8881 18.46.3); the others are checked when they are done.
   */
  readonly maxReply: number | undefined;
}
