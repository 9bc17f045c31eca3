import { attempt, type Awaitable, chain } from "../../../base/awaitable.ts";
import { changing, type ChangingContext } from "../../files/changing.ts";
import type { OpenTarget } from "./target.ts";

/**
 * Takes back the file that an OPEN has made and could not open: what was refused
 * has changed nothing. It stays where somebody else has found it by now.
 */
export function unmake(
  context: ChangingContext<"sometimes">,
  { file, made }: OpenTarget,
): Awaitable<void> {
  if (made === undefined) return;
  const { folder, name } = made;
  const { state, namespace } = context.services;
  const { fs } = folder.export;
  const methods = changing(context, folder);
  if (methods.remove === undefined) return;
  // The answer is the refusal, whatever becomes of the file.
  return attempt(() =>
    chain(fs.lookup(folder.node, name), (node) => {
      const found = node && namespace.refer(folder.export, node);
      if (found?.key !== file.key || state.files.get(file)) return;
      namespace.forget(file);
      const removed = methods.remove!(folder.node, name);
      return chain(removed, () => {});
    }), () => {});
}
