import fs from "node:fs";
import type { Awaitable } from "../../base/awaitable.ts";
import { goingOn, ongoingCall } from "../../base/ongoing_call.ts";
import type { AttributeChanges } from "../../vfs/file_system.ts";
import { assertJudged } from "../../vfs/judged.ts";
import type { Rights } from "../../vfs/wanted.ts";
import { resizeLater } from "../common/long_calls.ts";
import { applyChanges, checkChanges, needsPath } from "./attribute_changes.ts";
import type { LocalNode } from "./node.ts";
import { threadsToResize } from "./resizes.ts";
import type { Store } from "./store.ts";

/** What to change, and what the caller was judged by. */
export interface WantedChanges {
  /** All of them, or none. */
  readonly changes: AttributeChanges;
  /** Of the node. */
  readonly judged: Rights | undefined;
}

/**
 * See `FileSystem.setattr`. A change of size that may take long is made by another
 * thread, and all of it when there is one: nothing is half done in a line, nor
 * judged by what was. `leave` is of who has the thread.
 */
export function setAttributes(
  store: Store,
  node: LocalNode,
  wanted: WantedChanges,
  leave?: () => void,
): Awaitable<void> {
  const { changes, judged } = wanted;
  const { files, guards, host, listings, resizes, tree } = store;
  using _ = tree.moment.ending();
  const stat = tree.stat(node);
  assertJudged(judged, stat);
  checkChanges(node.type, changes);
  const { size } = changes;
  const descriptor = size === undefined ? undefined : files.writing(node);
  // Without a pin, a path is good for the moment alone.
  const mayWait = host.pinsFolders || !needsPath(changes);
  const threads = descriptor !== undefined && mayWait
    ? threadsToResize(host, { descriptor, stat }, size!)
    : undefined;
  if (threads !== undefined && leave === undefined) {
    const set = goingOn((leave: () => void) =>
      resizes.after(node, () => setAttributes(store, node, wanted, leave))
    );
    return threads.run(async (leave) => await set(leave), ongoingCall());
  }
  const ended = Promise.withResolvers<void>();
  const resize = (size: number) => {
    const { fd } = descriptor!;
    if (threads === undefined) return fs.ftruncateSync(fd, size);
    resizes.begun(node, ended.promise);
    return resizeLater(fd, size);
  };
  const apply = (path?: string) =>
    applyChanges(host, { path, resize, stat }, changes);
  const done = () => {
    store.touched(node);
    if (node.type === "directory") {
      listings.changed(node, { before: stat, after: tree.stat(node) });
    }
  };
  const applied = needsPath(changes) ? tree.exactly(node, apply) : apply();
  if (!(applied instanceof Promise)) {
    done();
    leave?.();
    return store.keep(node, stat);
  }
  // Its path is that of the descriptor, which stays open until then.
  const resized = descriptor!.during(() => applied);
  return guards.during(node, resized).then(done).finally(() => {
    ended.resolve();
    leave?.();
  }).then(() => store.keep(node, stat));
}
