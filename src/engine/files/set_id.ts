import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import type { FileState } from "../../state/file_states.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { withoutSetId } from "../../vfs/permissions.ts";
import { settingToo } from "./changing.ts";
import type { CompoundContext } from "../context.ts";
import { RIGHTS, rightsOf } from "../../vfs/wanted.ts";
import { attributesOf } from "./attributes_of.ts";

/**
 * Takes setuid and setgid away from a file whose content a user other than root
 * is about to write, so that no user runs under its owner's name what he wrote
 * himself (POSIX write; Linux does so for the owner, too). Before the content,
 * so that there is no moment with both. An open file is looked at once, and
 * again when its mode was set; each time where the host's own programs set
 * modes as well.
 */
export function dropSetId(
  context: Pick<CompoundContext, "callerOf" | "services">,
  file: FileRef,
): Awaitable<void> {
  if (context.callerOf(file).uid === 0) return;
  const isShown = file.export.fs.folder?.isShown ?? false;
  const held = isShown ? undefined : context.services.state.files.get(file);
  if (held?.isPlain) return;
  return take(look(file, held));
}

/**
 * Makes a change of content that may take a while, with setuid and setgid taken away
 * before it, and again behind it, failed or not: the owner may have set them meanwhile.
 */
export function* changeContent<T>(
  context: Pick<CompoundContext, "callerOf" | "services">,
  file: FileRef,
  change: () => Awaitable<T>,
): Steps<T> {
  yield* wait(dropSetId(context, file));
  try {
    return yield* wait(change());
  } finally {
    yield* wait(dropSetId(context, file));
  }
}

function* look(
  file: FileRef,
  held: FileState | undefined,
): Steps<void> {
  const modesSet = held?.modesSet;
  const judged = rightsOf(yield* wait(attributesOf(file, RIGHTS)));
  const mode = withoutSetId(judged.mode);
  if (mode !== judged.mode) {
    yield* wait(settingToo(file)?.setattr(file.node, { mode }, judged));
  }
  if (held !== undefined && held.modesSet === modesSet) held.isPlain = true;
}
