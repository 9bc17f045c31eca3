import { Counter, Gauge, type Registry } from "prom-client";
import type {
  CallRefusal,
  CloseReason,
  TransportObserver,
} from "../rpc/handlers.ts";
import { type MetricsRegistry, PREFIX } from "./registry.ts";

/** Connections and bytes: `connections`, `connections_closed_total{reason}`, `received_bytes_total` … */
export class TransportMetrics implements TransportObserver {
  #received = 0;
  #sent = 0;
  readonly #open: Gauge;
  readonly #opened: Counter;
  readonly #refused: Counter;
  readonly #lost: Counter;
  readonly #closed: Counter<"reason">;
  readonly #callsRefused: Counter<"reason">;

  constructor(registry: MetricsRegistry) {
    const registers = [registry.prometheus];
    this.#open = new Gauge({
      name: `${PREFIX}connections`,
      help: "TCP connections that are open.",
      registers,
    });
    this.#opened = new Counter({
      name: `${PREFIX}connections_opened_total`,
      help: "TCP connections accepted.",
      registers,
    });
    this.#refused = new Counter({
      name: `${PREFIX}connections_refused_total`,
      help: "TCP connections turned away at a limit.",
      registers,
    });
    this.#lost = new Counter({
      name: `${PREFIX}connections_lost_total`,
      help:
        "TCP connections ended by their peer before they were accepted, or it was known whose they are.",
      registers,
    });
    this.#closed = new Counter({
      name: `${PREFIX}connections_closed_total`,
      help: "TCP connections ended, by reason.",
      labelNames: ["reason"],
      registers,
    });
    this.#callsRefused = new Counter({
      name: `${PREFIX}calls_refused_total`,
      help: "Calls that the transport refused, by reason.",
      labelNames: ["reason"],
      registers,
    });
    bytes("received_bytes_total", "Bytes read from clients.", {
      registers,
      value: () => this.#received,
    });
    bytes("sent_bytes_total", "Bytes written to clients.", {
      registers,
      value: () => this.#sent,
    });
  }

  /** {@inheritDoc TransportObserver.connectionOpened} */
  connectionOpened(): void {
    this.#open.inc();
    this.#opened.inc();
  }

  /** {@inheritDoc TransportObserver.connectionClosed} */
  connectionClosed(reason: CloseReason): void {
    this.#open.dec();
    this.#closed.inc({ reason });
  }

  /** {@inheritDoc TransportObserver.connectionRefused} */
  connectionRefused(): void {
    this.#refused.inc();
  }

  /** {@inheritDoc TransportObserver.connectionLost} */
  connectionLost(): void {
    this.#lost.inc();
  }

  /** {@inheritDoc TransportObserver.bytesReceived} */
  bytesReceived(bytes: number): void {
    this.#received += bytes;
  }

  /** {@inheritDoc TransportObserver.bytesSent} */
  bytesSent(bytes: number): void {
    this.#sent += bytes;
  }

  /** {@inheritDoc TransportObserver.callRefused} */
  callRefused(reason: CallRefusal): void {
    this.#callsRefused.inc({ reason });
  }
}

/** A counter that is read off at a scrape: adding to it costs an addition. */
function bytes(
  name: string,
  help: string,
  from: {
    registers: Registry[];
    value: () => number;
  },
): void {
  new Counter({
    name: PREFIX + name,
    help,
    registers: from.registers,
    collect() {
      this.reset();
      this.inc(from.value());
    },
  });
}
