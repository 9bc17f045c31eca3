import type { Export } from "../vfs/exports.ts";
import type { FileSystemStats } from "../vfs/file_system.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter, gauge } from "./instruments.ts";

/** What each counter means, and where it comes from. */
const COUNTERS: readonly [
  name: string,
  help: string,
  value: (stats: FileSystemStats) => number,
][] = [
  [
    "store_operations_total",
    "Operations that changed something.",
    (stats) => stats.operations,
  ],
  [
    "store_commits_total",
    "Transactions committed; operations / commits share one.",
    (stats) => stats.commits,
  ],
  [
    "store_syncs_total",
    "Commits that waited for the disk.",
    (stats) => stats.syncs,
  ],
  [
    "store_settles_total",
    "Batches of replies that waited for a commit.",
    (stats) => stats.settles,
  ],
  [
    "store_written_bytes_total",
    "Bytes that clients have written.",
    (stats) => stats.writtenBytes,
  ],
];

/**
 * The durable stores among the exports, by the path of their export:
 * `store_operations_total`, `store_commits_total`, `store_syncs_total`,
 * `store_settles_total`, `store_written_bytes_total`,
 * `store_durability_info{durability}` and `store_failed`.
 */
export function observeStores(
  registry: MetricsRegistry,
  exports: readonly Export[],
): void {
  const stores = exports.filter(({ fs }) => fs.stats !== undefined);
  if (stores.length === 0) return;
  // One that can't tell any more leaves the others theirs.
  const told = () =>
    stores.flatMap(({ path, fs: { stats } }) => stats ? [{ path, stats }] : []);
  for (const [name, help, value] of COUNTERS) {
    collectedCounter(registry, {
      name,
      help,
      labels: ["export"],
      collect(counter) {
        for (const { path, stats } of told()) {
          counter.inc({ export: path }, value(stats));
        }
      },
    });
  }
  gauge(registry, {
    name: "store_durability_info",
    help: "1 for what replies promise: full (fsync), os or none.",
    labels: ["export", "durability"],
    collect(gauge) {
      for (const { path, stats } of told()) {
        gauge.set({ export: path, durability: stats.durability }, 1);
      }
    },
  });
  gauge(registry, {
    name: "store_failed",
    help: "1 when an error of the disk has ended the service of a store.",
    labels: ["export"],
    collect(gauge) {
      for (const { path, stats } of told()) {
        gauge.set({ export: path }, stats.failed ? 1 : 0);
      }
    },
  });
}
