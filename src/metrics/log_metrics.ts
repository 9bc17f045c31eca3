import type { Logger } from "../base/log.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter } from "./instruments.ts";

/** `log_lines_dropped_total`: lines of the log that were left out. */
export function observeLog(
  registry: MetricsRegistry,
  log: Logger,
): void {
  collectedCounter(registry, {
    name: "log_lines_dropped_total",
    help: "Lines of the log that were left out.",
    collect: (counter) => counter.inc(log.dropped ?? 0),
  });
}
