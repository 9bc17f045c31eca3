import type { StatusCode } from "../nfs4/constants.ts";
import type { CompoundContext } from "./context.ts";
import type { OperationRow } from "./operation.ts";

/** What is known of the COMPOUND of an operation that has ended; `current` is its filehandle by then. */
export type AnsweredContext = Pick<
  CompoundContext,
  "minorVersion" | "connection" | "credential" | "current"
>;

/** How an operation ended. */
export interface OperationOutcome {
  /** Its nfsstat4. */
  readonly status: StatusCode;
  /**
   * How long it took, waiting included, together with those before it that were
   * not timed; `undefined` of one that is not: a brief one (`OperationRow.isBrief`)
   * that had nothing to wait for.
   */
  readonly milliseconds: number | undefined;
}

/** Is told what the engine does; `src/metrics` listens. */
export interface EngineObserver {
  /** An operation was answered. */
  operation(
    row: OperationRow,
    context: AnsweredContext,
    outcome: OperationOutcome,
  ): void;
}
