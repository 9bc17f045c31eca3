import { RecentMap } from "../../base/recent_map.ts";
import type {
  DirectoryEntry,
  DirectoryPage,
  EntryPlace,
} from "../../vfs/mod.ts";
import type { SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { EntryRow, Statements } from "./statements.ts";

/** Entries kept in memory, to twice as many. */
const KEPT_ENTRIES = 65_536;

/** A part of a folder, as it was when its change counter stood there. */
interface Part {
  readonly change: number;
  readonly limit: number;
  readonly rows: readonly EntryRow[];
  readonly end: boolean;
}

/**
 * What was listed lately: clients list a folder over and over, in the same
 * parts. Whatever comes or goes in a folder moves its change counter. A part
 * that is listed for the first time brings no node into memory: a walk through
 * more than fits there would push out all that others use.
 */
export class Listings {
  readonly #sql: Statements;
  readonly #nodes: NodeTable;
  readonly #parts = new RecentMap<string, Part>(KEPT_ENTRIES, {
    weigh: ({ rows }) => rows.length + 1,
  });

  /** Nothing was listed yet. */
  constructor(sql: Statements, nodes: NodeTable) {
    this.#sql = sql;
    this.#nodes = nodes;
  }

  /** Up to `limit` entries of a folder after `cookie`, in the order of their making. */
  list(
    folder: SqliteNode,
    cookie: number,
    limit: number,
  ): DirectoryPage<SqliteNode> {
    const { fileid, change } = folder;
    const key = `${fileid}/${cookie}`;
    const kept = this.#parts.get(key);
    const isKept = kept?.change === change && kept.limit === limit;
    if (isKept && this.#hasNodes(kept)) {
      const entries = kept.rows.map((row) => new Entry(this.#nodes, row));
      return { entries, end: kept.end };
    }
    const listed = this.#sql.listNodes(fileid, cookie, limit + 1);
    const end = listed.length <= limit;
    if (!end) listed.pop();
    const rows: EntryRow[] = [];
    const entries = listed.map((row): DirectoryEntry<SqliteNode> => {
      const name = row[26];
      const cookie = row[27];
      rows.push([name, cookie, row[0]]);
      const node = isKept ? this.#nodes.take(row) : this.#nodes.glance(row);
      // A node is its own attributes.
      return { name, cookie, node, attributes: node };
    });
    this.#parts.set(key, { change, limit, rows, end });
    return { entries, end };
  }

  /** Where an entry of a folder stands. */
  place({ fileid }: SqliteNode, name: string): EntryPlace | undefined {
    const row = this.#sql.place(fileid, name);
    if (row === undefined) return undefined;
    const [cookie, previousName, previousCookie, hasNext] = row;
    const previous = previousName === null || previousCookie === null
      ? undefined
      : { name: previousName, cookie: previousCookie };
    return { cookie, previous, isLast: hasNext === 0 };
  }

  /** Whether the nodes of a part are in memory: they came together, and the first tells for all. */
  #hasNodes({ rows: [first] }: Part): boolean {
    return first === undefined || this.#nodes.has(first[2]);
  }
}

/** An entry whose node is loaded when it is asked for. */
class Entry implements DirectoryEntry<SqliteNode> {
  readonly name: string;
  readonly cookie: number;
  readonly #nodes: NodeTable;
  readonly #fileid: number;

  constructor(nodes: NodeTable, row: EntryRow) {
    this.#nodes = nodes;
    [this.name, this.cookie, this.#fileid] = row;
  }

  /** Its node, or nothing when that was removed in the meantime. */
  get node(): SqliteNode | undefined {
    return this.#nodes.get(this.#fileid);
  }

  /** A node is its own live attributes. */
  get attributes(): SqliteNode | undefined {
    return this.node;
  }
}
