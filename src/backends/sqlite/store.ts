import { AccessLists } from "./access_lists.ts";
import { AccessTimes } from "./access_times.ts";
import { Committer } from "./committer.ts";
import type { Contents } from "./contents.ts";
import { ContentFiles } from "./content_files.ts";
import { ContentMemory } from "./content_memory.ts";
import { ContentSyncs } from "./content_syncs.ts";
import { cantOpen, MEMORY, openDatabase } from "./database.ts";
import { OWN_FOLDER } from "./disk.ts";
import { DiskRoom, type Room } from "./disk_room.ts";
import { FileData } from "./file_data.ts";
import { FreePages } from "./free_pages.ts";
import { ContentJournal } from "./content_journal.ts";
import { largestFile } from "./largest_file.ts";
import { Listings } from "./listings.ts";
import { readMeta } from "./meta.ts";
import { rowOf } from "./node.ts";
import { rememberLoss } from "./loss_mark.ts";
import { NodeTable } from "./node_table.ts";
import type { CompleteOptions } from "./options.ts";
import { PreservedFiles } from "./preserved_files.ts";
import { Records } from "./records.ts";
import { recover } from "./recovery.ts";
import { FreeSpace } from "./free_space.ts";
import { ROOT } from "./schema.ts";
import { SharedRanges } from "./shared_ranges.ts";
import { beginningOfLife, UniqueNumbers } from "./unique_numbers.ts";
import { Statements } from "./statements.ts";
import { lockStore } from "./store_lock.ts";
import { Transaction } from "./transaction.ts";
import { DirectoryTree } from "./directory_tree.ts";
import { weigh, weightOfNode } from "./weight.ts";
import type { Log } from "./write_ahead_log.ts";
import { Xattrs } from "./xattrs.ts";

/** The parts of an open store. */
export interface Store {
  /** Absolute path of its folder, without symbolic links; ":memory:" of one that has none. */
  readonly directory: string;
  /** Unsigned, 32 bits: part of every identity, so that another store's mean nothing here. */
  readonly tag: number;
  /** Largest file in bytes. */
  readonly maxFileSize: number;
  readonly sql: Statements;
  readonly transaction: Transaction;
  readonly committer: Committer;
  readonly log: Log;
  readonly journal: ContentJournal;
  readonly nodes: NodeTable;
  readonly accessTimes: AccessTimes;
  readonly listings: Listings;
  readonly room: FreeSpace;
  /** What has that room. */
  readonly place: Room;
  readonly data: FileData;
  readonly xattrs: Xattrs;
  readonly tree: DirectoryTree;
  readonly preserved: PreservedFiles;
  readonly records: Records;
  /** Takes a part of the descriptors that so many file systems share. */
  share(count: number): void;
  /** Ends the work; {@linkcode Committer.close} comes before. */
  close(): Promise<void>;
}

/** Opens the store in a folder, or in memory, and makes it where there is none. */
export function openStore(directory: string, options: CompleteOptions): Store {
  const closers: (() => void)[] = [];
  try {
    if (directory === MEMORY) return assemble(directory, options, closers);
    makeFolder(directory);
    return assemble(Deno.realPathSync(directory), options, closers);
  } catch (error) {
    for (const close of closers.reverse()) close();
    throw error;
  }
}

function assemble(
  directory: string,
  options: CompleteOptions,
  closers: (() => void)[],
): Store {
  const { disk, now, longLog, commitBytes, quotaBytes: quota } = options;
  const isFolder = directory !== MEMORY;
  const durability = isFolder || options.durability === "none"
    ? options.durability
    : "os";
  if (isFolder) {
    assertRoomIsTold(directory, options);
    const lock = lockStore(directory);
    closers.push(() => lock[Symbol.dispose]());
  }
  const isSynced = durability !== "none";
  const { db, freeBytes, log, syncLog, close, wasLost } = openDatabase(
    directory,
    {
      ...{ disk, isSynced },
    },
  );
  let isSound = () => true;
  closers.push(() => close({ isSound: isSound() }));
  const inMemory = isFolder ? undefined : new ContentMemory();
  const contents: Contents = inMemory ??
    new ContentFiles(`${directory}/content`, disk);
  try {
    const isJournalKept = durability === "full";
    recover(db, contents, { wasLost, syncLog, isJournalKept });
  } catch (error) {
    throw cantOpen(directory, error);
  }
  // Where the start goes no further, what it has begun to remove may be there yet.
  let hasLeftovers = true;
  closers.push(() => {
    if (hasLeftovers) rememberLoss(db);
  });

  const sql = new Statements(db);
  const meta = readMeta(db);
  const saveCeiling = db.prepare(
    "UPDATE meta SET value = ? WHERE name = 'ceiling'",
  );
  const sequence = new UniqueNumbers(
    // One in memory has one life.
    isFolder ? beginningOfLife(meta.ceiling, now()) : meta.ceiling,
    (ceiling) => saveCeiling.run(ceiling),
  );
  const nodes = new NodeTable(sql, options.keptNodes);
  const transaction = new Transaction(db, { sequence, disk });
  isSound = () => transaction.failure === undefined;
  const journal = new ContentJournal(db, { isUsed: durability === "full" });
  const place: Room = inMemory ?? new DiskRoom(directory, disk);
  const free = () => place.free(freeBytes() - log.pendingBytes);
  const accessTimes = new AccessTimes({ nodes, transaction, now });
  const syncs = new ContentSyncs({
    ...{ transaction, contents, journal, commitBytes, durability },
  });
  const committer = new Committer({
    ...{
      transaction,
      accessTimes,
      nodes,
      syncs,
      log,
      longLog,
      durability,
      sequence,
    },
  });
  const countsNames = quota !== Infinity;
  const room = new FreeSpace(weigh(db, { withNames: countsNames }), {
    ...{ quota, countsNames, free },
    commit: durability === "none" ? () => committer.now() : undefined,
  });
  const parts = { sql, transaction, nodes, room, now };
  const maxFileSize = isFolder
    ? largestFile(`${directory}/content`)
    : Number.MAX_SAFE_INTEGER;
  const lists = new AccessLists(parts);
  const { mostRanges } = options;
  const shared = new SharedRanges(db, {
    transaction,
    remove: (content) => contents.remove(content),
  });
  const data = new FileData({
    ...parts,
    lists,
    ...{ committer, syncs, contents, journal, maxFileSize },
    ...{ shared, mostRanges },
  });
  const xattrs = new Xattrs(db, parts);
  const tree = new DirectoryTree({ ...parts, data, xattrs, lists });
  const { orphans } = tree;
  const preserved = new PreservedFiles(db, {
    ...{ transaction, committer, nodes, orphans },
  });
  const records = new Records(db, transaction);
  // Records are the last: the code that keeps them may set them anew at once.
  const pages = new FreePages(db);
  const companions = [
    orphans,
    // Also of what those remove.
    shared,
    log,
    pages,
    sequence,
    journal,
    nodes,
    room,
    data,
    committer,
    preserved,
    // What the others save is what the commit adds.
    { save: () => log.reserve() },
  ];
  for (const each of [...companions, records]) transaction.accompany(each);
  if (nodes.get(ROOT) === undefined) {
    makeRoot(parts, options);
    // Clients are told of it before they change anything, so it is durable first.
    syncLog();
    sequence.synced();
    nodes.durable();
  }
  if (durability !== "full") transaction.extendAhead(() => committer.now());
  return {
    directory,
    tag: meta.tag,
    maxFileSize,
    ...{ sql, transaction, committer, log, journal, nodes, room, place, data },
    xattrs,
    preserved,
    accessTimes,
    listings: new Listings(sql, nodes),
    tree,
    records,
    share: (count) => contents.share(count),
    async close() {
      await contents.close();
      hasLeftovers = isSound() && contents.hasLeftovers;
      for (const close of closers.reverse()) close();
    },
  };
}

/** Makes sure of the store's folder; throws one line for what can't be one. */
function makeFolder(directory: string): void {
  // "" + "/store.db" is in the host's root.
  if (directory === "") throw new Error('can\'t serve "": it names no folder');
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: OWN_FOLDER });
  } catch (error) {
    const why = error instanceof Deno.errors.AlreadyExists
      ? "not a folder"
      : (error as Error).message;
    throw new Error(`can't serve ${directory}: ${why}`);
  }
}

/**
 * Throws one line where the host does not tell what room its disk has, as Deno does
 * not without `--allow-sys`: nothing could be written, and no client is to find out.
 */
function assertRoomIsTold(
  directory: string,
  { disk }: CompleteOptions,
): void {
  try {
    disk.room(directory);
  } catch (error) {
    throw cantOpen(directory, error);
  }
}

function makeRoot(
  { sql, transaction, room, now }:
    & Pick<
      Store,
      "sql" | "transaction" | "room"
    >
    & Pick<CompleteOptions, "now">,
  { mode, uid, gid }: CompleteOptions,
): void {
  const row = rowOf({
    ...{ fileid: ROOT, kind: { type: "directory" }, change: ROOT },
    ...{ now: now(), parent: ROOT, mode, uid, gid },
  });
  transaction.run(() => sql.insertNode.run(...row));
  room.count(1);
  room.grow(weightOfNode(undefined), true);
  // Should the first changes be lost, it is there all the same.
  transaction.commit();
}
