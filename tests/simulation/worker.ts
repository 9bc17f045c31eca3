/** A process on a client's machine: opens, locks, writes, reads and makes names, as chance has it. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  bypassStateid,
  CreateMode,
  FileType,
  op,
  RESULT_CONFIRM,
  type Stateid,
  statusName,
  walk,
} from "../support/client/mod.ts";
import { Unanswered } from "./caller.ts";
import type { Hold } from "./holds.ts";
import { LockWork } from "./lock_work.ts";
import { OpenFile, Owners } from "./open_file.ts";
import { type Answer, Lost, type Peer } from "./peer.ts";
import { LEASE_MS } from "./server.ts";
import {
  CELL,
  CELLS,
  NAMES,
  SHARED_FILES,
  textOf,
  type Witness,
} from "./witness.ts";
import type { World } from "./world.ts";

const READ = 1;
const WRITE = 2;

/** The process. */
export class Worker {
  readonly #world: World;
  readonly #witness: Witness;
  readonly #peer: Peer;
  readonly #owners: Owners;
  readonly #opens = new Map<string, OpenFile>();
  readonly #names: string[] = [];
  readonly #locks: LockWork;
  #made = 0;

  constructor(peer: Peer, witness: Witness, name: string) {
    this.#world = peer.around.world;
    this.#witness = witness;
    this.#peer = peer;
    this.#owners = new Owners(peer, name);
    this.#locks = new LockWork(peer);
  }

  /** Works until there are no steps left, then closes what is open. */
  async run(): Promise<void> {
    const { random } = this.#world;
    while (!this.#world.isOver) {
      await this.#world.pause(0, random.oneIn(10) ? 3_000 : 200);
      await this.#attempt(() => this.#act());
    }
    while (this.#opens.size > 0) {
      await this.#attempt(async () => {
        for (const file of this.#opens.values()) await this.#close(file);
      });
    }
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    await this.#peer.ready();
    this.#forgetLost();
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Lost || error instanceof Unanswered)) throw error;
      this.#world.note(() => `${this.#owners.name}: ${error.name}`);
    }
    this.#forgetLost();
  }

  #forgetLost(): void {
    for (const [name, { isLost }] of this.#opens) {
      if (isLost) this.#opens.delete(name);
    }
  }

  async #act(): Promise<void> {
    if (!this.#world.step()) return;
    const { random } = this.#world;
    const files = [...this.#opens.values()];
    if (files.length === 0 || random.oneIn(5)) return await this.#open();
    const file = random.pick(files);
    switch (random.below(12)) {
      case 0:
      case 1:
        return await this.#locks.lock(file);
      case 2:
        return await this.#locks.unlock(file);
      case 3:
        return await this.#locks.test(file);
      case 4:
        return await this.#locks.forget(file);
      case 5:
      case 6:
        return await this.#write(file);
      case 7:
        return await this.#read(file);
      case 8:
        return await this.#downgrade(file);
      case 9:
        return await this.#close(file);
      case 10:
        return this.#peer.delegations.returnOne();
      default:
        return await this.#changeNames();
    }
  }

  async #open(): Promise<void> {
    const { random } = this.#world;
    const isNew = random.oneIn(4);
    const name = isNew ? this.#newName() : random.pick(SHARED_FILES);
    const known = this.#opens.get(name);
    const access = 1 + random.below(3);
    const deny = random.oneIn(3) ? random.below(4) : 0;
    const asked = this.#ask(name, {
      access: access | (known?.access ?? 0),
      deny: deny | (known?.deny ?? 0),
    });
    const owner = this.#owners.open;
    const fragile = this.#opens.size === 0;
    const create = isNew ? this.#createHow(fragile) : undefined;
    const claim = { claim: "null", name } as const;
    const { reply, sentAt } = await this.#send(asked, () =>
      this.#peer.send([
        op.putrootfh(),
        op.open({
          seqid: owner.seqid,
          access: access | this.#wish(),
          deny,
          owner,
          create,
          claim,
        }),
        op.getfh(),
        op.getattr(["fileid"]),
      ], { sequenced: true, renews: true, fragile }));
    owner.settle(reply.status);
    if (reply.status !== Status.OK) {
      if (reply.status === Status.SHARE_DENIED) {
        this.#peer.around.book.explain(asked, { sentAt });
      } else await this.#excuse("OPEN", reply.status, sentAt);
      return this.#peer.around.book.released(asked);
    }
    const { stateid, flags, delegation } = reply.get("OPEN");
    const { filehandle } = reply.get("GETFH");
    const file = known ?? new OpenFile({
      peer: this.#peer,
      owners: this.#owners,
      name,
      filehandle,
      fileid: reply.get("GETATTR").attributes.fileid!,
      stateid,
      hold: asked,
    });
    file.stateid = stateid;
    if ((flags & RESULT_CONFIRM) !== 0) await this.#confirm(file, asked);
    this.#took(file, asked, { access, deny });
    this.#peer.delegations.take(file, delegation, sentAt);
  }

  /** What an OPEN of NFSv4.1 wants of delegations: OPEN4_SHARE_ACCESS_WANT_*. */
  #wish(): number {
    const { minorVersion, around: { world: { random } } } = this.#peer;
    return minorVersion === 0 ? 0 : random.pick([0, 0, 1, 2, 3, 4]) << 8;
  }

  /** Asks for an open in the book. */
  #ask(
    resource: string,
    shares: { readonly access: number; readonly deny: number },
  ): Hold {
    const { book } = this.#peer.around;
    const mode = { kind: "open", ...shares } as const;
    return book.ask(this.#peer.lease, {
      owner: this.#owners.name,
      resource,
      mode,
    });
  }

  /** Sends what asks for a hold; when the server has forgotten the client, nothing came of it. */
  async #send(asked: Hold, send: () => Promise<Answer>): Promise<Answer> {
    try {
      return await send();
    } catch (error) {
      if (error instanceof Lost) this.#peer.around.book.released(asked);
      throw error;
    }
  }

  async #confirm(file: OpenFile, asked: Hold): Promise<void> {
    const owner = this.#owners.open;
    const { reply } = await this.#send(asked, () =>
      this.#peer.send([
        file.at,
        op.openConfirm(file.stateid, owner.seqid),
      ], { sequenced: true, renews: true, tentative: true }));
    owner.settle(reply.status);
    const isLate = this.#world.now > asked.askedAt + LEASE_MS;
    if (isLate && reply.status === Status.BAD_STATEID) {
      // RFC 7530 16.18.5: what is not confirmed within a lease is cancelled.
      this.#peer.around.book.released(asked);
      throw new Lost();
    }
    this.#expect("OPEN_CONFIRM", reply.status);
    file.stateid = reply.get("OPEN_CONFIRM").stateid;
  }

  #took(
    file: OpenFile,
    asked: Hold,
    shares: { readonly access: number; readonly deny: number },
  ): void {
    const { book } = this.#peer.around;
    book.granted(asked);
    if (file.hold !== asked) book.released(file.hold);
    file.hold = asked;
    file.access |= shares.access;
    file.deny |= shares.deny;
    file.seen.push(shares);
    this.#opens.set(file.name, file);
    this.#peer.files.add(file);
  }

  async #downgrade(file: OpenFile): Promise<void> {
    const { access: held, deny: denied } = file;
    const choices = file.seen.filter(({ access, deny }) =>
      (access & ~held) === 0 && (deny & ~denied) === 0
    );
    // Locks may need the access that would go.
    if (file.locks.size > 0 || choices.length === 0) return;
    const { access, deny } = this.#world.random.pick(choices);
    const { book } = this.#peer.around;
    const before = file.hold;
    const after = this.#ask(file.name, { access, deny });
    // All the time it has this much at least.
    book.granted(after);
    book.releasing(before);
    file.hold = after;
    file.access = access;
    file.deny = deny;
    file.seen = [{ access, deny }];
    const owner = this.#owners.open;
    const { reply } = await this.#peer.send([
      file.at,
      op.openDowngrade({
        stateid: file.sent(file.stateid),
        seqid: owner.seqid,
        access,
        deny,
      }),
    ], { sequenced: true, renews: true });
    owner.settle(reply.status);
    this.#expect("OPEN_DOWNGRADE", reply.status);
    file.stateid = reply.get("OPEN_DOWNGRADE").stateid;
    book.released(before);
  }

  async #close(file: OpenFile): Promise<void> {
    const { book } = this.#peer.around;
    for (const lock of file.locks.values()) book.releasing(lock);
    book.releasing(file.hold);
    const owner = this.#owners.open;
    const { reply, sentAt } = await this.#peer.send([
      file.at,
      op.close(file.sent(file.stateid), owner.seqid),
    ], { sequenced: true, renews: true, tentative: true });
    owner.settle(reply.status);
    const isForgotten = reply.status === Status.BAD_STATEID &&
      this.#isStale(sentAt);
    if (!isForgotten) this.#expect("CLOSE", reply.status);
    file.giveUp();
    this.#owners.forgetLock(file.name);
    this.#opens.delete(file.name);
  }

  async #write(file: OpenFile): Promise<void> {
    if ((file.access & WRITE) === 0) return;
    const cell = this.#world.random.below(CELLS);
    const text = this.#newName();
    using use = this.#peer.delegations.use(file.filehandle, true);
    const { reply, sentAt } = await this.#peer.send([
      file.at,
      op.write({
        stateid: use?.stateid ?? file.sent(this.#anyStateid(file)),
        offset: BigInt(cell * CELL),
        data: text.padEnd(CELL),
      }),
    ], { renews: true });
    const { status } = reply;
    if (status === Status.DELEG_REVOKED && use?.isOverdue()) return;
    this.#expect("WRITE", status);
    const at = this.#witness.written.get(text);
    this.#insist(
      at !== undefined && at >= sentAt,
      `write ${text} was answered but not done`,
    );
    this.#insistAllowed(file.name, WRITE, sentAt);
  }

  async #read(file: OpenFile): Promise<void> {
    const { random } = this.#world;
    const isSpecial = random.oneIn(3);
    if (!isSpecial && (file.access & READ) === 0) return;
    const cell = random.below(CELLS);
    using use = this.#peer.delegations.use(file.filehandle, false);
    const stateid = isSpecial
      ? random.pick([undefined, bypassStateid])
      : use?.stateid ?? file.sent(this.#anyStateid(file));
    const asked = this.#ask(file.name, { access: READ, deny: 0 });
    const offset = BigInt(cell * CELL);
    const { reply, sentAt } = await this.#peer.send([
      file.at,
      op.read({ stateid, offset, count: CELL }),
    ], { renews: !isSpecial, uncached: random.oneIn(2) });
    const { status } = reply;
    this.#peer.around.book.released(asked);
    if (status === Status.RETRY_UNCACHED_REP) return;
    if (status === Status.DELEG_REVOKED && use?.isOverdue()) return;
    if (isSpecial && status === Status.LOCKED) {
      return this.#peer.around.book.explain(asked, { sentAt });
    }
    if (status !== Status.OK) return await this.#excuse("READ", status, sentAt);
    if (stateid !== bypassStateid) {
      this.#insistAllowed(file.name, READ, sentAt);
    }
    const text = textOf(reply.get("READ").data);
    const history = this.#witness.history(file.fileid, cell);
    const first = history.findLastIndex(({ at }) => at <= sentAt);
    const possible = history.slice(Math.max(0, first)).map(({ text }) => text);
    if (first < 0) possible.push("");
    this.#insist(
      possible.includes(text),
      `read "${text}" of ${file.cell(cell)}, not ${possible.join(" or ")}`,
    );
  }

  /** Makes, renames and removes names that nobody else has, with every request another one. */
  async #changeNames(): Promise<void> {
    const { random } = this.#world;
    const folder = walk([NAMES]);
    const name = this.#names.length > 0 ? this.#names.pop()! : undefined;
    if (name === undefined) {
      const made = this.#newName();
      const create = op.create({ type: FileType.DIR, name: made });
      const { reply } = await this.#peer.send([...folder, create]);
      this.#expect("CREATE", reply.status);
      this.#names.push(made);
    } else if (random.oneIn(2)) {
      const { reply } = await this.#peer.send([...folder, op.remove(name)]);
      this.#expect("REMOVE", reply.status);
    } else {
      const to = this.#newName();
      const { reply } = await this.#peer.send([
        ...folder,
        op.savefh(),
        op.rename(name, to),
      ]);
      this.#expect("RENAME", reply.status);
      this.#names.push(to);
    }
  }

  #anyStateid(file: OpenFile): Stateid {
    const useLock = file.lockStateid !== undefined &&
      this.#world.random.oneIn(2);
    return useLock ? file.lockStateid! : file.stateid;
  }

  /** How a file that nobody has is made; by an owner that may be forgotten not so that it is tried twice. */
  #createHow(fragile: boolean) {
    const { minorVersion, around: { world: { random } } } = this.#peer;
    const attributes = { mode: 0o644 };
    const verifier = random.bytes(8);
    const guarded = { mode: CreateMode.GUARDED, attributes };
    const unchecked = { mode: CreateMode.UNCHECKED, attributes };
    if (minorVersion > 0) {
      const mode = CreateMode.EXCLUSIVE4_1;
      return random.pick([unchecked, guarded, { mode, verifier, attributes }]);
    }
    const exclusive = { mode: CreateMode.EXCLUSIVE, verifier };
    return random.pick([unchecked, guarded, fragile ? guarded : exclusive]);
  }

  /** At most a cell long. */
  #newName(): string {
    return `${this.#owners.name}-${++this.#made}`;
  }

  #insistAllowed(resource: string, access: number, sentAt: number): void {
    const mode = { kind: "open", access, deny: 0 } as const;
    const { lease, around: { book } } = this.#peer;
    const done = { lease, owner: this.#owners.name, resource, mode };
    const hold = book.forbidding(done, sentAt);
    this.#insist(
      hold === undefined,
      `access ${access} to ${resource}, which ${hold?.owner} denies`,
    );
  }

  /** A refusal that is in order at some times. */
  async #excuse(what: string, status: number, sentAt: number): Promise<void> {
    const inGrace = status === Status.GRACE &&
      sentAt <= this.#peer.around.server.starts.at(-1)! + LEASE_MS;
    this.#insist(
      inGrace || status === Status.DELAY || this.#isStale(sentAt),
      `${what} answered ${statusName(status)}`,
    );
    await this.#world.pause(200, 2_000);
  }

  /** NFSv4.0: after a lease, a request sent again may find its owner forgotten (RFC 7530 9.1.10). */
  #isStale(sentAt: number): boolean {
    return this.#peer.minorVersion === 0 && this.#world.now > sentAt + LEASE_MS;
  }

  #expect(what: string, status: number): void {
    this.#world.count(what);
    this.#insist(
      status === Status.OK,
      `${what} answered ${statusName(status)}`,
    );
  }

  #insist(condition: boolean, message: string): void {
    this.#world.insist(condition, () => `${this.#owners.name}: ${message}`);
  }
}
