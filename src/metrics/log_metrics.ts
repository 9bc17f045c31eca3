import type { Logger } from "../base/log.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter } from "./instruments.ts";

/** `log_lines_dropped_total`, where lines of the log may be left out. */
export function observeLog(
  registry: MetricsRegistry,
  log: Logger,
): void {
  if (log.dropped === undefined) return;
  collectedCounter(registry, {
    name: "log_lines_dropped_total",
    help: "Lines of the log that were left out because nobody read them.",
    collect: (counter) => counter.inc(log.dropped ?? 0),
  });
}
