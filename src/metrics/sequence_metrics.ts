import { statusName } from "../engine/status.ts";
import type { SequenceCounts } from "../state/observers.ts";
import type { SlotUsage } from "../state/slot_table.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter, gauge } from "./instruments.ts";

/** What {@linkcode SequenceMetrics} is read from: a `SessionTable`. */
export interface SequenceSource {
  /** What SEQUENCE counts. */
  readonly counts: SequenceCounts;
  /** Slots and bytes in use. */
  readonly usage: SlotUsage;
}

/**
 * SEQUENCE and the reply cache: `sequence_total`,
 * `sequence_errors_total{error_type}`, `replay_hits_total`, `slots_in_use`,
 * `replay_cache_bytes`. The hot path counts numbers; they are read at a scrape.
 */
export class SequenceMetrics {
  constructor(registry: MetricsRegistry, { counts, usage }: SequenceSource) {
    collectedCounter(registry, {
      name: "sequence_total",
      help: "SEQUENCE operations, failed ones included.",
      collect: (counter) => counter.inc(counts.total),
    });
    collectedCounter(registry, {
      name: "sequence_errors_total",
      help: "SEQUENCE operations that failed, by status.",
      labels: ["error_type"],
      collect(counter) {
        for (const [status, count] of counts.errors) {
          counter.inc({ error_type: statusName(status) }, count);
        }
      },
    });
    collectedCounter(registry, {
      name: "replay_hits_total",
      help: "Requests answered from the reply cache.",
      collect: (counter) => counter.inc(counts.replays),
    });
    gauge(registry, {
      name: "slots_in_use",
      help: "Slots whose request is being carried out.",
      collect: (gauge) => gauge.set(usage.slotsInUse),
    });
    gauge(registry, {
      name: "replay_cache_bytes",
      help: "Bytes of memory that hold replies for replay.",
      collect: (gauge) => gauge.set(usage.replayCacheBytes),
    });
  }
}
