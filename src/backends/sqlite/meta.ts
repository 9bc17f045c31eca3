import type { DatabaseSync } from "node:sqlite";
import { MAX_UINT32 } from "../../base/option_values.ts";

/** What a store knows of itself. */
export interface Meta {
  /** Part of every identity: another store's mean nothing in this one. */
  readonly tag: number;
  /** No number that was given out has passed it. */
  readonly ceiling: number;
}

/** A ceiling beyond would leave too few numbers to go on with. */
const MOST_CEILING = 2 ** 53 - 2 ** 33;

/** Reads it; throws an `Error` of one line where it is not there, or can't be what a store has written. */
export function readMeta(db: DatabaseSync): Meta {
  const find = db.prepare(
    "SELECT value FROM meta WHERE name = ? AND value BETWEEN ? AND ?",
  );
  const value = (name: keyof Meta, least: number, most: number): number => {
    const row = find.get(name, least, most);
    if (row !== undefined) return row.value as number;
    throw new Error(`store.db is damaged: it has no ${name} that can be`);
  };
  return {
    tag: value("tag", 0, MAX_UINT32),
    ceiling: value("ceiling", 1, MOST_CEILING),
  };
}
