import { RecentMap } from "../../base/recent_map.ts";
import type { DirectoryPage } from "../../vfs/mod.ts";
import { ListedEntry } from "./listed_entry.ts";
import type { SqliteNode } from "./node.ts";
import type { NodeTable } from "./node_table.ts";
import type { Statements } from "./statements.ts";

/** Entries kept in memory, to twice as many. */
const KEPT_ENTRIES = 65_536;

/** A part of a folder, as it was when its change counter stood there. */
interface Page {
  readonly change: number;
  readonly limit: number;
  readonly page: DirectoryPage<SqliteNode>;
}

/**
 * What was listed lately: clients list a folder over and over, in the same
 * parts. Whatever comes or goes in a folder moves its change counter.
 */
export class Listings {
  readonly #sql: Statements;
  readonly #nodes: NodeTable;
  readonly #pages = new RecentMap<string, Page>(KEPT_ENTRIES, {
    weigh: ({ page }) => page.entries.length + 1,
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
    const key = `${folder.fileid}/${cookie}`;
    const kept = this.#pages.get(key);
    if (kept?.change === folder.change && kept.limit === limit) {
      return kept.page;
    }
    const rows = this.#sql.list(folder.fileid, cookie, limit + 1);
    const end = rows.length <= limit;
    if (!end) rows.pop();
    const entries = rows.map((row) => new ListedEntry(this.#nodes, row));
    const page = { entries, end };
    this.#pages.set(key, { change: folder.change, limit, page });
    return page;
  }
}
