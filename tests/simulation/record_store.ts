/** Records of clients on a simulated disk: what was not flushed is lost in a crash. */

import {
  type ClientRecord,
  type RecordedOwner,
  recordKey,
  type RecordStore,
} from "../../src/recovery/record_store.ts";
import type { World } from "./world.ts";

/** The disk, which outlives the server. */
export class SimulatedDisk {
  /** Records that are safe. */
  readonly records = new Map<string, ClientRecord>();
}

/** One start's view of the disk. */
export class SimulatedStore implements RecordStore {
  readonly #world: World;
  readonly #disk: SimulatedDisk;
  #dirty: (() => void)[] = [];
  #flushing: Promise<void> | undefined;
  #unwritten = 0;
  /** Deletions that are not on the disk. */
  #forgetting = 0;
  #isGone = false;

  constructor(world: World, disk: SimulatedDisk) {
    this.#world = world;
    this.#disk = disk;
  }

  load(): readonly ClientRecord[] {
    return [...this.#disk.records.values()];
  }

  put(record: ClientRecord): void {
    // A copy: what the server changes later is not on the disk.
    const copy = structuredClone(record);
    this.#dirty.push(() => this.#disk.records.set(recordKey(copy), copy));
  }

  delete(owner: RecordedOwner): void {
    const key = recordKey(owner);
    this.#forgetting++;
    this.#dirty.push(() => {
      this.#disk.records.delete(key);
      this.#forgetting--;
    });
  }

  get isForgetting(): boolean {
    return this.#forgetting > 0;
  }

  /** Takes a while; everybody who asks waits for all that was changed before. */
  flush(): void | Promise<void> {
    if (this.#dirty.length > 0) this.#flushing = this.#write(this.#flushing);
    return this.#flushing;
  }

  async #write(before: Promise<void> | undefined): Promise<void> {
    const changes = this.#dirty.splice(0);
    this.#unwritten++;
    await this.#world.pause(1, 10);
    await before;
    if (this.#isGone) return;
    for (const change of changes) change();
    this.#unwritten--;
    if (this.#unwritten === 0) this.#flushing = undefined;
  }

  [Symbol.dispose](): void {
    this.#isGone = true;
  }
}
