import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import type { Turn } from "../../base/turn.ts";
import { FsError, type FsErrorCode } from "../errors.ts";
import type { ChangeInfo, FileSystem, SetXattrOption } from "../file_system.ts";
import { assertJudged } from "../judged.ts";
import { RIGHTS, type Rights, rightsOf } from "../wanted.ts";
import type { AttributeFolder } from "./attribute_nodes.ts";
import { rightsOfBearer } from "./attribute_rights.ts";
import { ChangeLine } from "./change_line.ts";

/** A file system with what is asked of it for named attributes. */
export type BearingFileSystem =
  & FileSystem
  & Required<Pick<FileSystem, "getxattr" | "listxattrs">>;

/** Those of file systems that several exports may show. */
const lines = new WeakMap<BearingFileSystem, ChangeLine>();

/** Where named attributes are kept: the extended ones of another file system. */
export class AttributeStore {
  readonly #fs: BearingFileSystem;
  readonly #line: ChangeLine;
  readonly #turn: Turn;

  /** Those of what `fs` has. */
  constructor(fs: BearingFileSystem, turn: Turn) {
    this.#fs = fs;
    this.#turn = turn;
    this.#line = lines.get(fs) ?? new ChangeLine();
    lines.set(fs, this.#line);
  }

  /** Takes the steps of a change of what is in this folder, when those before it are done. */
  change<T>(
    { bearer }: AttributeFolder,
    steps: () => Steps<T>,
  ): Awaitable<T> {
    const key = String.fromCharCode(...this.#fs.identify(bearer));
    return this.#line.change(key, () => take(this.#inTurn(steps)));
  }

  /** What stood in line may all be done at once by a file system that does not wait. */
  *#inTurn<T>(steps: () => Steps<T>): Steps<T> {
    yield* this.othersAct();
    return yield* steps();
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

  /** A few requests of hardly any bytes may be about megabytes: others have their turns meanwhile. */
  *othersAct(): Steps<void> {
    while (this.#turn.isOver) yield* wait(this.#turn.next());
  }

  /** The names of all extended attributes of a file or folder. */
  names(bearer: object): Awaitable<readonly string[]> {
    return this.#fs.listxattrs(bearer);
  }

  /** The value of an extended attribute; `undefined` where it is not there. */
  get(
    { bearer }: AttributeFolder,
    name: string,
  ): Awaitable<Uint8Array | undefined> {
    return this.#fs.getxattr(bearer, name);
  }

  /** Sets one, by rights that were judged; "stale" where there is none, and it was to be replaced. */
  *set(
    { bearer }: AttributeFolder,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Steps<ChangeInfo> {
    try {
      return yield* wait(
        this.#fs.setxattr!(bearer, name, value, option, judged),
      );
    } catch (error) {
      throw inWordsOfFiles(error, "stale");
    }
  }

  /** Removes one; "not-found" where there is none. */
  *remove(
    { bearer }: AttributeFolder,
    name: string,
    judged?: Rights,
  ): Steps<ChangeInfo> {
    try {
      return yield* wait(this.#fs.removexattr!(bearer, name, judged));
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
