import { CheckedOutside } from "./checked_file_system/outside_changes.ts";
import type { CheckedOptions } from "./checked_options.ts";
import type { FileSystem } from "./file_system.ts";
import { OPTIONAL, type OptionalMethod } from "./optional_methods.ts";

/**
 * A file system that is not believed: the one door between the server and what
 * an implementor has written. What a call returns is looked at before the
 * server uses it, FsError "io" where it can't be true; a call that does not
 * return in time is FsError "busy", which a client hears as NFS4ERR_DELAY.
 */
export class CheckedFileSystem extends CheckedOutside
  implements FileSystem, Required<Pick<FileSystem, OptionalMethod>> {
  constructor(inner: FileSystem, options: CheckedOptions) {
    super(inner, options);
    for (const [name, isMissingHere] of Object.entries(OPTIONAL)) {
      // Asked of us, it must be missing as well.
      if (isMissingHere && inner[name as OptionalMethod] === undefined) {
        Object.defineProperty(this, name, { value: undefined });
      }
    }
  }
}
