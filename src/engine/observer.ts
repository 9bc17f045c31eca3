import type { MinorVersion, StatusCode } from "../nfs4/constants.ts";
import type { RpcConnection } from "../rpc/connection.ts";
import type { Credential } from "../rpc/auth.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { OperationRow } from "./operation.ts";

/** How an operation ended. */
export interface OperationOutcome {
  /** Its nfsstat4. */
  readonly status: StatusCode;
  /** How long it took, waiting included. */
  readonly milliseconds: number;
  /** Where it came from. */
  readonly connection: RpcConnection;
  /** Who asked. */
  readonly credential: Credential;
  /** The current filehandle when it ended, where there is one. */
  readonly file: FileRef | undefined;
}

/** Is told what the engine does; `src/metrics` listens. */
export interface EngineObserver {
  /** An operation was answered. */
  operation(
    row: OperationRow,
    minorVersion: MinorVersion,
    outcome: OperationOutcome,
  ): void;
}
