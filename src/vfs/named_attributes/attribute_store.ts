import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import { FsError, type FsErrorCode } from "../errors.ts";
import type { ChangeInfo, FileSystem, SetXattrOption } from "../file_system.ts";
import { assertJudged } from "../judged.ts";
import { isName } from "../names.ts";
import { RIGHTS, type Rights, rightsOf } from "../wanted.ts";
import type { AttributeFolder, NamedAttribute } from "./attribute_nodes.ts";
import { rightsOfBearer } from "./attribute_rights.ts";
import { ChangeLine } from "./change_line.ts";

/** A file system with what is asked of it for named attributes. */
export type BearingFileSystem =
  & FileSystem
  & Required<Pick<FileSystem, "getxattr" | "listxattrs">>;

/** The values of named attributes, where they are kept: as extended ones of another file system. */
export class AttributeStore {
  readonly #fs: BearingFileSystem;
  readonly #line = new ChangeLine();

  /** Those of what `fs` has. */
  constructor(fs: BearingFileSystem) {
    this.#fs = fs;
  }

  /** Takes the steps of a change of what is in this folder, when those before it are done. */
  change<T>(
    { bearer }: AttributeFolder,
    steps: () => Steps<T>,
  ): Awaitable<T> {
    const key = String.fromCharCode(...this.#fs.identify(bearer));
    return this.#line.change(key, () => take(steps()));
  }

  /**
   * The bearer's rights as they are now, for the file system to judge by itself; a
   * caller who was `judged` by others is put off. `undefined` where none was judged.
   */
  *judge(
    { bearer }: AttributeFolder,
    judged: Rights | undefined,
  ): Steps<Rights | undefined> {
    if (judged === undefined) return undefined;
    const now = rightsOf(yield* wait(this.#fs.getattr(bearer, RIGHTS)));
    assertJudged(rightsOfBearer(judged), now);
    return now;
  }

  /** The names that an entry may have: an extended attribute may have others. */
  *names({ bearer }: AttributeFolder): Steps<string[]> {
    const names = yield* wait(this.#fs.listxattrs(bearer));
    return names.filter((name) => isName(name));
  }

  /** All of an attribute; where there is none, FsError `ifGone`. */
  *value(
    { folder, name }: NamedAttribute,
    ifGone: FsErrorCode = "stale",
  ): Steps<Uint8Array> {
    const value = yield* wait(this.#fs.getxattr(folder.bearer, name));
    if (value === undefined) throw new FsError(ifGone);
    return value;
  }

  /** Sets all of an attribute; "stale" where there is none, and it was to be replaced. */
  *set(
    { folder, name }: NamedAttribute,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Steps<ChangeInfo> {
    try {
      return yield* wait(
        this.#fs.setxattr!(folder.bearer, name, value, option, judged),
      );
    } catch (error) {
      throw inWordsOfFiles(error, "stale");
    }
  }

  /** Removes an attribute; "not-found" where there is none. */
  *remove(
    { folder, name }: NamedAttribute,
    judged: Rights | undefined,
  ): Steps<ChangeInfo> {
    try {
      return yield* wait(
        this.#fs.removexattr!(folder.bearer, name, judged),
      );
    } catch (error) {
      throw inWordsOfFiles(error, "not-found");
    }
  }
}

/** What is thrown of an extended attribute, as operations on files may say it. */
function inWordsOfFiles(error: unknown, ifGone: FsErrorCode): unknown {
  const code = FsError.from(error)?.code;
  if (code === "no-xattr") return new FsError(ifGone);
  // What is too large by itself was refused before: no more fits, or not on this host.
  return code === "xattr-too-big" ? new FsError("no-space") : error;
}
