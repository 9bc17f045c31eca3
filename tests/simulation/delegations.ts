/** The delegations of a client: taken with OPEN, given back when they are asked for, or now and then not. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  type Delegation,
  hex,
  op,
  type Stateid,
  statusName,
} from "../support/client/mod.ts";
import type { Hold } from "./holds.ts";
import type { OpenFile } from "./open_file.ts";
import { Lost, type Peer } from "./peer.ts";
import { LEASE_MS } from "./server.ts";

/** A delegation in the client's hands. */
interface Held {
  readonly file: string;
  readonly filehandle: Uint8Array;
  readonly stateid: Stateid;
  readonly hold: Hold;
  /** Of its client: the one in which it was granted or reclaimed. */
  readonly generation: number;
  /** READs and WRITEs under it that are not answered. */
  uses: number;
  isReturning: boolean;
}

/** A delegation that is being used. */
export interface Use extends Disposable {
  readonly stateid: Stateid;
  /** Whether it may have been revoked meanwhile. */
  isOverdue(): boolean;
}

/** All of a client. */
export class Delegations {
  readonly #peer: Peer;
  readonly #held = new Map<string, Held>();

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Notes what an OPEN that was sent at `sentAt` brought along. */
  take(file: OpenFile, delegation: Delegation, sentAt: number): void {
    if (delegation.type !== "read" && delegation.type !== "write") return;
    const { book, world } = this.#peer.around;
    world.count(`delegations: ${delegation.type}`);
    const key = hex(file.filehandle);
    // One that is on its way back may have been there already.
    const isSecond = this.#held.get(key)?.isReturning === false;
    this.#peer.insist(!isSecond, "a second delegation of a file");
    const hold = book.ask(this.#peer.lease, {
      owner: `${this.#peer.name} by delegation`,
      resource: file.name,
      mode: { kind: "delegation", write: delegation.type === "write" },
    }, sentAt);
    const { name, filehandle } = file;
    const { stateid } = delegation;
    const held: Held = {
      file: name,
      filehandle,
      stateid,
      hold,
      generation: this.#peer.generation,
      uses: 0,
      isReturning: false,
    };
    this.#held.set(key, held);
    book.granted(hold);
    if (delegation.recall) this.#recallAtOnce(this.#held.get(key)!, sentAt);
  }

  /** Lets a file be read or written by its delegation, where there is one. */
  use(filehandle: Uint8Array, write: boolean): Use | undefined {
    const held = this.#held.get(hex(filehandle));
    if (held === undefined || held.isReturning) return undefined;
    const { mode } = held.hold;
    if (write && !(mode.kind === "delegation" && mode.write)) return undefined;
    held.uses++;
    return {
      stateid: held.stateid,
      isOverdue: () => this.#peer.around.book.isOverdue(held.hold),
      [Symbol.dispose]: () => {
        held.uses--;
      },
    };
  }

  /** The server asks for it: it is given back soon, late, or never. */
  recall(filehandle: Uint8Array): void {
    const held = this.#held.get(hex(filehandle));
    const { world } = this.#peer.around;
    world.count("delegations recalled");
    if (held === undefined || world.random.oneIn(8)) return;
    const longest = world.random.oneIn(6) ? 2 * LEASE_MS : 300;
    this.#spawn(async () => {
      await world.pause(1, longest);
      this.#peer.caller.assertAlive();
      await this.#return(held);
    });
  }

  /** Gives back some that nobody asked for. */
  returnOne(): void {
    const { random } = this.#peer.around.world;
    if (this.#held.size === 0) return;
    const held = random.pick([...this.#held.values()]);
    this.#spawn(() => this.#return(held));
  }

  /** Gives all back; those that are on their way are waited for. */
  async returnAll(): Promise<void> {
    const { world } = this.#peer.around;
    while (this.#held.size > 0) {
      await this.#peer.ready();
      for (const held of [...this.#held.values()]) {
        await this.#return(held).catch(forgiveLost);
      }
      await world.pause(20, 100);
      this.#peer.caller.assertAlive();
    }
  }

  /** Something was revoked: finds out what, and lets it go (RFC 8881 18.38.3). */
  async free(): Promise<void> {
    const held = [...this.#held.values()].filter((each) => !each.isReturning);
    if (held.length === 0) return;
    const test = op.testStateid(held.map(({ stateid }) => stateid));
    const { reply } = await this.#peer.send([test]);
    const { statuses } = reply.get("TEST_STATEID");
    for (const [i, each] of held.entries()) {
      if (statuses[i] === Status.DELEG_REVOKED && !each.isReturning) {
        each.isReturning = true;
        await this.#revoked(each);
      }
    }
  }

  /** The delegation type to reclaim a file with; 0 without one. */
  reclaimable(filehandle: Uint8Array): number {
    const held = this.#held.get(hex(filehandle));
    if (held === undefined || held.hold.end !== Infinity) return 0;
    // By another open of the file.
    if (held.generation === this.#peer.generation) return 0;
    const { mode } = held.hold;
    return mode.kind === "delegation" && mode.write ? 2 : 1;
  }

  /** A file was reclaimed with its delegation, or without; the hold goes on. */
  reclaimed(file: OpenFile, delegation: Delegation, sentAt: number): void {
    const key = hex(file.filehandle);
    const before = this.#held.get(key);
    const { generation } = this.#peer;
    if (before === undefined || before.generation === generation) return;
    const isBack = delegation.type === "read" || delegation.type === "write";
    if (!isBack) return this.#drop(before);
    this.#peer.around.world.count("delegations reclaimed");
    const { stateid } = delegation;
    const fresh = { stateid, generation, uses: 0, isReturning: false };
    this.#held.set(key, { ...before, ...fresh });
    const held = this.#held.get(key)!;
    if (delegation.recall) this.#recallAtOnce(held, sentAt);
  }

  /** All that was not reclaimed is gone. */
  forget(isKept: (filehandle: Uint8Array) => boolean = () => false): void {
    const { generation } = this.#peer;
    for (const held of [...this.#held.values()]) {
      const isCurrent = held.generation === generation;
      if (!isCurrent || !isKept(held.filehandle)) this.#drop(held);
    }
  }

  /** OPEN said that it is to be returned: as if somebody had asked for it then. */
  #recallAtOnce({ hold, filehandle }: Held, sentAt: number): void {
    hold.contestedAt = Math.min(hold.contestedAt, sentAt);
    this.recall(filehandle);
  }

  async #return(held: Held): Promise<void> {
    await this.#peer.ready();
    if (held.isReturning || !this.#isHeld(held)) return;
    held.isReturning = true;
    const { book, world } = this.#peer.around;
    while (held.uses > 0) await world.pause(5, 50);
    await this.#peer.ready();
    if (!this.#isHeld(held)) return;
    book.releasing(held.hold);
    const { reply } = await this.#peer.send([
      op.putfh(held.filehandle),
      op.delegreturn(held.stateid),
    ]).catch((error) => {
      held.isReturning = false;
      throw error;
    });
    world.count(`DELEGRETURN ${statusName(reply.status)}`);
    if (reply.status === Status.DELEG_REVOKED) return await this.#revoked(held);
    this.#peer.insist(
      reply.status === Status.OK,
      `DELEGRETURN answered ${statusName(reply.status)}`,
    );
    this.#drop(held);
  }

  async #revoked(held: Held): Promise<void> {
    const { book, world } = this.#peer.around;
    world.count("delegations revoked");
    this.#peer.insist(
      book.isOverdue(held.hold),
      `the delegation of ${held.file} was revoked early`,
    );
    book.releasing(held.hold);
    while (held.uses > 0) await world.pause(5, 50);
    await this.#peer.ready();
    if (!this.#isHeld(held)) return;
    const { reply } = await this.#peer.send([op.freeStateid(held.stateid)]);
    this.#peer.insist(
      reply.status === Status.OK,
      `FREE_STATEID answered ${statusName(reply.status)}`,
    );
    this.#drop(held);
  }

  #isHeld(held: Held): boolean {
    return this.#held.get(hex(held.filehandle)) === held;
  }

  #drop(held: Held): void {
    this.#peer.around.book.released(held.hold);
    if (this.#isHeld(held)) this.#held.delete(hex(held.filehandle));
  }

  #spawn(task: () => Promise<void>): void {
    this.#peer.around.world.spawn(() => task().catch(forgiveLost));
  }
}

/** With the client's state its delegations are gone. */
function forgiveLost(error: unknown): void {
  if (!(error instanceof Lost)) throw error;
}
