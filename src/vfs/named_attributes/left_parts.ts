import { type Steps, wait } from "../../base/awaitable.ts";
import type { ChangeInfo } from "../file_system.ts";
import type { AttributeFolder, NamedAttribute } from "./attribute_nodes.ts";
import {
  decodeIndex,
  indexName,
  isAttributeName,
  isIndex,
  partOf,
} from "./attribute_parts.ts";
import { MAX_XATTR_NAMES } from "../xattrs.ts";
import { joined } from "./joined_changes.ts";
import type { AttributeStore } from "./attribute_store.ts";

/**
 * Parts that no attribute has: of what was removed, replaced or cut, and what a crash,
 * a host or a change that did not fit has left. What another server, or export, has
 * on its way is told of by an index before.
 */
export class LeftParts {
  readonly #store: AttributeStore;

  /** Those in `store`. */
  constructor(store: AttributeStore) {
    this.#store = store;
  }

  /**
   * Removes those of a folder, within a change of it, and what tells of one that is
   * `gone`; `undefined` where there are none. Those that can't be removed are left for
   * the next one: that change is made.
   */
  *remove(
    folder: AttributeFolder,
    gone?: NamedAttribute,
  ): Steps<ChangeInfo | undefined> {
    const names = yield* wait(this.#store.names(folder.bearer));
    let change: ChangeInfo | undefined;
    for (const name of yield* this.#among(folder, names, gone)) {
      try {
        const removed = yield* this.#store.remove(folder, name);
        change = change === undefined ? removed : joined(change, removed);
      } catch {
        break;
      }
      yield* this.#store.othersAct();
    }
    return change;
  }

  *#among(
    folder: AttributeFolder,
    names: readonly string[],
    gone: NamedAttribute | undefined,
  ): Steps<string[]> {
    const indexes = names.filter(isIndex);
    const parts = names.filter((name) => partOf(name) !== undefined);
    if (indexes.length + parts.length === 0) return [];
    // There may be more that are not told, with what tells of these.
    if (names.length >= MAX_XATTR_NAMES) return [];
    const left: string[] = [];
    const nameless = new Map<string, string>();
    const lasts = new Map<string, number>();
    const known = new Set(names.filter(isAttributeName).map(indexName));
    for (const name of indexes) {
      const index = decodeIndex(yield* wait(this.#store.get(folder, name)));
      if (index === undefined) left.push(name);
      else if (known.has(name)) {
        // A crash in a RENAME has left two names of one series.
        const last = Math.max(index.last, lasts.get(index.series) ?? 0);
        lasts.set(index.series, last);
      } else nameless.set(name, index.series);
    }
    const ofGone = gone && indexName(gone.name);
    for (const [name, series] of nameless) {
      // By another door to the file it may be on its way to another name.
      if (name === ofGone || !lasts.has(series)) left.push(name);
    }
    for (const name of parts) {
      const { series, part } = partOf(name)!;
      const isKept = part > 0 && part <= (lasts.get(series) ?? 0);
      if (!isKept) left.push(name);
    }
    return left;
  }
}
