import fs from "node:fs";
import type { Awaitable } from "../../base/awaitable.ts";
import { goingOn, ongoingCall } from "../../base/ongoing_call.ts";
import type { SharedPlaces } from "../../base/shared_places.ts";
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

/** Of a thread that there is for a change of size. */
interface Place {
  readonly threads: SharedPlaces;
  readonly leave: () => void;
}

/**
 * See `FileSystem.setattr`. A change of size that may take long is made by another
 * thread, and all of it when there is one: nothing is half done in a line, nor
 * judged by what was. `place` is that of who has the thread.
 */
export function setAttributes(
  store: Store,
  node: LocalNode,
  wanted: WantedChanges,
  place?: Place,
): Awaitable<void> {
  const { changes, judged } = wanted;
  const { files, guards, host, listings, locks, tree } = store;
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
  if (threads !== undefined && threads !== place?.threads) {
    place?.leave();
    const set = goingOn((leave: () => void) => {
      const isLocked = locks.of(node) !== undefined;
      // A thread that others could use is not to wait for that.
      if (isLocked) leave();
      const own = isLocked ? undefined : { threads, leave };
      return locks.after([node], () => setAttributes(store, node, wanted, own));
    });
    return threads.run(async (leave) => await set(leave), ongoingCall());
  }
  const ended = Promise.withResolvers<void>();
  const resize = (size: number) => {
    const { fd } = descriptor!;
    if (threads === undefined) return fs.ftruncateSync(fd, size);
    locks.begun([node], ended.promise);
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
    place?.leave();
    return store.keep(node, stat);
  }
  // Its path is that of the descriptor, which stays open until then.
  const resized = descriptor!.during(() => applied);
  return guards.during(node, resized).then(done).finally(() => {
    ended.resolve();
    place?.leave();
  }).then(() => store.keep(node, stat));
}
