import type { CopyTable } from "../state/copies.ts";
import { collectedCounter, gauge } from "./instruments.ts";
import type { MetricsRegistry } from "./registry.ts";

/** Copies that go on behind their answers: `copies`, `copied_bytes_total`. */
export function observeCopies(
  registry: MetricsRegistry,
  copies: Pick<CopyTable, "running" | "bytes">,
): void {
  gauge(registry, {
    name: "copies",
    help: "Copies that go on behind the answer of their COPY.",
    collect: (gauge) => gauge.set(copies.running),
  });
  collectedCounter(registry, {
    name: "copied_bytes_total",
    help: "Bytes that these have copied.",
    collect: (counter) => counter.inc(copies.bytes),
  });
}
