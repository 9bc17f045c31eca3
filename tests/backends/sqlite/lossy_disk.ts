import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";

/** A disk that knows what it would have after a power failure: what was synced. */
export class LossyDisk implements Disk {
  /** Bytes of each file when its last sync began that has ended. */
  readonly #synced = new Map<string, Uint8Array>();

  /** The host's. */
  room = hostDisk.room;

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

  /** Copies a store, without what of the log, or of the contents, was not synced. */
  copy(from: string, to: string, lost: Loss): void {
    Deno.mkdirSync(to, { recursive: true });
    for (const { name, isDirectory } of Deno.readDirSync(from)) {
      const [source, target] = [`${from}/${name}`, `${to}/${name}`];
      if (isDirectory) {
        this.copy(source, target, lost);
        continue;
      }
      const isContent = source.includes("/content/");
      const isLost = isContent ? lost.contents : lost.log;
      const isLossy = isContent || name.endsWith("-wal");
      const synced = this.#synced.get(source);
      if (!isLossy || !isLost) Deno.copyFileSync(source, target);
      else if (synced !== undefined) Deno.writeFileSync(target, synced);
    }
  }

  #begin(descriptor: number): () => void {
    const path = Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
    if (!Deno.statSync(path).isFile) return () => {};
    const bytes = Deno.readFileSync(path);
    return () => this.#synced.set(path, bytes);
  }
}

/** What a power failure takes of what was not synced. */
export interface Loss {
  /** The end of the write-ahead log. */
  readonly log: boolean;
  /** The contents beside the database. */
  readonly contents: boolean;
}

/** All that can be lost together. */
export const losses: readonly Loss[] = [
  { log: false, contents: false },
  { log: false, contents: true },
  { log: true, contents: false },
  { log: true, contents: true },
];
