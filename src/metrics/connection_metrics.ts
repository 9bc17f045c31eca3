import type { Counter, Gauge } from "prom-client";
import { Direction, type DirectionBits } from "../nfs4/sessions.ts";
import type { SessionObserver, UnbindReason } from "../state/observers.ts";
import type { Session } from "../state/session.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { MetricsRegistry } from "./registry.ts";
import { counter, gauge } from "./instruments.ts";

const DIRECTION_NAMES = {
  [Direction.FORE]: "fore",
  [Direction.BACK]: "back",
  [Direction.BOTH]: "both",
} as const;

/** Connections of sessions: `connections_bind_total{direction}`, `connections_unbind_total{reason}`, `connections_bound`. */
export class ConnectionMetrics implements SessionObserver {
  readonly #bind: Counter<"direction">;
  readonly #unbind: Counter<"reason">;
  readonly #bound: Gauge;
  /** A binding that gets another channel is still one. */
  readonly #known = new WeakMap<Session, WeakSet<Connection>>();

  constructor(registry: MetricsRegistry) {
    this.#bind = counter(registry, {
      name: "connections_bind_total",
      help: "Bindings of connections to sessions, by the channels they have.",
      labels: ["direction"],
    });
    this.#unbind = counter(registry, {
      name: "connections_unbind_total",
      help: "Bindings of connections to sessions that ended, by reason.",
      labels: ["reason"],
    });
    this.#bound = gauge(registry, {
      name: "connections_bound",
      help: "Bindings of connections to sessions that there are.",
    });
  }

  /** {@inheritDoc SessionObserver.connectionBound} */
  connectionBound(
    session: Session,
    connection: Connection,
    direction: DirectionBits,
  ): void {
    this.#bind.inc({ direction: DIRECTION_NAMES[direction] });
    let known = this.#known.get(session);
    if (known === undefined) this.#known.set(session, known = new WeakSet());
    if (known.has(connection)) return;
    known.add(connection);
    this.#bound.inc();
  }

  /** {@inheritDoc SessionObserver.connectionUnbound} */
  connectionUnbound(
    session: Session,
    connection: Connection,
    { reason }: { readonly reason: UnbindReason },
  ): void {
    this.#unbind.inc({ reason });
    this.#known.get(session)?.delete(connection);
    this.#bound.dec();
  }
}
