import { STATEID_OTHER_SIZE, Status } from "../nfs4/constants.ts";
import type { Stateid } from "../nfs4/types.ts";
import type { RandomBytes } from "../base/clock.ts";
import { exhausted } from "../base/exhausted.ts";
import type { Client } from "./client.ts";
import type { Delegation } from "./delegations.ts";
import { byId } from "./few.ts";
import type { FileState } from "./file_states.ts";
import type { LockState } from "./locks.ts";
import type { OpenState } from "./opens.ts";

/** Why a state is no longer held although its client never gave it back. */
export type Revocation =
  | typeof Status.EXPIRED
  | typeof Status.ADMIN_REVOKED
  | typeof Status.DELEG_REVOKED;

/** What a stateid's seqid says about the state it names (RFC 8881 8.2.2). */
export type SeqidStatus =
  | typeof Status.OK
  | typeof Status.OLD_STATEID
  | typeof Status.BAD_STATEID;

/**
 * Whatever a stateid can name. Each of them has a `kind`, and code that treats
 * them differently does so in a switch that ends with `exhausted`: a new kind
 * does not compile until it is treated everywhere.
 */
export type HeldState = OpenState | LockState | Delegation;

/** What all of them have; each is its own newest stateid. */
export abstract class LockingState implements Stateid {
  /** Generation, from 1 on. */
  seqid = 1;
  /** 12 bytes that no client can guess. */
  readonly other: Uint8Array;
  /** Whose it is. */
  readonly client: Client;
  /** The file it is about. */
  readonly file: FileState;
  /** Set once it is revoked: what its use is answered with. */
  revoked: Revocation | undefined;

  constructor(table: StateidTable, client: Client, file: FileState) {
    this.client = client;
    this.file = file;
    this.other = table.issue();
  }

  /** Some of its bits, which no other state has: its key where there are many. */
  get id(): number {
    return keyOf(this.other);
  }

  /**
   * Whether it ended, and only waits to be cleared away: no client may use it,
   * nor is it in any client's way.
   */
  get isGone(): boolean {
    return this.client.isGone;
  }

  /** The state has changed: its next answer carries the next seqid. */
  bump(): void {
    // RFC 8881 8.2.2, RFC 7530 9.1.3: after 2^32 - 1 comes 1, for 0 has a meaning.
    this.seqid = this.seqid === 0xffff_ffff ? 1 : this.seqid + 1;
  }

  /** Judges the seqid of a stateid that names this state; 0 is up to the caller. */
  checkSeqid(seqid: number): SeqidStatus {
    if (seqid === this.seqid) return Status.OK;
    // RFC 7530 9.1.3: a difference of 2^31 and more is taken for a wraparound.
    return (seqid - this.seqid | 0) > 0
      ? Status.BAD_STATEID
      : Status.OLD_STATEID;
  }
}

const RANDOM_AT = 4;
const RANDOM_SIZE = STATEID_OTHER_SIZE - RANDOM_AT;
const POOL_SIZE = 512 * RANDOM_SIZE;
/**
 * States whose `other`s lie in the same memory: to get it takes longer than all
 * else that an OPEN does with its stateid. It stays until the last of them is gone.
 */
const NEIGHBOURS = 16;
/** Lost states that are still told from states that never were. */
const LOST_LIMIT = 16_384;
/** A key has 30 bits: a small integer, which is what a Map finds fastest. */
const KEY_MASK = 0x3fff_ffff;

/**
 * All the stateids that are out. Their `other` is the server's boot (RFC 7530
 * 9.1.4: a restarted server can tell NFS4ERR_STALE_STATEID) and 64 random bits.
 * Some of these bits are the key of the table; no two states share a key, and a
 * client that names a state must still have all of the bytes right.
 */
export class StateidTable {
  readonly #boot: number;
  readonly #random: RandomBytes;
  readonly #states = byId<HeldState>();
  /** `other` of lost states, the oldest first. */
  readonly #lost = new Map<number, Uint8Array>();
  #pool: Uint8Array = new Uint8Array(0);
  #used = 0;
  #others = new Uint8Array(0);
  #issued = 0;

  /** `boot`: a number of 32 bits that no earlier start of the server had. */
  constructor(
    options: { readonly boot: number; readonly random: RandomBytes },
  ) {
    this.#boot = options.boot >>> 0;
    this.#random = options.random;
  }

  /** Number of states. */
  get size(): number {
    return this.#states.size;
  }

  /** An `other` whose key is free. */
  issue(): Uint8Array {
    let other: Uint8Array;
    do other = this.#draw(); while (this.#states.has(keyOf(other)));
    return other;
  }

  /** Takes in a state, right after its `other` was issued. */
  add(state: HeldState): void {
    this.#states.set(state.id, state);
  }

  /** The state that `other` names. */
  find(other: Uint8Array): HeldState | undefined {
    const state = this.#states.get(keyOf(other));
    if (state === undefined || state.isGone) return undefined;
    return isNamed(state, other) ? state : undefined;
  }

  /** Forgets a state. */
  remove(state: HeldState): void {
    this.#states.delete(state.id);
    if (wentWithClient(state)) this.#rememberLost(state);
  }

  /** Its stateid is NFS4ERR_EXPIRED for a good while. */
  #rememberLost({ other }: HeldState): void {
    const key = keyOf(other);
    this.#lost.delete(key);
    this.#lost.set(key, other);
    if (this.#lost.size <= LOST_LIMIT) return;
    for (const oldest of this.#lost.keys()) {
      this.#lost.delete(oldest);
      return;
    }
  }

  /** Whether `other` named a state that was lost with its client. */
  isLost(other: Uint8Array): boolean {
    const state = this.#states.get(keyOf(other));
    if (state !== undefined && isNamed(state, other)) {
      return wentWithClient(state);
    }
    const lost = this.#lost.get(keyOf(other));
    return lost !== undefined && lost.every((byte, i) => byte === other[i]);
  }

  /** Whether `other` was given out by another start of the server, or never. */
  isOfOtherBoot(other: Uint8Array): boolean {
    return word(other, 0) >>> 0 !== this.#boot;
  }

  #draw(): Uint8Array {
    if (this.#used === this.#pool.length) {
      this.#pool = this.#random(POOL_SIZE);
      this.#used = 0;
    }
    if (this.#issued === this.#others.length) {
      this.#others = new Uint8Array(NEIGHBOURS * STATEID_OTHER_SIZE);
      this.#issued = 0;
    }
    const at = this.#issued;
    this.#issued += STATEID_OTHER_SIZE;
    const other = this.#others.subarray(at, this.#issued);
    const boot = this.#boot;
    other[0] = boot >>> 24;
    other[1] = boot >>> 16;
    other[2] = boot >>> 8;
    other[3] = boot;
    for (let i = RANDOM_AT; i < STATEID_OTHER_SIZE; i++) {
      other[i] = this.#pool[this.#used++]!;
    }
    // RFC 8881 8.2.3: all zeros and all ones are not ours to give. The boot may
    // be either, so the last byte must be neither.
    if (other[11] === 0 || other[11] === 0xff) other[11] ^= 0x55;
    return other;
  }
}

/**
 * RFC 7530 13.1.5.3: what went with the lease is told from what never was. What
 * was closed before, and is only kept for a retry of that CLOSE, did not.
 */
function wentWithClient(state: HeldState): boolean {
  return !isClosed(state) && state.client.isGone && state.client.protocol === 0;
}

/** Whether its client has given it back, and it is kept for a retry alone. */
function isClosed(state: HeldState): boolean {
  switch (state.kind) {
    case "open":
      return state.isClosed;
    case "lock":
    case "delegation":
      return false;
    default:
      return exhausted(state);
  }
}

function isNamed({ other: own }: HeldState, other: Uint8Array): boolean {
  for (let i = 0; i < STATEID_OTHER_SIZE; i++) {
    if (own[i] !== other[i]) return false;
  }
  return true;
}

function keyOf(other: Uint8Array): number {
  return word(other, RANDOM_AT) & KEY_MASK;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!;
}
