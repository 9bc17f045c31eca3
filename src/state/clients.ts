import { Status, type StatusCode, VERIFIER_SIZE } from "../nfs4/constants.ts";
import { Client } from "./client.ts";
import type { Clock, RandomBytes } from "./clock.ts";
import type { Lease } from "./lease.ts";
import type { ClientEnd } from "./observers.ts";

/** Options of {@linkcode ClientTable}. */
export interface ClientTableOptions {
  /** Time. */
  readonly clock: Clock;
  /** Randomness. */
  readonly random: RandomBytes;
  /** Leases. */
  readonly lease: Lease;
  /** Clients, confirmed or not. */
  readonly maxClients: number;
  /** Drops a confirmed client with all that it has, and calls {@linkcode ClientTable.forget}. */
  readonly drop: (client: Client, reason: ClientEnd) => void;
}

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
  /** NFSv4.0 ids that ran out, the oldest first; as many as there may be clients. */
  readonly #expired = new Set<bigint>();

  constructor(options: ClientTableOptions) {
    this.#options = options;
  }

  /** Number of clients, unconfirmed ones included. */
  get size(): number {
    return this.#byId.size;
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
    if (!client.confirmed && this.#options.lease.isExpired(client)) {
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
    if (client === undefined || !client.confirmed) {
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
   * of clients with a lease.
   */
  register(
    options: Pick<Client, "protocol" | "owner" | "verifier" | "principal">,
  ): Client | undefined {
    const { protocol } = options;
    const former = this.ofOwner(protocol, options.owner).unconfirmed;
    if (former !== undefined) this.forget(former);
    if (!this.#makeRoom()) return undefined;
    const client = new Client({
      id: this.#newId(),
      protocol,
      owner: options.owner.slice(),
      verifier: options.verifier.slice(),
      principal: options.principal,
      renewedAt: this.#options.clock.now(),
    });
    this.#byId.set(client.id, client);
    this.#unconfirmed.add(client);
    const records = this.#recordsOf(client);
    records.unconfirmed = client;
    return client;
  }

  /** Takes over a confirmed NFSv4.1 client of an earlier start of the server, under its id. */
  restore(
    options: Pick<Client, "id" | "owner" | "verifier" | "principal">,
  ): Client {
    const renewedAt = this.#options.clock.now();
    const client = new Client({ ...options, protocol: 1, renewedAt });
    this.#byId.set(client.id, client);
    this.confirm(client);
    return client;
  }

  /** The record is confirmed; the owner's former confirmed one must be gone. */
  confirm(client: Client): void {
    const records = this.#recordsOf(client);
    if (records.unconfirmed === client) records.unconfirmed = undefined;
    records.confirmed = client;
    this.#unconfirmed.delete(client);
    client.confirmed = true;
    this.#options.lease.renew(client);
  }

  /** Removes the record of a client that has nothing left. */
  forget(client: Client): void {
    if (client.gone) return;
    client.gone = true;
    this.#byId.delete(client.id);
    this.#unconfirmed.delete(client);
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
  sweep(now: number): void {
    const { leaseMs } = this.#options.lease;
    for (const client of this.#unconfirmed) {
      if (now - client.renewedAt <= leaseMs) break;
      this.forget(client);
    }
    for (const client of this.#byId.values()) {
      const { update } = client;
      if (update !== undefined && now - update.since > leaseMs) {
        client.update = undefined;
      }
    }
  }

  /** 8 random bytes: setclientid_confirm. */
  newVerifier(): Uint8Array {
    return this.#options.random(VERIFIER_SIZE);
  }

  /** At the limit the oldest unconfirmed record goes, then the client whose lease ran out first, those without state before others. */
  #makeRoom(): boolean {
    if (this.#byId.size < this.#options.maxClients) return true;
    for (const client of this.#unconfirmed) {
      this.forget(client);
      return true;
    }
    let oldest: Client | undefined;
    for (const client of this.#byId.values()) {
      if (!this.#options.lease.isExpired(client)) continue;
      if (oldest === undefined || goesBefore(client, oldest)) oldest = client;
    }
    if (oldest === undefined) return false;
    this.#options.drop(oldest, "evicted");
    return true;
  }

  #newId(): bigint {
    while (true) {
      const { buffer, byteOffset } = this.#options.random(8);
      const id = new DataView(buffer, byteOffset).getBigUint64(0);
      const taken = this.#byId.has(id) || this.#expired.has(id);
      if (id !== 0n && !taken) return id;
    }
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

function goesBefore(a: Client, b: Client): boolean {
  const [aEmpty, bEmpty] = [a.states.isEmpty, b.states.isEmpty];
  return aEmpty === bEmpty ? a.renewedAt < b.renewedAt : aEmpty;
}
