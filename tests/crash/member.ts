/**
 * A client of the kill test: it holds a file open and locked over every crash,
 * while its workers work.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  CreateMode,
  LockType,
  op,
  openSession,
  type Request,
  type Session,
  SessionFlag,
  type Stateid,
} from "../support/client/mod.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import { Worker } from "./worker.ts";

/** Workers of each client. */
const WORKERS = 3;

/** One client, before and after. */
export class Member implements AsyncDisposable {
  /** Those who work on its session. */
  readonly workers: readonly Worker[];
  readonly #name: string;
  readonly #port: number;
  #session!: Session;
  #before: Session | undefined;
  #held!: Uint8Array;

  constructor(
    name: string,
    { port, random }: { readonly port: number; readonly random: SeededRandom },
  ) {
    this.#name = name;
    this.#port = port;
    this.workers = Array.from({ length: WORKERS }, (_, slotid) => {
      return new Worker(`${name}.${slotid}`, { slotid, random });
    });
  }

  /** Connects, opens and locks its file, and makes the workers' folders. */
  async begin(): Promise<void> {
    this.#session = await this.#connect();
    await this.#session.compound([op.reclaimComplete()]);
    const attributes = { mode: 0o644 };
    const opened = await this.#session.open([`held.${this.#name}`], {
      create: { mode: CreateMode.GUARDED, attributes },
    });
    this.#held = opened.filehandle;
    await this.#lock(opened.stateid, false);
    for (const worker of this.workers) await worker.begin(this.#session);
  }

  /** Has the workers work until the server is gone. */
  async work(): Promise<void> {
    await Promise.all(this.workers.map((each) => each.work(this.#session)));
    await this.#session[Symbol.asyncDispose]();
  }

  /** Connects anew, and sends again what was not answered. */
  async comeBack(): Promise<void> {
    this.#before = this.#session;
    this.#session = await this.#connect();
    const mayBeLost = this.workers.some(({ isUntold }) => isUntold);
    for (const worker of this.workers) {
      await worker.retry(this.#before, this.#session, mayBeLost);
    }
  }

  /** Gets back what it held (RFC 8881 8.4.2.1). */
  async reclaim(): Promise<void> {
    const claim = { claim: "previous", delegate: 0 } as const;
    const reply = await this.#session.compound([
      op.putfh(this.#held),
      op.open({ access: 3, owner: this.#owner(), claim }),
    ]);
    await this.#lock(reply.get("OPEN").stateid, true);
    await this.#session.compound([op.reclaimComplete()]);
  }

  /** Nobody else gets the lock; before all have reclaimed, nobody gets anything. */
  async assertHeld(other: Member, status: number): Promise<void> {
    const session = other.#session;
    const owner = other.#owner();
    const requests = [
      op.putfh(this.#held),
      status === Status.GRACE
        ? op.open({ access: 3, owner, claim: { claim: "fh" } })
        : op.lockt({ type: LockType.WRITE, owner }),
    ];
    let reply = await session.compound(requests, { expect: "any" });
    // The period ends some turns after the last has reclaimed.
    for (let i = 0; i < 100 && reply.status === Status.GRACE; i++) {
      if (status === Status.GRACE) break;
      reply = await session.compound(requests, { expect: "any" });
    }
    assertEquals(reply.status, status);
  }

  /** Compares what is there with what was answered. */
  async compare(): Promise<void> {
    await Promise.all(this.workers.map((each) => each.compare(this.#session)));
  }

  /** Lets go of the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]();
  }

  #connect(): Promise<Session> {
    return openSession({
      port: this.#port,
      owner: this.#name,
      minorVersion: 2,
      reclaimComplete: false,
      // One of them has sessions that end with the server.
      flags: SessionFlag.CONN_BACK_CHAN |
        (this.#name === "m0" ? 0 : SessionFlag.PERSIST),
    });
  }

  #owner(): { clientid: bigint; owner: Uint8Array } {
    return {
      clientid: this.#session.client.clientid,
      owner: bytesOf("owner"),
    };
  }

  async #lock(openStateid: Stateid, reclaim: boolean): Promise<void> {
    const locker = { openStateid, owner: this.#owner() };
    const request: Request = op.lock({ reclaim, locker });
    await this.#session.compound([op.putfh(this.#held), request]);
  }
}
