import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";

/** A disk to which contents come when the test says so, and all else at once. */
export class GatedDisk implements Disk {
  commit = hostDisk.commit;
  room = hostDisk.room;
  reader = hostDisk.reader;
  cut = hostDisk.cut;
  /** Syncs of contents that were asked for. */
  asked = 0;
  #waiting: PromiseWithResolvers<void>[] = [];
  #isOpen = false;

  /** Contents wait at the gate, and nothing else does. */
  async sync(descriptor: number): Promise<void> {
    const path = Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
    if (/content\/..\/\d+/.test(path)) await this.#arrive();
  }

  /** Nothing waits here. */
  syncNow(): void {}

  /** From now on no content waits. */
  open(): void {
    this.#isOpen = true;
    this.pass();
  }

  /** The contents that wait may go on. */
  pass(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** The contents that wait can't be brought to the disk. */
  fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  async #arrive(): Promise<void> {
    this.asked++;
    if (this.#isOpen) return;
    const gate = Promise.withResolvers<void>();
    this.#waiting.push(gate);
    await gate.promise;
  }
}
