import type { Clock } from "../base/clock.ts";
import { sleep } from "../base/timers.ts";
import type { Export } from "../vfs/exports.ts";
import type { FileSystemStatus } from "../vfs/file_system.ts";
import type { MetricsRegistry } from "./registry.ts";
import { gauge } from "./instruments.ts";

/** What each gauge means, and where it comes from. */
const GAUGES: readonly [
  name: string,
  help: string,
  value: (status: FileSystemStatus) => number,
][] = [
  [
    "export_used_bytes",
    "Bytes that the export's file system takes, of a local folder all that is on its disk.",
    ({ totalBytes, freeBytes, usedBytes = totalBytes - freeBytes }) =>
      usedBytes,
  ],
  [
    "export_available_bytes",
    "Bytes that clients can still fill.",
    ({ availableBytes }) => availableBytes,
  ],
  [
    "export_used_files",
    "Files, folders and others of the export's file system.",
    ({ totalFiles, freeFiles }) => totalFiles - freeFiles,
  ],
  [
    "export_available_files",
    "How many files can still be made.",
    ({ freeFiles }) => freeFiles,
  ],
];

/** How long a scrape waits for an export, in milliseconds: the others' figures wait with it. */
export const SCRAPE_PATIENCE_MS = 1_000;

/** The room of an export. What is under way is not asked for again, by other gauges or scrapes. */
class ExportRoom {
  readonly #fs: Export["fs"];
  readonly #clock: Clock;
  #asked: Promise<FileSystemStatus | undefined> | undefined;

  constructor(fs: Export["fs"], clock: Clock) {
    this.#fs = fs;
    this.#clock = clock;
  }

  /** `undefined` where the file system can't say, or not in time. */
  async status(): Promise<FileSystemStatus | undefined> {
    this.#asked ??= this.#ask().finally(() => this.#asked = undefined);
    const answered = new AbortController();
    const late = sleep(this.#clock, SCRAPE_PATIENCE_MS, answered.signal);
    try {
      return await Promise.race([this.#asked, late.then(() => undefined)]);
    } finally {
      answered.abort();
    }
  }

  /** Never rejects. */
  async #ask(): Promise<FileSystemStatus | undefined> {
    try {
      return await this.#fs.status!();
    } catch {
      return undefined;
    }
  }
}

/**
 * Bytes and files of every export that knows of them, by its path:
 * `export_used_bytes`, `export_available_bytes`, `export_used_files` and
 * `export_available_files`, as clients are told by space_* and files_*.
 */
export function observeExports(
  registry: MetricsRegistry,
  exports: readonly Export[],
  clock: Clock,
): void {
  const known = exports.filter(({ fs }) => fs.status !== undefined)
    .map(({ path, fs }) => ({ path, room: new ExportRoom(fs, clock) }));
  if (known.length === 0) return;
  for (const [name, help, value] of GAUGES) {
    gauge(registry, {
      name,
      help,
      labels: ["export"],
      async collect(gauge) {
        await Promise.all(known.map(async ({ path, room }) => {
          const status = await room.status();
          if (status !== undefined) gauge.set({ export: path }, value(status));
          // A store out of service has no figures, and says so by store_failed.
          else gauge.remove({ export: path });
        }));
      },
    });
  }
}
