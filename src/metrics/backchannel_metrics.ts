import type { Counter, Gauge, Histogram } from "prom-client";
import type { CallbackObserver } from "../backchannel/callback_observer.ts";
import { statusName } from "../engine/status.ts";
import type { StatusCode } from "../nfs4/constants.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter, counter, gauge, histogram } from "./instruments.ts";

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** What gauges of the back channels are read from. */
export interface BackchannelSource {
  /** Callbacks that wait for a slot. */
  readonly queueDepth: number;
  /** Sessions with a back channel, by whether callbacks get through. */
  readonly paths: { readonly up: number; readonly down: number };
  /** Replies that no callback waited for. */
  readonly unknownReplies: number;
}

/**
 * Callbacks: `backchannel_callbacks_total`, `…_failures_total`,
 * `…_retries_total`, `…_duration_seconds`,
 * `backchannel_operations_total{operation,status}`. Code that takes it takes
 * `undefined` as well; built twice it goes on with what the registry holds.
 */
export class BackchannelMetrics implements CallbackObserver {
  readonly #registry: MetricsRegistry;
  readonly #callbacks: Counter;
  readonly #failures: Counter;
  readonly #retries: Counter;
  readonly #duration: Histogram;
  readonly #operations: Counter<"operation" | "status">;

  constructor(registry: MetricsRegistry) {
    this.#registry = registry;
    this.#callbacks = counter(registry, {
      name: "backchannel_callbacks_total",
      help: "Callbacks that their clients answered.",
    });
    this.#failures = counter(registry, {
      name: "backchannel_callback_failures_total",
      help: "Callbacks given up: never answered, or refused as a whole.",
    });
    this.#retries = counter(registry, {
      name: "backchannel_callback_retries_total",
      help: "Callbacks sent again.",
    });
    this.#duration = histogram(registry, {
      name: "backchannel_callback_duration_seconds",
      help: "Time from a callback's place in the queue to its answer.",
      buckets: SECONDS,
    });
    this.#operations = counter(registry, {
      name: "backchannel_operations_total",
      help: "Callback operations that clients answered, by name and status.",
      labels: ["operation", "status"],
    });
  }

  /** A callback was answered. */
  recordCallback(): void {
    this.#callbacks.inc();
  }

  /** A callback was given up. */
  recordFailure(): void {
    this.#failures.inc();
  }

  /** A callback goes out again. */
  recordRetry(): void {
    this.#retries.inc();
  }

  /** Seconds from enqueue to answer. */
  observeDuration(seconds: number): void {
    this.#duration.observe(seconds);
  }

  /** An operation of a callback was answered. */
  recordOperation(operation: string, status: StatusCode): void {
    this.#operations.inc({ operation, status: statusName(status) });
  }

  /** Reads `backchannel_queue_depth`, `backchannel_sessions{path}` and `backchannel_unknown_replies_total` from `source`. */
  watch(source: BackchannelSource): void {
    gauge(this.#registry, {
      name: "backchannel_queue_depth",
      help: "Callbacks that wait for a slot.",
      collect: (gauge: Gauge) => gauge.set(source.queueDepth),
    });
    gauge(this.#registry, {
      name: "backchannel_sessions",
      help: "Sessions with a back channel, by whether callbacks get through.",
      labels: ["path"],
      collect(gauge: Gauge<"path">) {
        gauge.set({ path: "up" }, source.paths.up);
        gauge.set({ path: "down" }, source.paths.down);
      },
    });
    collectedCounter(this.#registry, {
      name: "backchannel_unknown_replies_total",
      help: "Replies to callbacks that came late, twice or uncalled for.",
      collect: (counter) => counter.inc(source.unknownReplies),
    });
  }
}
