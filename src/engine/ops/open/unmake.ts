import { type Steps, wait } from "../../../base/awaitable.ts";
import { Status } from "../../../nfs4/constants.ts";
import { wantedOnly } from "../../../vfs/wanted.ts";
import { attributesOf } from "../../files/attributes_of.ts";
import { changeFolder } from "../../files/change_folder.ts";
import { type ChangingContext, checkWritable } from "../../files/changing.ts";
import type { OpenTarget } from "./target.ts";

/** What another client has likely changed of a file that it has found. */
const CHANGED = wantedOnly(["mode", "size"]);

/**
 * Takes back the file that an OPEN has made and could not open: what was refused
 * has changed nothing. It stays where another client has found it by now, and has
 * it open, or has written it while the OPEN waited.
 */
export function* unmake(
  context: ChangingContext<"sometimes">,
  { file, named, made }: OpenTarget,
): Steps<void> {
  if (made === undefined || named === undefined) return;
  const { folder, name } = named;
  if (checkWritable(folder, "remove") !== Status.OK) return;
  const { state, namespace } = context.services;
  try {
    const node = yield* wait(folder.export.fs.lookup(folder.node, name));
    const found = node && namespace.refer(folder.export, node);
    if (found?.key !== file.key) return;
    const { mode, size } = yield* wait(attributesOf(found, CHANGED));
    const { umask = 0 } = made;
    if ((mode | umask) !== (made.mode | umask) || size !== made.size) return;
    if (state.files.get(file)) return;
    const entry = { file: found, isLastName: true };
    const judged = undefined;
    const act = { type: "remove", name, entry, judged } as const;
    yield* changeFolder(context, folder, act);
  } catch {
    // The answer is the refusal, whatever becomes of the file.
  }
}
