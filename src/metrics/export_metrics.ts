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

/**
 * Bytes and files of every export that knows of them, by its path:
 * `export_used_bytes`, `export_available_bytes`, `export_used_files` and
 * `export_available_files`, as clients are told by space_* and files_*.
 */
export function observeExports(
  registry: MetricsRegistry,
  exports: readonly Export[],
): void {
  const known = exports.filter(({ fs }) => fs.status !== undefined);
  if (known.length === 0) return;
  for (const [name, help, value] of GAUGES) {
    gauge(registry, {
      name,
      help,
      labels: ["export"],
      async collect(gauge) {
        for (const { path, fs } of known) {
          try {
            gauge.set({ export: path }, value(await fs.status!()));
          } catch {
            // A store out of service has no figures, and says so by store_failed.
            gauge.remove({ export: path });
          }
        }
      },
    });
  }
}
