/** A server that crashes and starts again, with COMPOUNDs going in and out and a clock of the test's own. */
import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { silentLogger } from "../../src/base/log.ts";
import { ClientRecovery } from "../../src/recovery/client_recovery.ts";
import type { DelegationPolicy } from "../../src/state/delegations.ts";
import type { GracePeriod } from "../../src/state/grace.ts";
import type { ServerState } from "../../src/state/server_state.ts";
import {
  AT_FILE,
  type StateClient,
  StateFixture,
} from "../engine/state_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import { op, type Stateid } from "../support/client/mod.ts";
import { MemoryRecords } from "./memory_records.ts";

/** What of the server a test sets. */
export interface RestartFixtureOptions {
  readonly graceMs?: number | undefined;
  readonly delegations?: DelegationPolicy | undefined;
}

/** One server over its restarts. */
export class RestartFixture {
  readonly #fs = memory({ file: "content", more: "" });
  readonly #options: RestartFixtureOptions;
  records = new MemoryRecords();
  recovery!: ClientRecovery;
  fixture!: StateFixture;

  constructor(options: RestartFixtureOptions = {}) {
    this.#options = options;
    this.#start(LEASE);
  }

  get state(): ServerState {
    return this.fixture.services.state;
  }

  get grace(): GracePeriod {
    return this.state.grace;
  }

  /** Kills the server, with all that was answered flushed, and starts it again. */
  restart(leaseMs: number = LEASE): void {
    this.recovery.settle();
    this.crash(leaseMs);
  }

  /** Kills it, and what was not flushed is lost. */
  crash(leaseMs: number = LEASE): void {
    this.records = this.records.afterCrash();
    this.#start(leaseMs);
  }

  /** Stops it in order, and starts it again. */
  stop(): void {
    this.recovery.end();
    this.restart();
  }

  /** Lets time pass, and the server notice. */
  advance(milliseconds: number): void {
    const { clock } = this.fixture;
    clock.advance(milliseconds);
    this.state.sweep(clock.now());
  }

  #start(leaseMs: number): void {
    const { graceMs, delegations } = this.#options;
    this.recovery = new ClientRecovery({
      store: this.records,
      left: this.records.load(),
      leaseMs,
      graceMs,
      log: silentLogger,
    });
    const { recovery } = this;
    this.fixture = new StateFixture({ fs: this.#fs, recovery, delegations });
  }
}

/** The status of an OPEN that reclaims `file`; each in NFSv4.0 by an owner of its own. */
export function reclaim(
  client: StateClient,
  options: { readonly owner?: string; readonly delegate?: number } = {},
): Promise<string> {
  const { owner = "owner", delegate = 0 } = options;
  const claim = { claim: "previous", delegate } as const;
  return client.status(
    ...AT_FILE,
    client.openOp("", { claim, owner, seqid: 1 }),
  );
}

/** Reclaims `file` and a lock of all of it; the statuses of both. */
export async function reclaimLock(client: StateClient): Promise<string[]> {
  const claim = { claim: "previous", delegate: 0 } as const;
  const opened = await client.call(
    ...AT_FILE,
    client.openOp("", { claim, seqid: 1 }),
  );
  assertEquals(opened.status, 0, opened.describe());
  const { stateid } = opened.get("OPEN");
  return ["OK", await lock(client, stateid, { reclaim: true })];
}

/** The status of a LOCK of all of `file`, with the first seqid after an open's confirmation. */
export function lock(
  client: StateClient,
  openStateid: Stateid,
  options: { readonly reclaim?: boolean; readonly openSeqid?: number } = {},
): Promise<string> {
  const { reclaim = false, openSeqid = 2 } = options;
  const locker = {
    openStateid,
    openSeqid,
    lockSeqid: 1,
    owner: client.owner(),
  };
  return client.status(...AT_FILE, op.lock({ reclaim, locker }));
}
