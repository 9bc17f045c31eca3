/** The real engine and state over a simulated network, disk, clock and file system; it can be restarted. */

import { every } from "../../src/base/timers.ts";
import { Callbacks } from "../../src/server/callbacks.ts";
import { runEffects } from "../../src/engine/effects.ts";
import { defaultLimits } from "../../src/engine/limits.ts";
import { NfsProgram } from "../../src/engine/nfs_program.ts";
import { AttributeTable } from "../../src/engine/attributes/attribute_table.ts";
import type { Services } from "../../src/engine/services.ts";
import { Jobs } from "../../src/base/jobs.ts";
import type { Logger } from "../../src/base/log.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import { noneFlavor } from "../../src/rpc/auth_none.ts";
import { SysFlavor } from "../../src/rpc/auth_sys.ts";
import { CallSecurity } from "../../src/rpc/security.ts";
import {
  AcceptStatus,
  decodeCall,
  encodeAccepted,
  MessageType,
  patchAccepted,
  type RpcCall,
} from "../../src/rpc/message.ts";
import { EffectQueue } from "../../src/state/effects.ts";
import { ServerState } from "../../src/state/server_state.ts";
import { CallerTable } from "../../src/vfs/callers.ts";
import { defineExport } from "../../src/vfs/exports.ts";
import { Namespace } from "../../src/vfs/namespace.ts";
import { XdrError } from "../../src/xdr/error.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import type { Endpoint, Link } from "./network.ts";
import { SimulatedDisk, SimulatedStore } from "./record_store.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

/** Milliseconds of virtual time. */
export const LEASE_MS = 10_000;
/** How long a silent client keeps what nobody wants. */
export const COURTESY_MS = 30_000;
/** Slots of a session; more than the workers of a client need. */
export const SLOTS = 6;
const SWEEP_MS = 1_000;
/** How long a callback's answer is waited for; longer than any message takes. */
const CALLBACK_MS = 4_000;
const LIMITS = {
  ...defaultLimits,
  maxSlots: SLOTS,
  maxCachedReply: 2_048,
  maxSessionsPerClient: 4,
};

/** A start of the server. */
interface Start {
  readonly services: Services;
  readonly program: NfsProgram;
  readonly recovery: ClientRecovery;
  readonly store: SimulatedStore;
  readonly callbacks: Callbacks;
}

/** The server. */
export class SimulatedServer implements Endpoint {
  readonly #world: World;
  readonly #witness: Witness;
  readonly #disk = new SimulatedDisk();
  readonly #handleKey: Uint8Array;
  readonly #credentials = new CallSecurity([new SysFlavor(), noneFlavor]);
  #start: Start;
  /** Virtual times of its starts. */
  readonly starts: number[] = [];
  /** Virtual time from which on it answers. */
  #upAt = 0;

  constructor(world: World, witness: Witness) {
    this.#world = world;
    this.#witness = witness;
    this.#handleKey = world.random.bytes(16);
    this.#start = this.#boot();
    every(world.clock, SWEEP_MS, () => this.sweep());
  }

  /** Number of the start that runs. */
  get epoch(): number {
    return this.starts.length;
  }

  /** The state of the start that runs, for what must be empty in the end. */
  get state(): ServerState {
    return this.#start.services.state;
  }

  /** What it has to say by itself, for the same reason. */
  get callbacks(): Callbacks {
    return this.#start.callbacks;
  }

  /** The process dies and another one starts; the files stay. */
  restart(links: Iterable<Link>, downMs: number): void {
    this.#start.store[Symbol.dispose]();
    void this.#start.callbacks.close();
    for (const link of [...links]) link.drop();
    this.#upAt = this.#world.now + downMs;
    this.#start = this.#boot();
  }

  /**
   * Whether a client whose lease was certain until `validUntil` in the start
   * `epoch` must be let reclaim now: each restart since came while it had a
   * lease, or in the grace period of the one before.
   */
  mayReclaim(validUntil: number, epoch: number): boolean {
    let until = validUntil;
    for (const startedAt of this.starts.slice(epoch)) {
      if (startedAt > until) return false;
      until = startedAt + LEASE_MS;
    }
    return epoch < this.epoch && this.#world.now <= until;
  }

  /** Has the server do what time demands. */
  sweep(): void {
    const { services, callbacks } = this.#start;
    services.state.sweep(this.#world.now);
    callbacks.sweep();
    runEffects(services);
    this.#checkBounds();
  }

  /** Takes a call, as `RpcConnection` does. */
  receive(message: Uint8Array, link: Link): void {
    if (this.#world.now < this.#upAt) return;
    const request = new XdrReader(message);
    const xid = request.uint32();
    if (request.uint32() === MessageType.REPLY) {
      return this.#start.callbacks.reply(link.connection, xid, request);
    }
    const call = decodeCall(request, xid, this.#credentials);
    if (typeof call === "number") return this.#world.blame("call denied");
    this.#world.spawn(() => this.#answer(call, link));
  }

  /** What a reply says must survive the server. */
  settle(): void | Promise<void> {
    return this.#start.recovery.settle();
  }

  /** A connection is lost. */
  closed(link: Link): void {
    const { services, callbacks } = this.#start;
    services.state.connectionClosed(link.connection);
    callbacks.connectionClosed(link.connection);
    runEffects(services);
  }

  async #answer(call: RpcCall, link: Link): Promise<void> {
    const start = this.#start;
    const reply = new XdrWriter();
    encodeAccepted(reply, call);
    const { headerSize } = call.seal;
    try {
      const outcome = start.program.call(call, reply, link.connection);
      const status = outcome instanceof Promise ? await outcome : outcome;
      if (start !== this.#start) return;
      if (status !== AcceptStatus.SUCCESS) {
        patchAccepted(reply, headerSize, status);
      }
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      patchAccepted(reply, headerSize, AcceptStatus.GARBAGE_ARGS);
    }
    this.#world.insist(
      reply.position > headerSize,
      () => "a request of ours was not understood",
    );
    call.reliance?.settled();
    link.owner.heardAt = this.#world.now;
    this.#checkBounds();
    link.reply(reply.slice());
  }

  /** Memory of slots is bounded by what sessions were granted. */
  #checkBounds(): void {
    const { sessions } = this.state;
    const { slotsInUse, replayCacheBytes } = sessions.usage;
    if (replayCacheBytes > sessions.size * SLOTS * LIMITS.maxCachedReply) {
      const where = `in ${sessions.size} sessions`;
      this.#world.blame(`${replayCacheBytes} bytes of replies ${where}`);
    }
    if (slotsInUse < 0) this.#world.blame(`${slotsInUse} slots in use`);
  }

  #boot(): Start {
    const { clock, random } = this.#world;
    const effects = new EffectQueue();
    const log = blaming(this.#world);
    const store = new SimulatedStore(this.#world, this.#disk);
    const recovery = new ClientRecovery({
      store,
      left: store.load(),
      leaseMs: LEASE_MS,
      log,
    });
    const name = new TextEncoder().encode("simulated");
    const state = new ServerState({
      clock,
      random: random.bytes,
      effects,
      limits: LIMITS,
      leaseMs: LEASE_MS,
      courtesyMs: COURTESY_MS,
      identity: { majorId: name, scope: name },
      grace: recovery.grace,
    });
    recovery.watch(state);
    const callbacks = new Callbacks({
      state,
      random: random.bytes,
      log: { ...log, error: () => {} },
      delegations: true,
      // NFSv4.0 is called back by dialling, which nobody can here.
      allowCallbackAddress: () => false,
      sender: {
        replyTimeout: CALLBACK_MS,
        backoff: [1_000],
      },
    });
    const fs = this.#witness.start();
    const root = defineExport({ path: "/", fs, squash: "none" });
    const namespace = new Namespace([root], {
      handleKey: this.#handleKey,
      time: { seconds: 0, nanoseconds: 0 },
    });
    const services: Services = {
      wallClock: () => 0,
      state,
      namespace,
      turn: undefined,
      observer: undefined,
      records: undefined,
      attributes: new AttributeTable({
        namespace,
        limits: LIMITS,
        leaseMs: LEASE_MS,
      }),
      callers: new CallerTable(),
      effects,
      jobs: new Jobs({ name: "deferred work", log }),
      limits: LIMITS,
      clock,
      random: random.bytes,
      writeVerifier: random.bytes(8),
      log,
    };
    this.starts.push(this.#world.now);
    const program = new NfsProgram(services);
    return { services, program, recovery, store, callbacks };
  }
}

/** Whatever the server logs as its own fault is one. */
function blaming(world: World): Logger {
  const ignore = () => {};
  return {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (message, fields) =>
      world.blame(
        `${message} ${Deno.inspect(fields, { depth: 4 })}`,
      ),
  };
}
