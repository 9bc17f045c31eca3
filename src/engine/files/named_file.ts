import { type Steps, wait } from "../../base/awaitable.ts";
import { FsError } from "../../vfs/errors.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import type { FileAttributes } from "../../vfs/file_system.ts";
import type { Wanted } from "../../vfs/wanted.ts";
import type { CompoundContext } from "../context.ts";
import { attributesOf } from "./attributes_of.ts";

/** A name in a folder. */
export interface EntryName {
  readonly folder: FileRef;
  readonly name: string;
}

/** A file that was found by its name. */
export interface NamedFile extends EntryName {
  readonly file: FileRef;
}

/**
 * What an error comes to of a file that was found by its name: told "stale" a
 * client would give up the folder, whose filehandle it sent (RFC 8881 15.1.2.7).
 * Where another client has taken the name from the file meanwhile that is "busy",
 * and the client comes again; FsErrors of the file system if it can't be told.
 */
export function* errorOfNamed(
  { services: { namespace } }: CompoundContext,
  error: unknown,
  { file, folder, name }: NamedFile,
): Steps<unknown> {
  if (FsError.from(error)?.code !== "stale") return error;
  const { export: terms } = folder;
  const node = yield* wait(terms.fs.lookup(folder.node, name));
  const isThere = node !== undefined &&
    namespace.glance(terms, node).key === file.key;
  return isThere ? error : new FsError("busy", "its name was taken from it");
}

/** The attributes of a file that was found by its name. */
export function* attributesOfNamed<Name extends keyof FileAttributes>(
  context: CompoundContext,
  named: NamedFile,
  wanted: Wanted<Name>,
): Steps<Pick<FileAttributes, Name>> {
  try {
    return yield* wait(attributesOf(named.file, wanted));
  } catch (error) {
    throw yield* errorOfNamed(context, error, named);
  }
}
