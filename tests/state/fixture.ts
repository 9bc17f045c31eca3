import { memory } from "../../src/backends/memory/mod.ts";
import type { RandomBytes } from "../../src/base/clock.ts";
import { EffectQueue } from "../../src/state/effects.ts";
import type { Client } from "../../src/state/client.ts";
import type { GracePeriodOptions } from "../../src/state/grace.ts";
import type {
  ClientObserver,
  SessionObserver,
} from "../../src/state/observers.ts";
import { addOpen, dropOpen } from "../../src/state/opens.ts";
import { addOpenOwner, OpenOwner } from "../../src/state/owners.ts";
import { ServerState } from "../../src/state/server_state.ts";
import { defineExport } from "../../src/vfs/exports.ts";
import type { FileRef } from "../../src/vfs/file_handle.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { SeededRandom } from "../support/seeded_random.ts";

/** Lease of the fixtures, in milliseconds. */
export const LEASE = 90_000;

export { FakeClock };

/** Bytes that differ each time and are the same in each run. */
export function knownRandom(): RandomBytes {
  return new SeededRandom(1).bytes;
}

/** What of the state a test sets. */
export interface FixtureOptions {
  readonly grace?: Omit<GracePeriodOptions, "clock"> | undefined;
  readonly courtesyMs?: number | undefined;
  readonly maxClients?: number | undefined;
  readonly maxSessionsPerClient?: number | undefined;
  readonly maxConnectionsPerSession?: number | undefined;
  readonly maxReplayCacheBytes?: number | undefined;
  readonly maxStateBytes?: number | undefined;
  readonly keepsForRoot?: boolean | undefined;
}

/** A server's state with a clock and randomness of the test's own, and what it told its observers. */
export class StateFixture {
  readonly clock = new FakeClock();
  readonly random = knownRandom();
  readonly effects = new EffectQueue();
  readonly state: ServerState;
  /** "event reason" lines, in order. */
  readonly events: string[] = [];

  constructor(options: FixtureOptions = {}) {
    this.state = new ServerState({
      clock: this.clock,
      random: this.random,
      effects: this.effects,
      identity: {
        majorId: new TextEncoder().encode("major"),
        scope: new TextEncoder().encode("scope"),
      },
      leaseMs: LEASE,
      courtesyMs: options.courtesyMs,
      grace: options.grace,
      keepsForRoot: options.keepsForRoot,
      limits: {
        maxClients: options.maxClients ?? 100,
        maxSessionsPerClient: options.maxSessionsPerClient ?? 4,
        maxConnectionsPerSession: options.maxConnectionsPerSession ?? 8,
        maxReplayCacheBytes: options.maxReplayCacheBytes,
        maxStateBytes: options.maxStateBytes,
        maxWaitingLocksPerClient: 8,
        maxWaitingLocksPerFile: 4,
        maxCopiesPerClient: 2,
        maxCopies: 4,
      },
    });
    this.state.observeClients(this.#clientEvents());
    this.state.sessions.observe(this.#sessionEvents());
  }

  /** A confirmed client of NFSv4.1. */
  client(name = "client"): Client {
    const client = this.state.clients.register({
      protocol: 1,
      owner: bytes(name),
      verifier: bytes("verifier"),
      principal: "sys:0",
    })!;
    this.state.confirmClient(client);
    return client;
  }

  /** Has a client open a file of its own; returns what ends that. */
  hold(client: Client): () => void {
    const name = `file of ${client.id}`;
    const file = this.state.files.obtain(fileRef(name), client);
    const owner = new OpenOwner(client, name);
    addOpenOwner(owner);
    const open = addOpen(this.state, { owner, file, uid: 0 });
    return () => dropOpen(this.state, open);
  }

  #clientEvents(): ClientObserver {
    const note = (line: string) => this.events.push(line);
    return {
      clientConfirmed: () => note("confirmed"),
      clientReclaimed: () => note("reclaimed"),
      clientGone: (_client, reason) => note(`gone ${reason}`),
    };
  }

  #sessionEvents(): SessionObserver {
    const note = (line: string) => this.events.push(line);
    return {
      sessionCreated: () => note("session"),
      sessionDestroyed: (_session, reason) => note(`no-session ${reason}`),
      connectionBound: (_s, _c, direction) => note(`bound ${direction}`),
      connectionUnbound: (_s, _c, end) =>
        note(`unbound ${end.direction} ${end.reason}`),
      backchannelLost: () => note("backchannel-lost"),
      backchannelRegained: () => note("backchannel-up"),
    };
  }
}

const terms = defineExport({ path: "/", fs: memory() });

/** A file by this name, of a file system that nobody asks for anything. */
export function fileRef(name: string): FileRef {
  return { export: terms, node: {}, handle: bytes(name), key: name };
}

/** UTF-8 bytes. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
