/**
 * What a caller's rights to a change were judged by, and whether that still holds
 * where the change is made: a file system that waited between the two would
 * otherwise act by rights that are gone, or on a file that was never judged.
 *
 * @module
 */

import { FsError } from "./errors.ts";
import { accessListHolder, type Listed } from "./access_list.ts";
import type { Rights } from "./wanted.ts";

/** An entry of a folder as it was when a caller was found to be allowed to change it. */
export interface JudgedEntry<Node extends object = object> {
  /** The folder's; `undefined` where the server acts for itself. */
  readonly folder: Rights | undefined;
  /** What had the name; `undefined` where nothing had. */
  readonly node: Node | undefined;
  /** Those to `node`, where they were judged. */
  readonly rights?: Rights | undefined;
}

/** Both entries of a rename. */
export interface JudgedRename<Node extends object = object> {
  /** What is moved. */
  readonly from: JudgedEntry<Node>;
  /** What it takes the place of. */
  readonly to: JudgedEntry<Node>;
}

/** Throws "busy" where owner, group, mode or access list, `now`, are not those that were judged. */
export function assertJudged(judged: Rights | undefined, now: Rights): void {
  if (judged === undefined) return;
  const { mode, uid, gid } = judged;
  const isSame = now.mode === mode && now.uid === uid && now.gid === gid &&
    isSameList(judged, now);
  if (isSame) return;
  throw new FsError("busy", "its rights were changed since they were judged");
}

/**
 * The same of an entry, and where something else has its name: `node` is of the
 * kind that the one object of a file is told from all others by `===`.
 */
export function assertJudgedEntry<Node extends object>(
  judged: JudgedEntry<Node> | undefined,
  now: {
    readonly folder: Rights;
    readonly node: Node | undefined;
    readonly rights: Rights | undefined;
  },
): void {
  if (judged === undefined) return;
  if (judged.node !== now.node) {
    throw new FsError("busy", "what has the name is not what was judged");
  }
  assertJudged(judged.folder, now.folder);
  if (now.rights !== undefined) assertJudged(judged.rights, now.rights);
}

/** A host may set another list at any time, and is asked when it is judged by. */
function isSameList(judged: Rights & Listed, now: Rights & Listed): boolean {
  const [before, after] = [judged[accessListHolder], now[accessListHolder]];
  return before === after || (before ?? after)?.accessList !== undefined;
}
