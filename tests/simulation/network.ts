/**
 * A network that does what networks do: it delays, drops, duplicates and cuts.
 * Messages are real RPC messages, record marks left out; on one connection they
 * stay in order but for duplicates, over several they don't.
 */

import { testConnection } from "../support/connection.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import type { World } from "./world.ts";

/** How bad it is: one in so many messages; Infinity for never. */
export interface Weather {
  /** Is lost. */
  readonly drop: number;
  /** Arrives twice. */
  readonly duplicate: number;
  /** Takes up to `slowest` milliseconds; the others up to 20. */
  readonly slow: number;
  /** Of a slow message. */
  readonly slowest: number;
}

/** Nothing goes wrong. */
export const CALM: Weather = {
  drop: Infinity,
  duplicate: Infinity,
  slow: Infinity,
  slowest: 20,
};

/** The server's end. */
export interface Endpoint {
  /** A message came. */
  receive(message: Uint8Array, link: Link): void;
  /** The connection is known to be lost. */
  closed(link: Link): void;
  /** Makes durable what the messages that are about to leave say. */
  settle(): void | Promise<void>;
}

/** The client's end. */
export interface LinkOwner {
  /** A message came. */
  receive(message: Uint8Array, link: Link): void;
  /** The host from which it connects. */
  readonly host: string;
  /** Virtual time at which the server last heard of this client. */
  heardAt: number;
}

/** Where clients connect. */
export class Network {
  readonly world: World;
  readonly server: Endpoint;
  readonly links = new Set<Link>();
  weather: Weather;

  constructor(world: World, server: Endpoint, weather: Weather) {
    this.world = world;
    this.server = server;
    this.weather = weather;
  }

  /** A new connection. */
  connect(owner: LinkOwner): Link {
    const link = new Link(this, owner);
    this.links.add(link);
    return link;
  }

  /** Milliseconds that the next message takes. */
  delay(): number {
    const { world, weather } = this;
    return this.happens(weather.slow)
      ? world.between(1, weather.slowest)
      : world.between(1, 20);
  }

  /** True once in `n` times. */
  happens(n: number): boolean {
    return n !== Infinity && this.world.random.oneIn(n);
  }
}

/** A connection. */
export class Link {
  /** The connection as the engine sees it: by being itself. */
  readonly connection: Connection;
  readonly owner: LinkOwner;
  /** Whether the client's end is open. */
  isOpen = true;
  /** Until when nothing gets through, in virtual time. */
  partitionedUntil = 0;
  readonly #network: Network;
  #serverOpen = true;
  #upAt = 0;
  #downAt = 0;

  constructor(network: Network, owner: LinkOwner) {
    this.#network = network;
    this.owner = owner;
    this.connection = testConnection({
      peer: { hostname: owner.host, port: 700 },
      sendCall: (write) => this.#call(write),
    });
  }

  /** From the client. */
  send(message: Uint8Array, options: { readonly mayRepeat: boolean }): void {
    if (!this.isOpen || this.#isLost()) return;
    const network = this.#network;
    const { world } = network;
    const arrive = () => {
      if (!this.#serverOpen) return;
      this.owner.heardAt = world.now;
      network.server.receive(message.slice(), this);
    };
    this.#upAt = Math.max(this.#upAt + 1, world.now + network.delay());
    world.clock.schedule(arrive, this.#upAt - world.now);
    if (!options.mayRepeat || !network.happens(network.weather.duplicate)) {
      return;
    }
    world.count("duplicated requests");
    world.clock.schedule(arrive, world.between(1, MOST_LATE));
  }

  /** From the server; a duplicate of a CALL that came late would be taken for a fault of it. */
  reply(message: Uint8Array, { mayRepeat } = { mayRepeat: true }): void {
    const leave = () => this.#leave(message, mayRepeat);
    const settled = this.#network.server.settle();
    // Calls wait like replies, so that they stay in order.
    if (settled instanceof Promise) settled.then(leave);
    else leave();
  }

  #leave(message: Uint8Array, mayRepeat: boolean): void {
    if (!this.#serverOpen || this.#isLost()) return;
    const network = this.#network;
    const { world } = network;
    const arrive = () => {
      if (this.isOpen) this.owner.receive(message, this);
    };
    this.#downAt = Math.max(this.#downAt + 1, world.now + network.delay());
    world.clock.schedule(arrive, this.#downAt - world.now);
    if (mayRepeat && network.happens(network.weather.duplicate)) {
      world.clock.schedule(arrive, world.between(1, MOST_LATE));
    }
  }

  /**
   * The client's end is gone. What it sent may still arrive, as out of a buffer
   * somewhere; the server learns of the end a little later.
   */
  cut(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const network = this.#network;
    if (network.world.random.oneIn(2)) {
      network.world.clock.schedule(() => this.drop(), network.delay() + 30);
    } else {
      this.drop();
    }
  }

  /** Both ends are gone at once. */
  drop(): void {
    this.isOpen = false;
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    this.#network.links.delete(this);
    this.#network.server.closed(this);
  }

  #call(write: (xdr: XdrWriter) => void): boolean {
    if (!this.#serverOpen) return false;
    const xdr = new XdrWriter();
    write(xdr);
    this.reply(xdr.slice(), { mayRepeat: false });
    return true;
  }

  #isLost(): boolean {
    const { world, weather } = this.#network;
    if (world.now < this.partitionedUntil) return true;
    if (!this.#network.happens(weather.drop)) return false;
    world.count("dropped messages");
    return true;
  }
}

/** Milliseconds that a duplicate may come after its original. */
const MOST_LATE = 1_500;
