import type { MinorVersion, StatusCode } from "../nfs4/constants.ts";
import type { OperationRow } from "./operation.ts";

/** Is told what the engine does; `src/metrics` listens. */
export interface EngineObserver {
  /** An operation was answered. */
  operation(
    row: OperationRow,
    minorVersion: MinorVersion,
    outcome: { readonly status: StatusCode; readonly milliseconds: number },
  ): void;
}
