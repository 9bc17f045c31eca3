/** A client of either minor version: how it registers, asks, renews, recovers and leaves. */

import {
  bytesOf,
  type CompoundReply,
  hex,
  type Request,
  SeqidOwner,
  statusName,
} from "../support/client/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { Caller } from "./caller.ts";
import { Delegations } from "./delegations.ts";
import { ClientLease, type HoldBook } from "./holds.ts";
import type { Network } from "./network.ts";
import type { OpenFile } from "./open_file.ts";
import type { SimulatedServer } from "./server.ts";
import { Abandoned, type World } from "./world.ts";

/** The server has forgotten the client, or its session: what was asked for did not happen, or is gone. */
export class Lost extends Error {
  override readonly name = "Lost";
}

/** What clients have in common. */
export interface Surroundings {
  readonly world: World;
  readonly server: SimulatedServer;
  readonly network: Network;
  readonly book: HoldBook;
}

/** What a request is, to those who send it. */
export interface SendOptions {
  /** NFSv4.0: it has an owner's seqid, so that it may be sent again. */
  readonly sequenced?: boolean;
  /**
   * NFSv4.0: from an owner that may be unconfirmed. The server takes its word
   * for anything (RFC 7530 16.18.5), so the network must not play tricks with it.
   */
  readonly fragile?: boolean;
  /** NFSv4.0: about an open that may be cancelled: NFS4ERR_BAD_STATEID says no more than that. */
  readonly tentative?: boolean;
  /** NFSv4.0: it may be sent again, and be answered otherwise then. */
  readonly harmless?: boolean;
  /** NFSv4.0: a success renews the lease. */
  readonly renews?: boolean;
  /** NFSv4.1: its answer need not be kept. */
  readonly uncached?: boolean;
}

/** The answer to a request, and when it was first sent. */
export interface Answer {
  readonly reply: CompoundReply;
  readonly sentAt: number;
}

/** One incarnation of a client. */
export abstract class Peer {
  abstract readonly minorVersion: 0 | 1;
  readonly around: Surroundings;
  /** What the client calls itself, over its incarnations. */
  readonly name: string;
  readonly lease: ClientLease;
  readonly caller: Caller;
  /** What it has open, to be reclaimed. */
  readonly files = new Set<OpenFile>();
  readonly delegations: Delegations;
  /** 8 bytes, of this incarnation. */
  readonly verifier: Uint8Array;
  clientid = 0n;
  /** Grows with each new clientid: owners start anew. */
  generation = 0;
  /** Whether it has registered. */
  isRegistered = false;
  /** Whether it says goodbye: nothing else is sent. */
  protected isLeaving = false;
  /** The start of the server that it last came to terms with. */
  protected knownEpoch = 0;
  /** A delegation may have been revoked when it was forgotten. */
  #hasLostSome = false;
  #recovering: Promise<void> | undefined;

  constructor(around: Surroundings, name: string, trunked: boolean) {
    this.around = around;
    this.name = name;
    this.lease = new ClientLease(name);
    this.caller = new Caller(around.network, this.lease, { trunked });
    this.delegations = new Delegations(this);
    this.verifier = around.world.random.bytes(8);
  }

  /** Registers for the first time. */
  async start(): Promise<void> {
    await this.#recover(() => this.introduce());
    this.isRegistered = true;
  }

  /** Waits until requests can be sent. */
  async ready(): Promise<void> {
    do {
      await this.caller.awake();
      await this.#recovering;
      this.caller.assertAlive();
    } while (this.#recovering !== undefined);
  }

  /** Sends operations; throws {@linkcode Lost} when the server has forgotten the client, before or by this. */
  async send(
    ops: readonly Request[],
    options: SendOptions = {},
  ): Promise<Answer> {
    const { generation } = this;
    await this.caller.awake();
    if (this.isLeaving) throw new Abandoned();
    const isCurrent = this.#recovering === undefined &&
      this.generation === generation;
    // What the request says was true before.
    if (!isCurrent) throw new Lost();
    const answer = await this.exchange(ops, options);
    // It came before the server forgot, and was noticed after.
    if (this.generation !== generation) throw new Lost();
    return answer;
  }

  /** {@linkcode Peer.send} for a client that is not about to recover. */
  protected abstract exchange(
    ops: readonly Request[],
    options: SendOptions,
  ): Promise<Answer>;
  /** Sends what renews the lease. */
  abstract renew(): Promise<void>;
  /** Says goodbye, having closed everything. */
  abstract leave(): Promise<void>;
  /** Makes itself known: a clientid, and a session. */
  protected abstract introduce(): Promise<void>;
  /** Reclaims or gives up, after it was forgotten. */
  protected abstract comeBack(): Promise<void>;

  /** A new owner for this generation. */
  newOwner(name: string): SeqidOwner {
    return new SeqidOwner(this.clientid, bytesOf(name), 1);
  }

  /** Comes to terms with having been forgotten; `isOld` tells when that was done already. */
  protected async forgotten(isOld: () => boolean): Promise<void> {
    if (this.#recovering === undefined && !isOld()) {
      this.#insistOnFairness();
      const { book } = this.around;
      // RFC 8881 8.4.3: who has not acknowledged the loss may reclaim nothing.
      this.#hasLostSome = [...this.lease.holds].some((hold) =>
        hold.mode.kind === "delegation" && book.isOverdue(hold)
      );
      await this.#recover(() => this.comeBack());
    } else {
      await this.#recovering;
    }
    this.caller.assertAlive();
  }

  /** Has everything of before ended, but for what was reclaimed. */
  protected settleHolds(): void {
    const { book } = this.around;
    for (const hold of [...this.lease.holds]) {
      // Asked for, or on its way back, when the server forgot.
      if (hold.from === Infinity || hold.end !== Infinity) book.released(hold);
    }
  }

  /** Gives up all that it had. */
  protected loseAll(): void {
    for (const file of this.files) file.isLost = true;
    this.files.clear();
    this.delegations.forget();
    this.around.book.lost(this.lease);
    this.around.world.count("clients that lost everything");
  }

  /** Takes back what it had; throws {@linkcode Lost} when it is forgotten again. */
  protected async reclaimAll(
    send: (ops: readonly Request[], options: SendOptions) => Promise<Answer>,
  ): Promise<void> {
    const reclaimed = new Set<string>();
    for (const file of [...this.files]) {
      for (const refusal of await file.reclaim(send)) {
        this.insist(
          refusal === Status.NO_GRACE && !this.mustBeLetReclaim(),
          `reclaim answered ${statusName(refusal)}`,
        );
      }
      if (!file.isLost) reclaimed.add(hex(file.filehandle));
    }
    this.delegations.forget((filehandle) => reclaimed.has(hex(filehandle)));
  }

  /** Whether the server must take its word for what it held. */
  protected mustBeLetReclaim(): boolean {
    const { server } = this.around;
    return !this.#hasLostSome &&
      server.mayReclaim(this.lease.validUntil, this.knownEpoch);
  }

  /** Throws a violation with the client's name. */
  insist(condition: boolean, message: string): asserts condition {
    this.around.world.insist(condition, () => `${this.name}: ${message}`);
  }

  #recover(how: () => Promise<void>): Promise<void> {
    const recover = async () => {
      while (true) {
        const { epoch } = this.around.server;
        try {
          await how();
          // Should it have restarted meanwhile, this is the earlier one at worst.
          this.knownEpoch = epoch;
          return;
        } catch (error) {
          // Forgotten once more, on the way back.
          if (!(error instanceof Lost)) throw error;
        }
      }
    };
    return this.#recovering = recover().finally(() => {
      this.#recovering = undefined;
    });
  }

  /** As long as its lease is certain, only a restart may take a client's state. */
  #insistOnFairness(): void {
    const { server, world } = this.around;
    world.count("clients forgotten");
    this.insist(
      server.epoch !== this.knownEpoch || world.now > this.lease.validUntil,
      `forgotten at ${world.now}, with a lease until ${this.lease.validUntil}`,
    );
  }
}
