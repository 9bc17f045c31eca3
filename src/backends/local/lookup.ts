import type { Awaitable } from "../../base/awaitable.ts";
import { after } from "../../base/ongoing_call.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";

/**
 * See `FileSystem.lookup`. While a thread has the host begin to watch a folder, not
 * even its own name can be looked up there without a wait in the kernel.
 */
export function lookup(
  store: Store,
  directory: LocalNode,
  name: string,
): Awaitable<LocalNode | undefined> {
  const beginning = store.pages.beginningAt(directory, name);
  return beginning === undefined
    ? store.tree.lookup(directory, name)
    : after(beginning, () => lookup(store, directory, name));
}
