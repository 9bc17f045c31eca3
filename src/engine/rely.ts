import { Op } from "../nfs4/constants.ts";
import type { Settler } from "../rpc/reliance.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import type { CompoundContext } from "./context.ts";
import type { OperationRow } from "./operation.ts";

/** What looks at content, which an open of another client may deny. */
const READS: ReadonlySet<number> = new Set([Op.READ, Op.READ_PLUS, Op.SEEK]);

/** An operation, and where its result begins in the COMPOUND4res. */
export interface Result {
  readonly row: OperationRow;
  readonly at: number;
}

/** What an operation may change, or see changed, must be durable before its result leaves. */
export function rely(context: CompoundContext, { row, at }: Result): void {
  if (row.usesFiles) {
    const { fs } = context.file.export;
    const index = context.operationIndex;
    if (lasts(fs)) context.rely(fs, { row, at, index, isRecord: false });
  }
  if (row.usesRecords) relyOnRecords(context, { row, at });
}

/**
 * What was done although another client had been in its way: that client has lost
 * what it held, and must not be found on record after a crash (RFC 8881 8.4.3).
 */
export function relyOnLosses(context: CompoundContext, result: Result): void {
  const { number, usesFiles, changes } = result.row;
  const mayConflict = usesFiles &&
    (changes !== "nothing" || READS.has(number));
  if (mayConflict && context.services.records?.isForgetting) {
    relyOnRecords(context, result);
  }
}

function relyOnRecords(context: CompoundContext, { row, at }: Result): void {
  const { records, state: { sessionStore } } = context.services;
  const result = { row, at, index: context.operationIndex, isRecord: true };
  if (records !== undefined) context.rely(records, result);
  if (sessionStore?.isSound) context.rely(sessionStore, result);
}

function lasts(fs: FileSystem): fs is FileSystem & Settler {
  return fs.settle !== undefined;
}
