import type { Counter } from "prom-client";
import type { FileSystemObserver } from "../vfs/checked_options.ts";
import type { MetricsRegistry } from "./registry.ts";
import { counter, gauge } from "./instruments.ts";

/**
 * What file systems do wrong, by the path of their export:
 * `file_system_timeouts_total{call}`, `file_system_faults_total{call}` and
 * `file_system_overdue_calls`.
 */
export class FileSystemMetrics {
  readonly #timeouts: Counter<"export" | "call">;
  readonly #faults: Counter<"export" | "call">;
  readonly #overdue = new Map<string, { readonly overdue: number }>();

  constructor(registry: MetricsRegistry) {
    this.#timeouts = counter(registry, {
      name: "file_system_timeouts_total",
      help: "Calls of a file system that nobody waited for any longer.",
      labels: ["export", "call"],
    });
    this.#faults = counter(registry, {
      name: "file_system_faults_total",
      help: "Calls of a file system that returned what they must not.",
      labels: ["export", "call"],
    });
    gauge(registry, {
      name: "file_system_overdue_calls",
      help: "Calls of a file system that were given up and still go on.",
      labels: ["export"],
      collect: (gauge) => {
        for (const [path, { overdue }] of this.#overdue) {
          gauge.set({ export: path }, overdue);
        }
      },
    });
  }

  /** Counts for the export of a path. */
  observe(path: string): FileSystemObserver {
    return {
      timedOut: (call, calls) =>
        this.#timeouts.inc({ export: path, call }, calls),
      unsound: (call) => this.#faults.inc({ export: path, call }),
    };
  }

  /** Shows how many calls of it are overdue. */
  watch(path: string, of: { readonly overdue: number }): void {
    this.#overdue.set(path, of);
  }
}
