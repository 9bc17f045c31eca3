import type { Counter } from "prom-client";
import type { FileSystemObserver } from "../vfs/checked_options.ts";
import type { MetricsRegistry } from "./registry.ts";
import { counter, gauge } from "./instruments.ts";

/** What is shown of a file system. */
interface Watched {
  readonly overdue: number;
  readonly underWay:
    | { readonly count: number; readonly waiting: number }
    | undefined;
}

/**
 * What file systems do wrong, by the path of their export:
 * `file_system_timeouts_total{call}`, `file_system_overdue_calls`,
 * `file_system_refused_calls_total{call}` and `file_system_faults_total{call}`; and how busy those are that have operations wait:
 * `file_system_operations`, `file_system_waiting_operations`.
 */
export class FileSystemMetrics {
  readonly #timeouts: Counter<"export" | "call">;
  readonly #refused: Counter<"export" | "call">;
  readonly #faults: Counter<"export" | "call">;
  readonly #watched = new Map<string, Watched>();

  constructor(registry: MetricsRegistry) {
    this.#timeouts = counter(registry, {
      name: "file_system_timeouts_total",
      help: "Calls of a file system that nobody waited for any longer.",
      labels: ["export", "call"],
    });
    this.#refused = counter(registry, {
      name: "file_system_refused_calls_total",
      help:
        "Calls that were not made, as too many like them have not returned.",
      labels: ["export", "call"],
    });
    this.#faults = counter(registry, {
      name: "file_system_faults_total",
      help: "Calls of a file system that returned what they must not.",
      labels: ["export", "call"],
    });
    const show = (
      name: string,
      help: string,
      of: (fs: Watched) => number | undefined,
    ) =>
      gauge(registry, {
        ...{ name, help },
        labels: ["export"],
        collect: (gauge) => {
          for (const [path, fs] of this.#watched) {
            const value = of(fs);
            if (value !== undefined) gauge.set({ export: path }, value);
          }
        },
      });
    show(
      "file_system_overdue_calls",
      "Calls of a file system that were given up and still go on.",
      ({ overdue }) => overdue,
    );
    show(
      "file_system_operations",
      "Operations under way in a file system that has them wait.",
      ({ underWay }) => underWay?.count,
    );
    show(
      "file_system_waiting_operations",
      "Operations that stand in line for such a file system.",
      ({ underWay }) => underWay?.waiting,
    );
  }

  /** Counts for the export of a path. */
  observe(path: string): FileSystemObserver {
    return {
      timedOut: (call, calls) =>
        this.#timeouts.inc({ export: path, call }, calls),
      refused: (call) => this.#refused.inc({ export: path, call }),
      unsound: (call) => this.#faults.inc({ export: path, call }),
    };
  }

  /** Shows how busy it is, and how many calls of it are overdue. */
  watch(path: string, fs: Watched): void {
    this.#watched.set(path, fs);
  }
}
