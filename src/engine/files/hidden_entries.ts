import { type Steps, wait } from "../../base/awaitable.ts";
import { isStatus, Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { takeTurns } from "../take_turns.ts";
import { changeFolder, type Removal } from "./change_folder.ts";
import type { ChangingContext } from "./changing.ts";
import type { Entry } from "./entries.ts";
import { removalOf } from "./removal.ts";

/** Hidden entries that go with a folder at once: with more of them the client asks again. */
export const MOST_HIDDEN_REMOVED = 1_000;
/** Entries asked of the file system at a time. */
const PAGE = 32;

/**
 * Removes what is hidden in a folder that is to be removed, where that is all there
 * is in it: the client can't, for it does not see it. By the caller's rights, and
 * one after the other; where one of them stays the folder does. NFS4ERR_DELAY where
 * there are more than go at once, or as any of them is.
 */
export function* removeHidden(
  context: ChangingContext<"remove">,
  { file: folder, attributes: { type } }: Entry,
): Steps<StatusCode> {
  if (type !== "directory") return Status.OK;
  const names = yield* onlyHidden(context, folder);
  const acts: Removal[] = [];
  for (const name of names.slice(0, MOST_HIDDEN_REMOVED)) {
    yield* takeTurns(context);
    const act = yield* removalOf(context, folder, name);
    // Another client was faster.
    if (act === Status.NOENT) continue;
    if (isStatus(act)) return act;
    // It may have things in it that are not hidden: that it is in the way is what is told of the folder.
    if (act.entry.attributes.type === "directory") return Status.OK;
    acts.push(act);
  }
  for (const act of acts) {
    yield* takeTurns(context);
    const change = yield* changeFolder(context, folder, act);
    if (isStatus(change)) return change;
  }
  return names.length > MOST_HIDDEN_REMOVED ? Status.DELAY : Status.OK;
}

/** The names in a folder, one more than go at once at most; none where one of all of them is not hidden. */
function* onlyHidden(
  context: ChangingContext<"remove">,
  { export: { fs, hidden }, node }: FileRef,
): Steps<readonly string[]> {
  const names: string[] = [];
  if (hidden === undefined) return names;
  for (let after = 0;;) {
    yield* takeTurns(context);
    const page = yield* wait(fs.readdir(node, after, PAGE));
    for (const { name } of page.entries) {
      if (!hidden.has(name)) return [];
      if (names.length <= MOST_HIDDEN_REMOVED) names.push(name);
    }
    const last = page.entries.at(-1);
    if (page.end || last === undefined) return names;
    after = last.cookie;
  }
}
