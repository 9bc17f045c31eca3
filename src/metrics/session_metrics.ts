import type { Counter, Gauge, Histogram } from "prom-client";
import type { Clock } from "../base/clock.ts";
import type { SessionEnd, SessionObserver } from "../state/observers.ts";
import type { Session } from "../state/session.ts";
import type { MetricsRegistry } from "./registry.ts";
import { counter, gauge, histogram } from "./instruments.ts";

const SECONDS = [1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800];

/** Sessions: `sessions_created_total`, `sessions_destroyed_total{reason}`, `sessions_active`, `sessions_duration_seconds`. */
export class SessionMetrics implements SessionObserver {
  readonly #clock: Clock;
  readonly #created: Counter;
  readonly #destroyed: Counter<"reason">;
  readonly #active: Gauge;
  readonly #duration: Histogram;

  /** `clock`: the one that sessions are created by. */
  constructor(registry: MetricsRegistry, clock: Clock) {
    this.#clock = clock;
    this.#created = counter(registry, {
      name: "sessions_created_total",
      help: "Sessions created.",
    });
    this.#destroyed = counter(registry, {
      name: "sessions_destroyed_total",
      help: "Sessions ended, by reason.",
      labels: ["reason"],
    });
    this.#active = gauge(registry, {
      name: "sessions_active",
      help: "Sessions that there are.",
    });
    this.#duration = histogram(registry, {
      name: "sessions_duration_seconds",
      help: "How long sessions lasted.",
      buckets: SECONDS,
    });
  }

  /** {@inheritDoc SessionObserver.sessionCreated} */
  sessionCreated(): void {
    this.#created.inc();
    this.#active.inc();
  }

  /** {@inheritDoc SessionObserver.sessionDestroyed} */
  sessionDestroyed(session: Session, reason: SessionEnd): void {
    this.#destroyed.inc({ reason });
    this.#active.dec();
    this.#duration.observe((this.#clock.now() - session.createdAt) / 1000);
  }
}
