import { RecentMap } from "../../base/recent_map.ts";
import { FsError } from "../../vfs/mod.ts";
import type { ContentJournal } from "./content_journal.ts";
import type { ContentSyncs } from "./content_syncs.ts";
import type { Extent, SqliteNode } from "./node.ts";
import type { Statements } from "./statements.ts";

/** Longest content that is kept in the database. */
export const INSIDE: number = 16_384;
/** Bytes of small files kept in memory: this to twice as many. */
const KEPT_BYTES = 2 ** 25;
const NOTHING = new Uint8Array(0);

/** What {@linkcode SmallContents} works with. */
export interface SmallContentsParts {
  readonly sql: Statements;
  readonly journal: ContentJournal;
  readonly syncs: ContentSyncs;
}

/** The bytes of small files, which are in the database, and some of them in memory. */
export class SmallContents {
  readonly #parts: SmallContentsParts;
  #kept = keptContents();

  /** None is in memory yet. */
  constructor(parts: SmallContentsParts) {
    this.#parts = parts;
  }

  /** Forgets contents that the database does not have after all. */
  undone(): void {
    this.#kept = keptContents();
  }

  /** All bytes of a file, which are not to be changed; throws "io" where they are not there. */
  load(file: SqliteNode): Uint8Array {
    if (file.size === 0) return NOTHING;
    const kept = this.#kept.get(file.fileid);
    if (kept !== undefined) return kept;
    const data = this.#parts.sql.content(file.fileid);
    if (data?.length !== file.size) {
      throw new FsError("io", `file ${file.fileid} lacks its content`);
    }
    this.#kept.set(file.fileid, data);
    return data;
  }

  /** The statement that gives a file other bytes. */
  put({ fileid }: SqliteNode, content: Uint8Array): void {
    this.#parts.sql.putContent.run(fileid, content);
  }

  /** After {@linkcode put}. */
  keep({ fileid }: SqliteNode, content: Uint8Array): void {
    this.#kept.set(fileid, content);
  }

  /** The file has other bytes now, or is gone. */
  forget({ fileid }: SqliteNode): void {
    this.#kept.delete(fileid);
  }

  /**
   * The statements for bytes that leave the database, and are in the content: they
   * were durable, and stay so, by the journal or a sync before the commit.
   */
  move({ fileid }: SqliteNode, bytes: Uint8Array, extent: Extent): void {
    const { sql, journal, syncs } = this.#parts;
    sql.deleteContent.run(fileid);
    if (!journal.isFull) journal.add(extent.number, 0, bytes);
    else if (bytes.length > 0) syncs.include(extent, { isFirst: true });
  }
}

/** Bytes of small files, by their numbers. */
function keptContents(): RecentMap<number, Uint8Array> {
  // The entry of an empty file takes memory as well.
  return new RecentMap(KEPT_BYTES, { weigh: (data) => data.length + 64 });
}
