import { resizeLater } from "../../../src/backends/common/long_calls.ts";
import type { StatementSync } from "node:sqlite";
import { type Disk, hostDisk } from "../../../src/backends/sqlite/disk.ts";

/** SQLite's result codes that a disk refuses a commit with. */
export const codes = {
  full: { errcode: 13, message: "database or disk is full" },
  io: { errcode: 778, message: "disk I/O error" },
  readOnly: { errcode: 8, message: "attempt to write a readonly database" },
} as const;

/** A disk that is full, or worse, as often as a test wants it to be. */
export class RefusingDisk implements Disk {
  sync = hostDisk.sync;
  syncNow = hostDisk.syncNow;
  reader = hostDisk.reader;
  cut = resizeLater;
  /** Commits to refuse. */
  refusals = 0;
  /** How they are refused. */
  code: keyof typeof codes = "full";
  /** Bytes free. */
  free = 2 ** 30;

  /** Refuses, or has it done. */
  commit(statement: StatementSync): void {
    if (this.refusals === 0) return hostDisk.commit(statement);
    this.refusals--;
    const { errcode, message } = codes[this.code];
    throw Object.assign(new Error(message), { errcode });
  }

  /** As much as the test says. */
  room(): { total: number; free: number } {
    return { total: 2 ** 31, free: this.free };
  }
}
