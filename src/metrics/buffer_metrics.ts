import type { BufferBudget } from "../rpc/buffer_budget.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter, gauge } from "./instruments.ts";

/** Bytes in hand: `buffer_bytes`, `buffer_limit_bytes`, `buffer_waits_total`, `buffer_refusals_total`, `buffer_cuts_total`. */
export function observeBuffers(
  registry: MetricsRegistry,
  budget: BufferBudget,
): void {
  gauge(registry, {
    name: "buffer_bytes",
    help: "Bytes of requests, partial records and replies in hand.",
    collect: (gauge) => gauge.set(budget.used),
  });
  gauge(registry, {
    name: "buffer_limit_bytes",
    help: "Most bytes that may be in hand.",
    collect: (gauge) => gauge.set(budget.limit),
  });
  collectedCounter(registry, {
    name: "buffer_waits_total",
    help:
      "Times that nothing more was read from a connection for lack of room.",
    collect: (counter) => counter.inc(budget.waits),
  });
  collectedCounter(registry, {
    name: "buffer_refusals_total",
    help: "Replies that were kept small, or refused, for lack of room.",
    collect: (counter) => counter.inc(budget.refusals),
  });
  collectedCounter(registry, {
    name: "buffer_cuts_total",
    help: "Connections closed because they held room and did not get on.",
    collect: (counter) => counter.inc(budget.cuts),
  });
}
