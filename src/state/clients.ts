import { drawFree } from "../base/draw.ts";
import { Status, type StatusCode, VERIFIER_SIZE } from "../nfs4/constants.ts";
import { Client } from "./client.ts";
import type { Clock, RandomBytes } from "../base/clock.ts";
import { Crowds } from "./crowds.ts";
import { LOOK, type Piecework } from "./effects.ts";
import { LapsedClients, type WhichLapsed } from "./lapsed_clients.ts";
import type { Lease } from "./lease.ts";
import type { ClientEnd } from "./observers.ts";
import { isRoot, keptForRoot, ROOT } from "../rpc/party.ts";
import { freeTo, mayHaveMore, type Shared } from "./party_shares.ts";
import type { StateAccount, StateBudget } from "./state_budget.ts";

/** Options of {@linkcode ClientTable}. */
export interface ClientTableOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly lease: Lease;
  /** Clients, confirmed or not. */
  readonly maxClients: number;
  /** Memory of all that is remembered of them. */
  readonly budget: StateBudget;
  /** Drops a confirmed client with all that it has, and calls {@linkcode ClientTable.forget}. */
  readonly drop: (client: Client, reason: ClientEnd) => void;
}

/** What a client is registered with. */
type Registration =
  & Pick<Client, "protocol" | "owner" | "verifier" | "principal">
  & {
    /** Of whom it is: what is one party's must leave room for others. */
    readonly party?: string | undefined;
  };

/** The records of one owner: RFC 8881 18.35.4 and RFC 7530 16.33.5 know one of each at most. */
export interface OwnerRecords {
  /** The incarnation that may hold state. */
  confirmed: Client | undefined;
  /** The one that has yet to be confirmed. */
  unconfirmed: Client | undefined;
}

const NO_RECORDS: Readonly<OwnerRecords> = {
  confirmed: undefined,
  unconfirmed: undefined,
};

/** All clients, by id and by owner. NFSv4.0 and later owners do not meet (RFC 8881 2.4.1 is optional). */
export class ClientTable {
  readonly #options: ClientTableOptions;
  readonly #byId = new Map<bigint, Client>();
  readonly #byOwner = new Map<string, OwnerRecords>();
  /** The oldest first. */
  readonly #unconfirmed = new Set<Client>();
  /** Those whose lease had run out at the last sweep. */
  readonly #lapsed = new LapsedClients();
  readonly #crowds = new Crowds();
  /** NFSv4.0 ids that ran out, the oldest first; as many as there may be clients. */
  readonly #expired = new Set<bigint>();

  constructor(options: ClientTableOptions) {
    this.#options = options;
  }

  /** Number of clients, unconfirmed ones included. */
  get size(): number {
    return this.#byId.size;
  }

  /** How many are of which kind; `courtesy`: confirmed, but their lease had run out at the last sweep. */
  get counts(): { confirmed: number; unconfirmed: number; courtesy: number } {
    const courtesy = this.#lapsed.size;
    const unconfirmed = this.#unconfirmed.size;
    const confirmed = this.size - unconfirmed - courtesy;
    return { confirmed, unconfirmed, courtesy };
  }

  /** All clients. */
  [Symbol.iterator](): IterableIterator<Client> {
    return this.#byId.values();
  }

  /** The client of an id, where it registered with `protocol`. */
  find(id: bigint, protocol: 0 | 1): Client | undefined {
    const client = this.#byId.get(id);
    if (client === undefined || client.protocol !== protocol) return undefined;
    // RFC 8881 18.35.4: unconfirmed for a lease period, so no longer there.
    if (!client.isConfirmed && this.#options.lease.isExpired(client)) {
      this.forget(client);
      return undefined;
    }
    return client;
  }

  /**
   * The client that an NFSv4.0 request names by its clientid; its lease is
   * renewed (RFC 7530 9.5). NFS4ERR_EXPIRED when it lost all it had,
   * NFS4ERR_STALE_CLIENTID for an id that was not given out or not confirmed.
   */
  confirmed(id: bigint): Client | StatusCode {
    const client = this.find(id, 0);
    if (client === undefined || !client.isConfirmed) {
      return this.#expired.has(id) ? Status.EXPIRED : Status.STALE_CLIENTID;
    }
    this.#options.lease.renew(client);
    return client;
  }

  /** What is known of an owner. */
  ofOwner(protocol: 0 | 1, owner: Uint8Array): Readonly<OwnerRecords> {
    return this.#byOwner.get(ownerKey(protocol, owner)) ?? NO_RECORDS;
  }

  /**
   * Adds an unconfirmed record under a new id, in place of the owner's former
   * one. `owner` and `verifier` are copied. Undefined when the server is full
   * of clients that hold state and have a lease, or of their state.
   */
  register(options: Registration): Client | undefined {
    const { protocol, party = "" } = options;
    const former = this.ofOwner(protocol, options.owner).unconfirmed;
    if (former !== undefined) this.forget(former);
    const account = this.#options.budget.account(party);
    if (!this.#makeRoom(party, account) || account.isFull) {
      this.#options.budget.refusals++;
      return undefined;
    }
    const client = new Client({
      id: this.#newId(),
      protocol,
      owner: options.owner.slice(),
      verifier: options.verifier.slice(),
      principal: options.principal,
      party,
      account,
      renewedAt: this.#options.clock.now(),
    });
    this.#unconfirmed.add(client);
    this.#add(client);
    const records = this.#recordsOf(client);
    records.unconfirmed = client;
    return client;
  }

  /** Takes over a confirmed NFSv4.1 client of an earlier start of the server, under its id. */
  restore(
    options: Pick<
      Client,
      "id" | "owner" | "verifier" | "principal" | "party"
    >,
  ): Client {
    const client = new Client({
      ...options,
      protocol: 1,
      account: this.#options.budget.account(options.party),
      renewedAt: this.#options.clock.now(),
    });
    this.#add(client);
    this.confirm(client);
    return client;
  }

  /** The record is confirmed; the owner's former confirmed one must be gone. */
  confirm(client: Client): void {
    const records = this.#recordsOf(client);
    if (records.unconfirmed === client) records.unconfirmed = undefined;
    records.confirmed = client;
    this.#unconfirmed.delete(client);
    client.isConfirmed = true;
    this.#crowds.place(client);
    this.#options.lease.renew(client);
  }

  /** A client came to hold an open or a delegation, or gave up one: with none it may make room for another. */
  holdingChanged(client: Client): void {
    if (!client.isGone) this.#crowds.place(client);
  }

  /** Removes the record of a client that has nothing left. */
  forget(client: Client): void {
    if (client.isGone) return;
    client.isGone = true;
    this.#byId.delete(client.id);
    this.#unconfirmed.delete(client);
    this.#lapsed.place(client, false);
    this.#crowds.leave(client);
    client.account.count("client", -1, sizeOf(client));
    const records = this.#recordsOf(client);
    if (records.confirmed === client) records.confirmed = undefined;
    if (records.unconfirmed === client) records.unconfirmed = undefined;
    if (records.confirmed === undefined && records.unconfirmed === undefined) {
      this.#byOwner.delete(ownerKey(client.protocol, client.owner));
    }
  }

  /** An NFSv4.0 client lost all it had: its id is answered NFS4ERR_EXPIRED for a good while. */
  rememberExpired(client: Client): void {
    this.#expired.add(client.id);
    if (this.#expired.size <= this.#options.maxClients) return;
    for (const oldest of this.#expired) {
      this.#expired.delete(oldest);
      return;
    }
  }

  /** Removes what was not confirmed within a lease (RFC 8881 18.35.4, RFC 7530 16.34.5). */
  *sweep(now: number): Piecework {
    const { leaseMs } = this.#options.lease;
    for (const client of this.#unconfirmed) {
      if (now - client.renewedAt <= leaseMs) break;
      this.forget(client);
      yield 1;
    }
    for (const client of this.#byId.values()) {
      const { update } = client;
      if (update !== undefined && now - update.since > leaseMs) {
        client.update = undefined;
      }
      const hasLapsed = client.isConfirmed &&
        this.#options.lease.isExpired(client);
      this.#lapsed.place(client, hasLapsed);
      yield LOOK;
    }
  }

  /**
   * What is kept as a courtesy is not kept at the cost of others: while memory is
   * short, drops a client whose lease ran out. Returns whether it did.
   */
  dropForRoom(): boolean {
    if (!this.#options.budget.isTight) return false;
    const lapsed = this.#firstLapsed();
    if (lapsed === undefined) return false;
    this.#options.drop(lapsed, "evicted");
    return true;
  }

  /** 8 random bytes: setclientid_confirm. */
  newVerifier(): Uint8Array {
    return this.#options.random(VERIFIER_SIZE);
  }

  /**
   * At the limit the oldest unconfirmed record goes where there are many of
   * them, then a client whose lease ran out, those without state before others,
   * then one without state of the party that has most of them. A party with more than its share
   * makes room by itself.
   */
  #makeRoom(party: string, account: StateAccount): boolean {
    const shared = this.#shared;
    const own = this.#crowds.sizeOf(party);
    let victim: Client | undefined;
    if (own > 0 && (!mayHaveMore(party, own, shared) || account.isFull)) {
      victim = this.#crowds.spareOf(party) ??
        this.#firstLapsed({ party });
    } else if (freeTo(party, shared) > 0) return true;
    else victim = this.#spare(party, shared);
    if (victim === undefined) return false;
    if (victim.isConfirmed) this.#options.drop(victim, "evicted");
    else this.forget(victim);
    return true;
  }

  /** A client of any party that makes room for one of `party`: what is kept for root makes none. */
  #spare(party: string, { limit, ofRoot }: Shared): Client | undefined {
    const isKept = ofRoot !== undefined && !isRoot(party) &&
      ofRoot <= keptForRoot(limit);
    const mayGo = (client: Client): boolean => !isKept || !isRoot(client.party);
    const oldest = this.#crowds.areMany(this.#unconfirmed.size)
      ? this.#unconfirmed.values().find(mayGo)
      : undefined;
    return oldest ?? this.#firstLapsed({ mayGo }) ??
      this.#crowds.spare(isKept ? ROOT : undefined);
  }

  get #shared(): Shared {
    const { maxClients: limit, budget } = this.#options;
    const ofRoot = budget.keepsForRoot ? this.#crowds.sizeOf(ROOT) : undefined;
    return { limit, used: this.#byId.size, ofRoot };
  }

  /** A client whose lease ran out, of those that may go. */
  #firstLapsed(which: WhichLapsed = {}): Client | undefined {
    const { lease } = this.#options;
    return this.#lapsed.first((client) => lease.isExpired(client), which);
  }

  #add(client: Client): void {
    this.#byId.set(client.id, client);
    this.#crowds.join(client);
    client.account.count("client", 1, sizeOf(client));
  }

  #newId(): bigint {
    const draw = () => {
      const { buffer, byteOffset } = this.#options.random(8);
      return new DataView(buffer, byteOffset).getBigUint64(0);
    };
    return drawFree(draw, (id) => {
      const isTaken = this.#byId.has(id) || this.#expired.has(id);
      return id !== 0n && !isTaken;
    });
  }

  #recordsOf(client: Client): OwnerRecords {
    const key = ownerKey(client.protocol, client.owner);
    let records = this.#byOwner.get(key);
    if (records === undefined) {
      this.#byOwner.set(key, records = { ...NO_RECORDS });
    }
    return records;
  }
}

function ownerKey(protocol: 0 | 1, owner: Uint8Array): string {
  return protocol + String.fromCharCode(...owner);
}

/** Bytes of a client besides what each one costs: its name, here, as a key and in its record. */
function sizeOf({ owner }: Client): number {
  return 3 * owner.length;
}
