import { type Steps, wait } from "../../base/awaitable.ts";
import type { ChangeInfo } from "../file_system.ts";
import type { AttributeFolder } from "./attribute_nodes.ts";
import {
  decodeIndex,
  indexName,
  isAttributeName,
  isIndex,
  partOf,
} from "./attribute_parts.ts";
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
   * Removes those of a folder, within a change of it; `undefined` where there are none.
   * Those that can't be removed are left for the next one: that change is made.
   */
  *remove(folder: AttributeFolder): Steps<ChangeInfo | undefined> {
    const names = yield* wait(this.#store.names(folder.bearer));
    let change: ChangeInfo | undefined;
    for (const name of yield* this.#among(folder, names)) {
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
  ): Steps<string[]> {
    const indexes = names.filter(isIndex);
    const parts = names.filter((name) => partOf(name) !== undefined);
    if (indexes.length + parts.length === 0) return [];
    const left: string[] = [];
    const lasts = new Map<string, number>();
    const known = new Set(names.filter(isAttributeName).map(indexName));
    for (const name of indexes) {
      const index = known.has(name)
        ? decodeIndex(yield* wait(this.#store.get(folder, name)))
        : undefined;
      if (index === undefined) left.push(name);
      else lasts.set(index.series, index.last);
    }
    for (const name of parts) {
      const { series, part } = partOf(name)!;
      if (!(part <= (lasts.get(series) ?? 0))) left.push(name);
    }
    return left;
  }
}
