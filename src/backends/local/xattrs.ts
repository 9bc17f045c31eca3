import type { Awaitable } from "../../base/awaitable.ts";
import type { ChangeInfo, FileSystem } from "../../vfs/file_system.ts";
import { assertJudged } from "../../vfs/judged.ts";
import type { Rights } from "../../vfs/wanted.ts";
import { assertMayHaveXattrs, type NewXattr } from "../common/xattrs.ts";
import type { LocalNode } from "./node.ts";
import type { Store } from "./store.ts";
import type { XattrCalls } from "./xattr_calls.ts";

/** A file or folder, and the host's calls for its extended attributes. */
export interface Bearer {
  readonly store: Store;
  readonly node: LocalNode;
  readonly calls: XattrCalls;
}

const METHODS = ["getxattr", "listxattrs", "setxattr", "removexattr"] as const;

/** Leaves the methods out of a folder of ours whose host keeps no extended attributes. */
export function withoutXattrs(
  fs: Pick<FileSystem, typeof METHODS[number]>,
): void {
  for (const name of METHODS) {
    Object.defineProperty(fs, name, { value: undefined });
  }
}

/** See `FileSystem.getxattr`. */
export function getXattr(
  { store, node, calls }: Bearer,
  name: string,
): Uint8Array | undefined {
  return store.tree.exactly(node, (path) => calls.get(path, name));
}

/** See `FileSystem.listxattrs`. */
export function listXattrs({ store, node, calls }: Bearer): string[] {
  return store.tree.exactly(node, (path) => calls.list(path));
}

/** See `FileSystem.setxattr`. */
export function setXattr(
  bearer: Bearer,
  made: NewXattr,
  judged: Rights | undefined,
): Awaitable<ChangeInfo> {
  const { calls } = bearer;
  return change(bearer, judged, (path) => calls.set(path, made));
}

/** See `FileSystem.removexattr`. */
export function removeXattr(
  bearer: Bearer,
  name: string,
  judged: Rights | undefined,
): Awaitable<ChangeInfo> {
  const { calls } = bearer;
  return change(bearer, judged, (path) => calls.remove(path, name));
}

function change(
  { store, node }: Bearer,
  judged: Rights | undefined,
  act: (path: string) => void,
): Awaitable<ChangeInfo> {
  const { tree } = store;
  using _ = tree.moment.ending();
  const before = store.stat(node);
  assertJudged(judged, before);
  assertMayHaveXattrs(node.type);
  tree.exactly(node, act);
  const change = store.attributeChanged(node, before);
  const kept = store.keep(node, before);
  return kept instanceof Promise ? kept.then(() => change) : change;
}
