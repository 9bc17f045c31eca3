import type { Jobs } from "../base/jobs.ts";
import { collectedCounter, gauge } from "./instruments.ts";
import type { MetricsRegistry } from "./registry.ts";

/** Work that no request waits for: `jobs`, `jobs_failed_total`. */
export function observeJobs(registry: MetricsRegistry, jobs: Jobs): void {
  gauge(registry, {
    name: "jobs",
    help:
      "Work that goes on beside the requests: files that are closed, what a client that ended has left.",
    collect: (gauge) => gauge.set(jobs.size),
  });
  collectedCounter(registry, {
    name: "jobs_failed_total",
    help: "Such work that a fault of the server has ended.",
    collect: (counter) => counter.inc(jobs.failed),
  });
}
