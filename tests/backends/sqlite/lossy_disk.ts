import { resizeLater } from "../../../src/backends/common/long_calls.ts";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { copyFolder } from "./fixture.ts";

/** A disk that knows what it would have after a power failure: what was synced. */
export class LossyDisk implements Disk {
  /** Bytes of each file when its last sync began that has ended. */
  readonly #synced = new Map<string, Uint8Array>();

  /** The host's. */
  commit = hostDisk.commit;
  room = hostDisk.room;
  reader = hostDisk.reader;

  /** Syncs, and notes what is safe now. */
  async sync(descriptor: number): Promise<void> {
    const note = this.#begin(descriptor);
    await hostDisk.sync(descriptor);
    note();
  }

  /** The same, at once. */
  syncNow(descriptor: number): void {
    const note = this.#begin(descriptor);
    hostDisk.syncNow(descriptor);
    note();
  }

  /** Takes a while, however little it is. */
  cut(descriptor: number, size: number): Promise<void> {
    return resizeLater(descriptor, size);
  }

  /** Copies a store as a process leaves it that is killed, with what is safe of it. */
  kill(from: string, to: string): void {
    copyFolder(from, to);
    for (const [path, bytes] of [...this.#synced]) {
      if (!path.startsWith(`${from}/`)) continue;
      this.#synced.set(`${to}${path.slice(from.length)}`, bytes);
    }
  }

  /** A store that was closed is all on disk, but for contents that its journal has something of. */
  closed(store: string): void {
    this.#noteAll(store);
  }

  /** Copies a store, without what of its files was not synced and is `lost`. */
  copy(from: string, to: string, lost: Loss): void {
    Deno.mkdirSync(to, { recursive: true });
    for (const { name, isDirectory } of Deno.readDirSync(from)) {
      const [source, target] = [`${from}/${name}`, `${to}/${name}`];
      if (isDirectory) this.copy(source, target, lost);
      else this.#copyFile(source, target, lost);
    }
  }

  #noteAll(folder: string): void {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) this.#noteAll(path);
      else if (!CONTENT.test(path)) {
        this.#synced.set(path, Deno.readFileSync(path));
      }
    }
  }

  #copyFile(source: string, target: string, lost: Loss): void {
    const synced = this.#synced.get(source);
    if (source.endsWith(DATABASE)) {
      const now = Deno.readFileSync(source);
      const left = lost.database && synced ? someOf(now, synced) : now;
      return Deno.writeFileSync(target, left);
    }
    const isContent = source.includes("/content/");
    const isLost = isContent
      ? lost.contents
      : source.endsWith("-wal") && lost.log;
    if (!isLost) Deno.copyFileSync(source, target);
    else if (synced !== undefined) Deno.writeFileSync(target, synced);
  }

  #begin(descriptor: number): () => void {
    const path = Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
    if (!Deno.statSync(path).isFile) return () => this.#noteDatabase(path);
    const bytes = Deno.readFileSync(path);
    return () => this.#synced.set(path, bytes);
  }

  /** SQLite has synced what it made the database of, when its folder is synced. */
  #noteDatabase(folder: string): void {
    const path = `${folder}${DATABASE}`;
    if (this.#synced.has(path)) return;
    try {
      this.#synced.set(path, Deno.readFileSync(path));
    } catch {
      // Another folder.
    }
  }
}

const DATABASE = "/store.db";
const CONTENT = /\/content\/..\/[0-9]+$/;
const PAGE = 4096;

/** A file of which every other page was written back, and its length was. */
function someOf(now: Uint8Array, before: Uint8Array): Uint8Array {
  const some = new Uint8Array(now.length);
  some.set(before.subarray(0, now.length));
  for (let at = PAGE; at < now.length; at += 2 * PAGE) {
    some.set(now.subarray(at, at + PAGE), at);
  }
  return some;
}

/** What a power failure takes of what was not synced. */
export interface Loss {
  /** The end of the write-ahead log. */
  readonly log: boolean;
  /** The contents beside the database. */
  readonly contents: boolean;
  /** Half of the pages of the database. */
  readonly database: boolean;
}

/** What can be lost together. */
export const losses: readonly Loss[] = [
  { log: false, contents: false, database: true },
  { log: false, contents: true, database: false },
  { log: true, contents: false, database: false },
  { log: true, contents: true, database: true },
];
