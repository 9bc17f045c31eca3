import { hostCode } from "../../base/host_error.ts";
import { FsError } from "../../vfs/errors.ts";
import type { DirectoryName } from "../../vfs/file_system.ts";
import type { JudgedEntry } from "../../vfs/judged.ts";
import type { LocalNode } from "./node.ts";

/** A name in a folder, and what of both the caller was judged by. */
export interface JudgedName extends DirectoryName<LocalNode> {
  /** Of the folder and the entry. */
  readonly judged: JudgedEntry<LocalNode> | undefined;
}

/** What the host itself uses, to mount on say, may stay so for ever: nothing to try again. */
export function notTaken(error: unknown): unknown {
  if (hostCode(error) !== "EBUSY") return error;
  return new FsError("access", "in use by the host", { cause: error });
}
