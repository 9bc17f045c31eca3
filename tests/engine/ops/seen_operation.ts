import { OPERATIONS } from "../../../src/engine/op_table.ts";
import type { AnyOperation } from "../../../src/engine/operation.ts";
import { Status } from "../../../src/nfs4/constants.ts";
import { statusName } from "../../support/client/mod.ts";
import { noteError } from "../../support/seen_errors.ts";

/** Notes what an operation answered that was run by itself; nothing of one that a test has made up. */
export function noteOutcome(
  operation: AnyOperation,
  minorVersion: number,
  status: number,
): void {
  if (status === Status.OK) return;
  const row = OPERATIONS.find((row) => row?.operation === operation);
  if (row !== undefined) noteError(row.name, minorVersion, statusName(status));
}
