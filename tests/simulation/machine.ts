/** A client's machine: it runs processes, renews its lease, falls silent, crashes and boots again. */

import type { Peer, Surroundings } from "./peer.ts";
import { Lost } from "./peer.ts";
import { LEASE_MS } from "./server.ts";
import { SessionPeer } from "./session_peer.ts";
import { V40Peer } from "./v40_peer.ts";
import type { Witness } from "./witness.ts";
import { Worker } from "./worker.ts";
import type { World } from "./world.ts";

/** Processes of a machine. */
const WORKERS = 2;

/** The machine. */
export class Machine {
  readonly #around: Surroundings;
  readonly #world: World;
  readonly #witness: Witness;
  readonly #name: string;
  readonly #minorVersion: 0 | 1;
  #boots = 0;
  #peer: Peer;
  /** The incarnations whose state the server may still have. */
  readonly #former = new Set<Peer>();
  #isDone = false;

  constructor(
    around: Surroundings,
    options: {
      readonly witness: Witness;
      readonly name: string;
      readonly minorVersion: 0 | 1;
    },
  ) {
    this.#around = around;
    this.#world = around.world;
    this.#witness = options.witness;
    this.#name = options.name;
    this.#minorVersion = options.minorVersion;
    this.#peer = this.#boot();
  }

  /** Whether its processes have ended. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether it can be harmed: it has registered. */
  get isUp(): boolean {
    return this.#peer.isRegistered && !this.#isDone;
  }

  /** It crashes and boots with a new verifier, at once or when its lease may be over. */
  reboot(): void {
    this.#world.count("client crashes");
    this.#world.note(() => `${this.#name} crashes`);
    this.#peer.caller.crash();
    this.#around.book.abandoned(this.#peer.lease);
    this.#former.add(this.#peer);
    const isLong = this.#world.random.oneIn(2);
    this.#peer = this.#boot(isLong ? 3 * LEASE_MS : 0);
  }

  /** It says nothing for a while. */
  fallSilent(milliseconds: number): void {
    this.#world.count("silences");
    this.#world.note(() => `${this.#name} silent for ${milliseconds}`);
    this.#peer.caller.fallSilent(milliseconds);
  }

  /** One of its connections breaks. */
  cut(): void {
    this.#world.count("connections cut");
    this.#peer.caller.cutOne();
  }

  /** Nothing gets through on its connections. */
  partition(milliseconds: number): void {
    this.#world.count("partitions");
    this.#world.note(() => `${this.#name} cut off for ${milliseconds}`);
    const until = this.#world.now + milliseconds;
    for (const link of this.#peer.caller.links) link.partitionedUntil = until;
  }

  /** It goes on in a new session. */
  changeSession(): void {
    const peer = this.#peer;
    if (!(peer instanceof SessionPeer)) return;
    this.#world.spawn(() =>
      peer.changeSession().catch((error) => {
        if (!(error instanceof Lost)) throw error;
      })
    );
  }

  /** It says goodbye, or is never heard of again. */
  async leave(politely: boolean): Promise<void> {
    if (!politely) return this.#peer.caller.crash();
    this.#world.count("goodbyes");
    await this.#peer.leave();
  }

  #boot(offMs = 0): Peer {
    this.#boots++;
    const peer = this.#minorVersion === 0
      ? new V40Peer(this.#around, this.#name)
      : new SessionPeer(this.#around, this.#name);
    this.#world.spawn(() => this.#run(peer, offMs));
    return peer;
  }

  async #run(peer: Peer, offMs: number): Promise<void> {
    await this.#world.pause(0, offMs);
    peer.caller.assertAlive();
    await peer.start();
    // The server has forgotten what this machine was before.
    for (const { lease } of this.#former) this.#around.book.lost(lease);
    this.#former.clear();
    this.#world.note(() => `${this.#name} is up`);
    this.#world.spawn(() => this.#renew(peer));
    let running = WORKERS;
    for (let i = 0; i < WORKERS; i++) {
      const name = `${this.#name}.${this.#boots}.${i}`;
      const worker = new Worker(peer, this.#witness, name);
      this.#world.spawn(async () => {
        await worker.run();
        running--;
        if (running === 0 && peer === this.#peer) this.#isDone = true;
      });
    }
  }

  async #renew(peer: Peer): Promise<void> {
    while (!this.#isDone) {
      await this.#world.pause(LEASE_MS / 5, LEASE_MS / 3);
      await peer.ready();
      if (this.#isDone) return;
      try {
        await peer.renew();
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
      }
    }
  }
}
