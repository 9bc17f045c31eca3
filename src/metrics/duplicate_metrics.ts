import type { DuplicateRequests } from "../state/duplicate_requests.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter, gauge } from "./instruments.ts";

/** Requests of NFSv4.0 that come again: `duplicate_requests_total`, `duplicate_answers_bytes`. */
export function observeDuplicates(
  registry: MetricsRegistry,
  duplicates: Pick<DuplicateRequests, "hits" | "bytes">,
): void {
  collectedCounter(registry, {
    name: "duplicate_requests_total",
    help: "Requests of NFSv4.0 that came again, and were answered as before.",
    collect: (counter) => counter.inc(duplicates.hits),
  });
  gauge(registry, {
    name: "duplicate_answers_bytes",
    help: "Bytes of memory that hold answers for such requests.",
    collect: (gauge) => gauge.set(duplicates.bytes),
  });
}
