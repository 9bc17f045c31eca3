/** What a process does with byte-range locks; a cell is the least that is locked. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  type Denied,
  LockType,
  op,
  type OperationResult,
  statusName,
} from "../support/client/mod.ts";
import type { Hold } from "./holds.ts";
import type { Judge } from "./judge.ts";
import type { OpenFile } from "./open_file.ts";
import { Lost, type Peer } from "./peer.ts";
import { LEASE_MS } from "./server.ts";
import { CELL, CELLS } from "./witness.ts";

const READ = 1;
const WRITE = 2;
/** Milliseconds after which a lock is certainly not kept any more for one who was denied it. */
const IN_LINE = 2 * LEASE_MS;

/** The locks of a process. */
export class LockWork {
  readonly #peer: Peer;
  readonly #judge: Judge;

  constructor(peer: Peer, judge: Judge) {
    this.#peer = peer;
    this.#judge = judge;
  }

  /** LOCK of a few cells. */
  async lock(file: OpenFile): Promise<void> {
    const { book, world } = this.#peer.around;
    const { cells, write, range } = this.#choose(file);
    const asked = new Map(
      cells.map((cell) => [cell, this.#ask(file, cell, write)]),
    );
    // A write lock that turns into a read lock is no longer one.
    for (const cell of cells) {
      const held = file.locks.get(cell);
      if (held !== undefined && !write) book.releasing(held);
    }
    const blocking = world.random.oneIn(4);
    const { locker, settle } = file.locker();
    const type = (write ? LockType.WRITE : LockType.READ) + (blocking ? 2 : 0);
    const { reply, sentAt } = await this.#peer.send([
      file.at,
      op.lock({ ...range, type, locker }),
    ], { sequenced: true, renews: true }).catch((error) => {
      if (error instanceof Lost) asked.forEach((each) => book.released(each));
      throw error;
    });
    settle(reply.status);
    world.count(`LOCK ${statusName(reply.status)}`);
    if (reply.status === Status.OK) {
      file.lockStateid = reply.get("LOCK").stateid;
      for (const [cell, hold] of asked) this.#took(file, cell, hold);
      return;
    }
    if (reply.status === Status.DENIED) {
      this.#explain(asked, reply.last!, sentAt);
    } else await this.#judge.excuse("LOCK", reply.status, sentAt);
    for (const hold of asked.values()) {
      if (blocking) book.waiting(hold, IN_LINE);
      else book.released(hold);
    }
  }

  /** LOCKU of a few cells, locked or not. */
  async unlock(file: OpenFile): Promise<void> {
    if (file.lockStateid === undefined) return;
    const { book } = this.#peer.around;
    const { cells, range } = this.#choose(file);
    for (const cell of cells) {
      const held = file.locks.get(cell);
      if (held !== undefined) book.releasing(held);
    }
    const owner = file.owners.lock(file.name);
    const { reply } = await this.#peer.send([
      file.at,
      op.locku({
        ...range,
        stateid: file.sent(file.lockStateid),
        seqid: owner.seqid,
      }),
    ], { sequenced: true, renews: true });
    owner.settle(reply.status);
    this.#judge.expect("LOCKU", reply.status);
    file.lockStateid = reply.get("LOCKU").stateid;
    for (const cell of cells) {
      const held = file.locks.get(cell);
      if (held !== undefined) book.released(held);
      file.locks.delete(cell);
    }
  }

  /** LOCKT of a few cells. */
  async test(file: OpenFile): Promise<void> {
    const { book } = this.#peer.around;
    const { cells, write, range } = this.#choose(file);
    const owner = file.owners.lockName(file.name);
    const { reply, sentAt } = await this.#peer.send([
      file.at,
      op.lockt({
        ...range,
        type: write ? LockType.WRITE : LockType.READ,
        owner: { clientid: this.#peer.clientid, owner: bytesOf(owner) },
      }),
    ], { harmless: true, renews: true });
    this.#peer.around.world.count(`LOCKT ${statusName(reply.status)}`);
    if (reply.status === Status.OK) {
      for (const cell of cells) {
        const mode = { kind: "lock", write } as const;
        this.#judge.insistAllowed(file.cell(cell), mode, { sentAt, owner });
      }
      return;
    }
    if (reply.status !== Status.DENIED) {
      return await this.#judge.excuse("LOCKT", reply.status, sentAt);
    }
    const asked = new Map(
      cells.map((cell) => [cell, this.#ask(file, cell, write)]),
    );
    this.#explain(asked, reply.last!, sentAt);
    for (const hold of asked.values()) book.released(hold);
  }

  /** The lock owner is of no use any more: FREE_STATEID, or RELEASE_LOCKOWNER in NFSv4.0. */
  async forget(file: OpenFile): Promise<void> {
    const { lockStateid } = file;
    if (lockStateid === undefined || file.locks.size > 0) return;
    const { minorVersion } = this.#peer;
    const owner = {
      clientid: this.#peer.clientid,
      owner: bytesOf(file.owners.lockName(file.name)),
    };
    const request = minorVersion === 0
      ? op.releaseLockowner(owner)
      : op.freeStateid(file.sent(lockStateid));
    // Answered or not, it is not used any more.
    file.lockStateid = undefined;
    const { reply } = await this.#peer.send([request], { renews: true });
    this.#judge.expect(request.name, reply.status);
    file.owners.forgetLock(file.name);
  }

  #choose(file: OpenFile) {
    const { random } = this.#peer.around.world;
    const first = random.below(CELLS);
    const count = 1 + random.below(CELLS - first);
    const canRead = (file.access & READ) !== 0;
    const canWrite = (file.access & WRITE) !== 0;
    return {
      cells: Array.from({ length: count }, (_, i) => first + i),
      write: canWrite && (!canRead || random.oneIn(2)),
      range: { offset: BigInt(first * CELL), length: BigInt(count * CELL) },
    };
  }

  #ask(file: OpenFile, cell: number, write: boolean): Hold {
    return this.#peer.around.book.ask(this.#peer.lease, {
      owner: file.owners.lockName(file.name),
      resource: file.cell(cell),
      mode: { kind: "lock", write },
    });
  }

  #took(file: OpenFile, cell: number, hold: Hold): void {
    const { book } = this.#peer.around;
    book.granted(hold);
    const before = file.locks.get(cell);
    if (before !== undefined) book.released(before);
    file.locks.set(cell, hold);
  }

  /** A denial names somebody who may have held what is in the way. */
  #explain(
    asked: ReadonlyMap<number, Hold>,
    result: OperationResult,
    sentAt: number,
  ): void {
    const { offset, length, owner } = result.value["denied"] as Denied;
    const begin = Number(offset) / CELL;
    const end = begin + Number(length) / CELL;
    const within = [...asked].find(([cell]) => cell >= begin && cell < end);
    this.#judge.insist(
      within !== undefined,
      () => "denied for a lock elsewhere",
    );
    const holder = new TextDecoder().decode(owner);
    this.#peer.around.book.explain(within[1], { sentAt, holder });
  }
}
