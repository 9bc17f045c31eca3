import { Counter } from "prom-client";
import type {
  AnsweredContext,
  EngineObserver,
  OperationOutcome,
} from "../engine/observer.ts";
import { OPERATIONS } from "../engine/op_table.ts";
import type { OperationRow } from "../engine/operation.ts";
import { statusName } from "../engine/status.ts";
import { Op } from "../nfs4/constants.ts";
import { LatencyHistogram } from "./latency_histogram.ts";
import { type MetricsRegistry, PREFIX } from "./registry.ts";

const SECONDS = [
  0.00001,
  0.00005,
  0.0001,
  0.0005,
  0.001,
  0.005,
  0.01,
  0.05,
  0.1,
  0.5,
  1,
  5,
];
const MINOR_VERSIONS = 3;
/** Behind the last operation: ILLEGAL, whose number on the wire is 10044. */
const ILLEGAL_INDEX = OPERATIONS.length;

/**
 * `operations_total{operation,minor_version,status}` and
 * `operation_duration_seconds{operation}`. On the hot path an operation costs
 * two array cells; labels are put together at a scrape.
 */
export class OperationMetrics implements EngineObserver {
  readonly #counts: Map<number, number>[] = [];
  readonly #durations: LatencyHistogram;

  constructor(registry: MetricsRegistry) {
    const counts = this.#counts;
    new Counter({
      name: `${PREFIX}operations_total`,
      help: "Operations answered, by name, minor version and status.",
      labelNames: ["operation", "minor_version", "status"],
      registers: [registry.prometheus],
      collect() {
        this.reset();
        counts.forEach((byStatus, key) => {
          const operation = operationName(Math.floor(key / MINOR_VERSIONS));
          const minor_version = String(key % MINOR_VERSIONS);
          for (const [status, count] of byStatus) {
            this.inc(
              { operation, minor_version, status: statusName(status) },
              count,
            );
          }
        });
      },
    });
    this.#durations = new LatencyHistogram({
      name: `${PREFIX}operation_duration_seconds`,
      help:
        "Time of an operation, waiting included, and of brief ones before it (SEQUENCE, PUTFH and their like), which are not timed by themselves unless they wait.",
      registers: [registry.prometheus],
      buckets: SECONDS,
      labels: (index) => ({ operation: operationName(index) }),
    });
  }

  /** {@inheritDoc EngineObserver.operation} */
  operation(
    row: OperationRow,
    { minorVersion }: AnsweredContext,
    outcome: OperationOutcome,
  ): void {
    const index = row.number === Op.ILLEGAL ? ILLEGAL_INDEX : row.number;
    const byStatus = this.#counts[index * MINOR_VERSIONS + minorVersion] ??=
      new Map();
    byStatus.set(outcome.status, (byStatus.get(outcome.status) ?? 0) + 1);
    const { milliseconds } = outcome;
    if (milliseconds !== undefined) {
      this.#durations.add(index, milliseconds / 1000);
    }
  }
}

function operationName(index: number): string {
  return OPERATIONS[index]?.name ?? "ILLEGAL";
}
