import type { Client } from "../state/client.ts";
import type { ClientEnd, ClientObserver } from "../state/observers.ts";
import type { ServerState } from "../state/server_state.ts";
import type { MetricsRegistry } from "./registry.ts";
import { collectedCounter, gauge } from "./instruments.ts";

/** What gauges of the state are read from: a `ServerState`. */
export type StateSource = Pick<
  ServerState,
  "budget" | "clients" | "files" | "replyLimit"
>;

/**
 * What is remembered of clients: `clients{lease}`, `connections_bound`, `opens`,
 * `open_files`, `locks`, `waiting_locks`, `works`, `state_bytes`, `state_limit_bytes`,
 * `state_refusals_total`, `slot_recalls_total` and `leases_expired_total`. All but the last are read
 * at a scrape, off counts that the state keeps anyway.
 */
export class StateMetrics implements ClientObserver {
  #expired = 0;

  constructor(
    registry: MetricsRegistry,
    { budget, clients, files, replyLimit }: StateSource,
  ) {
    const { counts } = budget;
    gauge(registry, {
      name: "clients",
      help: "Clients: confirmed, not confirmed yet, or courtesy: away for " +
        "longer than a lease, with what they hold.",
      labels: ["lease"],
      collect(gauge) {
        for (const [lease, count] of Object.entries(clients.counts)) {
          gauge.set({ lease }, count);
        }
      },
    });
    const gauges = [
      [
        "connections_bound",
        "Bindings of connections to sessions that there are.",
        () => counts.binding,
      ],
      ["opens", "Opens that clients hold.", () => counts.open],
      ["open_files", "Files that something is held on.", () => counts.file],
      ["locks", "Byte ranges that are locked.", () => counts.range],
      ["waiting_locks", "Locks that are waited for.", () => counts.waiting],
      [
        "works",
        "Works in pieces that are still to be done, as the ends of clients.",
        () => files.effects.works,
      ],
      [
        "state_bytes",
        "Bytes of memory for what is remembered of clients.",
        () => budget.used,
      ],
      [
        "state_limit_bytes",
        "Bytes that state_bytes may come to.",
        () => budget.limit,
      ],
    ] as const;
    for (const [name, help, value] of gauges) {
      gauge(registry, { name, help, collect: (gauge) => gauge.set(value()) });
    }
    collectedCounter(registry, {
      name: "state_refusals_total",
      help:
        "How often there was no room for more state, of a client or at all.",
      collect: (counter) => counter.inc(budget.refusals),
    });
    collectedCounter(registry, {
      name: "slot_recalls_total",
      help: "How often a session was asked to use fewer slots.",
      collect: (counter) => counter.inc(replyLimit.asked),
    });
    collectedCounter(registry, {
      name: "leases_expired_total",
      help: "Clients that lost what they held after their lease ran out.",
      collect: (counter) => counter.inc(this.#expired),
    });
  }

  /** {@inheritDoc ClientObserver.clientGone} */
  clientGone(_client: Client, reason: ClientEnd): void {
    if (reason === "expired") this.#expired++;
  }
}
