/** What a process opens, downgrades and closes, and with which shares. */

import { Status } from "../../src/nfs4/constants.ts";
import { CreateMode, op, RESULT_CONFIRM } from "../support/client/mod.ts";
import type { Hold } from "./holds.ts";
import type { Judge } from "./judge.ts";
import { OpenFile, type Owners } from "./open_file.ts";
import { type Answer, Lost, type Peer } from "./peer.ts";
import { LEASE_MS } from "./server.ts";
import { SHARED_FILES } from "./witness.ts";
import type { World } from "./world.ts";

/** The opens of a process. */
export class OpenWork {
  /** By name. */
  readonly opens = new Map<string, OpenFile>();
  readonly #world: World;
  readonly #peer: Peer;
  readonly #owners: Owners;
  readonly #judge: Judge;

  constructor(peer: Peer, owners: Owners, judge: Judge) {
    this.#world = peer.around.world;
    this.#peer = peer;
    this.#owners = owners;
    this.#judge = judge;
  }

  /** What the server has forgotten is not open any more. */
  forgetLost(): void {
    for (const [name, { isLost }] of this.opens) {
      if (isLost) this.opens.delete(name);
    }
  }

  /** OPEN of a file that is there for all, or of a new one; `newName` is for that. */
  async open(newName: () => string): Promise<void> {
    const { random } = this.#world;
    const isNew = random.oneIn(4);
    const name = isNew ? newName() : random.pick(SHARED_FILES);
    const known = this.opens.get(name);
    const access = 1 + random.below(3);
    const deny = random.oneIn(3) ? random.below(4) : 0;
    const asked = this.#ask(name, {
      access: access | (known?.access ?? 0),
      deny: deny | (known?.deny ?? 0),
    });
    const owner = this.#owners.open;
    const fragile = this.opens.size === 0;
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
      } else if (reply.status === Status.DELAY) {
        this.#peer.around.book.putOff(asked, sentAt);
      }
      this.#peer.around.book.released(asked);
      if (reply.status === Status.SHARE_DENIED) return;
      return await this.#judge.excuse("OPEN", reply.status, sentAt);
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
    this.#judge.expect("OPEN_CONFIRM", reply.status);
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
    this.opens.set(file.name, file);
    this.#peer.files.add(file);
  }

  /** OPEN_DOWNGRADE to what one of the OPENs was for. */
  async downgrade(file: OpenFile): Promise<void> {
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
    this.#judge.expect("OPEN_DOWNGRADE", reply.status);
    file.stateid = reply.get("OPEN_DOWNGRADE").stateid;
    book.released(before);
  }

  /** CLOSE. */
  async close(file: OpenFile): Promise<void> {
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
      this.#judge.isStale(sentAt);
    if (!isForgotten) this.#judge.expect("CLOSE", reply.status);
    file.giveUp();
    this.#owners.forgetLock(file.name);
    this.opens.delete(file.name);
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
}
