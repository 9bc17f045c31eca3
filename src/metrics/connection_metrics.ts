import type { Counter } from "prom-client";
import { Direction, type DirectionBits } from "../nfs4/sessions.ts";
import type { SessionObserver, UnbindReason } from "../state/observers.ts";
import type { Session } from "../state/session.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { MetricsRegistry } from "./registry.ts";
import { counter } from "./instruments.ts";

const DIRECTION_NAMES = {
  [Direction.FORE]: "fore",
  [Direction.BACK]: "back",
  [Direction.BOTH]: "both",
} as const;

/** Connections of sessions: `connections_bind_total{direction}`, `connections_unbind_total{reason}`. */
export class ConnectionMetrics implements SessionObserver {
  readonly #bind: Counter<"direction">;
  readonly #unbind: Counter<"reason">;

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
  }

  /** {@inheritDoc SessionObserver.connectionBound} */
  connectionBound(
    _session: Session,
    _connection: Connection,
    direction: DirectionBits,
  ): void {
    this.#bind.inc({ direction: DIRECTION_NAMES[direction] });
  }

  /** {@inheritDoc SessionObserver.connectionUnbound} */
  connectionUnbound(
    _session: Session,
    _connection: Connection,
    { reason }: { readonly reason: UnbindReason },
  ): void {
    this.#unbind.inc({ reason });
  }
}
