import { Status } from "../nfs4/constants.ts";
import { digest } from "./digest.ts";
import type { SlotStore } from "./session_store.ts";
import type { StateAccount } from "./state_budget.ts";

/** Numbers about all slots, for metrics and for the limit on kept replies. */
export interface SlotUsage {
  /** Slots whose request is being carried out. */
  slotsInUse: number;
  /** Bytes of memory that hold replies. */
  replayCacheBytes: number;
}

/** A request, as far as it takes to know it again. */
export interface SlotRequest {
  /** sa_sequenceid. */
  readonly sequence: number;
  /** sa_cachethis. */
  readonly cacheThis: boolean;
  /** The caller, see `Credential`. */
  readonly principal: string;
  /** The message that holds it. */
  readonly bytes: Uint8Array;
  /** Offset behind SEQUENCE: the tag and the slot bookkeeping are no part of the request. */
  readonly start: number;
  /** Offset behind the request. */
  readonly end: number;
}

/** What of a slot outlives the server (RFC 8881 2.10.6.5). */
export interface SlotImage {
  /** Sequence ID of the last request that changed something. */
  readonly sequence: number;
  /** Whether the request has ended; otherwise the server can't tell what it did. */
  readonly isAnswered: boolean;
  /** Bytes of the request. */
  readonly length: number;
  readonly digest: number;
  /** The caller, see `Credential`. */
  readonly principal: string;
  /** The COMPOUND4res, where it was kept. */
  readonly reply: Uint8Array | undefined;
}

/** Kept replies get no less, so that the next one often fits. */
const SMALLEST_BUFFER = 256;
/**
 * Requests after which a slot is saved although nothing was changed, so that
 * its sequence ID is known well enough after a restart.
 */
const SAVED_EVERY = 2 ** 20;

/**
 * One slot of a session's reply cache (RFC 8881 2.10.6.1): idle, busy or
 * answered. It is busy until the request ends, even if its connection is
 * lost meanwhile.
 */
export class Slot {
  /** Slot ID. */
  readonly id: number;
  /** Sequence ID of the last request that was accepted. */
  sequence = 0;
  /** Whether that request is being carried out. */
  isBusy = false;
  /** Whether its answer waits for what it says to be durable; the client does not have it yet. */
  isSettling = false;
  /** Whether a request was answered yet. */
  isUsed = false;
  /** The table's target when a request was last accepted; see {@linkcode SlotTable.shrink}. */
  toldTarget = -1;
  /**
   * The server ended while it carried out the last request of a persistent
   * session: what became of that can't be told any more.
   */
  isOutcomeLost = false;

  readonly #table: SlotTable;
  #length = 0;
  #digest = 0;
  #principal = "";
  #cacheThis = false;
  #buffer: Uint8Array | undefined;
  /** Bytes of the kept reply; 0: the answer was not kept. */
  #replyLength = 0;
  /** Changes before the request that is being carried out. */
  #changesBefore = 0;
  /** Sequence ID that the store has. */
  #saved = 0;
  /** Whether the store has the request that is being carried out. */
  #isBegunSaved = false;
  /** Whether requests may have been accepted that the store does not have. */
  #isSequenceUnsure: boolean;

  constructor(table: SlotTable, id: number, isSequenceUnsure: boolean) {
    this.#table = table;
    this.id = id;
    this.#isSequenceUnsure = isSequenceUnsure;
  }

  /** The COMPOUND4res of the last request: a view, valid until the next one; undefined when it was not kept. */
  get reply(): Uint8Array | undefined {
    return this.#replyLength === 0
      ? undefined
      : this.#buffer!.subarray(0, this.#replyLength);
  }

  /** What is kept of it over a restart. */
  get image(): SlotImage {
    return {
      sequence: this.sequence,
      isAnswered: !this.isBusy,
      length: this.#length,
      digest: this.#digest,
      principal: this.#principal,
      reply: this.isBusy ? undefined : this.reply,
    };
  }

  /**
   * Whether a new request may have this sequence ID: one more than the last, 0
   * after 2^32 - 1 (RFC 8881 2.10.6.1). After a restart those are not known that
   * changed nothing, so the first may be any that is ahead: it is the next one,
   * or a retry of one that does no harm to carry out again.
   */
  expects(sequence: number): boolean {
    const step = (sequence - this.sequence) >>> 0;
    return step === 1 ||
      this.#isSequenceUnsure && step > 0 && step <= 2 * SAVED_EVERY;
  }

  /** Accepts a new request: its sequence ID is the slot's from now on. */
  begin(request: SlotRequest): void {
    const { bytes, start, end } = request;
    this.sequence = request.sequence;
    this.isBusy = true;
    this.#length = end - start;
    this.#digest = digest(bytes, start, end);
    this.#principal = request.principal;
    this.#cacheThis = request.cacheThis;
    this.#isSequenceUnsure = false;
    this.isOutcomeLost = false;
    const { store } = this.#table;
    if (store !== undefined) this.#changesBefore = store.changes;
    this.#table.busy++;
    this.#table.usage.slotsInUse++;
  }

  /**
   * Whether `request` is the last one again. RFC 8881 2.10.6.1.3.1: another
   * user makes it another request in any case.
   */
  isRetry(request: SlotRequest): boolean {
    const { bytes, start, end } = request;
    return this.#principal === request.principal &&
      this.#length === end - start &&
      this.#digest === digest(bytes, start, end);
  }

  /** The request has ended with `reply`, a COMPOUND4res, which is copied if it is to be kept. */
  finish(reply: Uint8Array): void {
    if (!this.isBusy) return;
    this.isBusy = false;
    this.#table.busy--;
    this.#table.usage.slotsInUse--;
    if (this.#table.isReleased) return;
    this.isUsed = true;
    if (this.#cacheThis || failedEarly(reply)) this.#keep(reply);
    else this.#replyLength = 0;
    const { store } = this.#table;
    if (store !== undefined) this.#save(store);
  }

  /** What the request was answered could not be kept: this is the answer, if one was to be kept. */
  replace(reply: Uint8Array): void {
    if (this.#replyLength > 0 && !this.#table.isReleased) this.#keep(reply);
  }

  /**
   * The request has to wait, or goes on after that. What it has changed, or with
   * `changes` is about to, may be durable before its answer is there: a restart
   * in between must find that it was begun (RFC 8881 2.10.6.5).
   */
  saveBegun(changes: boolean): void {
    const { store, isReleased } = this.#table;
    if (store === undefined || isReleased || this.#isBegunSaved) return;
    if (!changes && store.changes === this.#changesBefore) return;
    this.#isBegunSaved = true;
    this.#saved = this.sequence;
    store.save(this);
  }

  /**
   * Whether something has changed in the store, by whichever request, since this
   * one began, of which a restart would not find that it was.
   */
  get hasChanges(): boolean {
    const { store } = this.#table;
    return store !== undefined && !this.#isBegunSaved &&
      store.changes !== this.#changesBefore;
  }

  /** The request goes on after others had a turn, in which it has changed nothing: theirs are not its changes. */
  countChangesAnew(): void {
    const { store } = this.#table;
    if (store !== undefined) this.#changesBefore = store.changes;
  }

  /** Takes over what an earlier start of the server has saved. */
  restore(image: SlotImage): void {
    this.sequence = this.#saved = image.sequence;
    this.isUsed = true;
    this.isOutcomeLost = !image.isAnswered;
    this.#length = image.length;
    this.#digest = image.digest;
    this.#principal = image.principal;
    if (image.reply !== undefined) this.#keep(image.reply);
  }

  /** Forgets the kept reply and frees its memory. */
  release(): void {
    if (this.#buffer !== undefined) this.#table.count(-1, this.#buffer.length);
    this.#buffer = undefined;
    this.#replyLength = 0;
  }

  /** Keeps the answer. A request that changed nothing may be carried out again, and needs no place in the store. */
  #save(store: SlotStore): void {
    const isNeedless = !this.#isBegunSaved &&
      store.changes === this.#changesBefore &&
      (this.sequence - this.#saved) >>> 0 < SAVED_EVERY;
    this.#isBegunSaved = false;
    if (isNeedless) return;
    this.#saved = this.sequence;
    store.save(this);
  }

  #keep(reply: Uint8Array): void {
    const { length } = reply;
    if (this.#buffer === undefined || this.#buffer.length < length) {
      this.release();
      const size = Math.max(SMALLEST_BUFFER, length);
      this.#buffer = new Uint8Array(size);
      this.#table.count(1, size);
    }
    this.#buffer.set(reply);
    this.#replyLength = length;
  }
}

/**
 * Whether a COMPOUND4res failed at its second operation. It is kept although
 * the client did not ask: it is short, and RFC 8881 2.10.6.1.3 wants a retry of
 * an illegal operation answered as the first time.
 */
function failedEarly(reply: Uint8Array): boolean {
  if (word(reply, 0) === Status.OK) return false;
  return word(reply, 8 + ((word(reply, 4) + 3) & ~3)) === 2;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!;
}

/** The slots of a session's fore channel; a slot costs nothing until it is used. */
export class SlotTable {
  /** Slots that CREATE_SESSION granted. */
  readonly granted: number;
  /** Numbers shared by all tables. */
  readonly usage: SlotUsage;
  /** sr_highest_slotid: the highest slot that is accepted. */
  highest: number;
  /** sr_target_highest_slotid: the highest slot that the client should use. */
  target: number;
  /** Requests being carried out. */
  busy = 0;
  /** Whether the session is gone. */
  isReleased = false;
  /** Bytes of kept replies. */
  bytesKept = 0;
  /** Where the slots of a persistent session are kept. */
  readonly store: SlotStore | undefined;
  readonly #slots: (Slot | undefined)[] = [];
  readonly #account: StateAccount;
  /** Slots below have a past that the store does not know in full. */
  #unsureBelow = 0;

  constructor(
    granted: number,
    usage: SlotUsage,
    options: {
      /** Whose memory it is. */
      readonly account: StateAccount;
      readonly store?: SlotStore | undefined;
      readonly isRestored?: boolean | undefined;
    },
  ) {
    this.#account = options.account;
    this.granted = granted;
    this.usage = usage;
    this.store = options.store;
    if (options.isRestored) this.#unsureBelow = granted;
    this.highest = granted - 1;
    this.target = granted - 1;
  }

  /**
   * Slot `id`, at most {@linkcode SlotTable.highest}; undefined for one that was
   * never used while there is no memory for it. There is for the first.
   */
  slot(id: number): Slot | undefined {
    const slot = this.#slots[id];
    if (slot !== undefined) return slot;
    return id === 0 || this.#account.admits() ? this.#make(id) : undefined;
  }

  /** Takes over slot `id` of an earlier start of the server. */
  restore(id: number, image: SlotImage): void {
    this.#make(id).restore(image);
  }

  /** Kept replies came or went, of `bytes` each. */
  count(replies: number, bytes: number): void {
    this.bytesKept += replies * bytes;
    this.usage.replayCacheBytes += replies * bytes;
    this.#account.count("reply", replies, bytes);
  }

  /** Asks the client to use `count` slots, 1 to those granted. More are there at once, fewer when it complies. */
  setTarget(count: number): void {
    this.target = Math.max(1, Math.min(count, this.granted)) - 1;
    this.highest = Math.max(this.highest, this.target);
  }

  /**
   * Retires the slots above the target once the client complies: it has been
   * told on this slot, whose next request says so, and names no higher slot
   * (RFC 8881 2.10.6.1). Returns at once while there is nothing to retire.
   */
  shrink(slot: Slot, clientHighest: number): void {
    const { target } = this;
    const complies = slot.toldTarget === target && clientHighest <= target;
    slot.toldTarget = target;
    if (this.highest === target || !complies) return;
    for (let id = target + 1; id < this.#slots.length; id++) {
      if (this.#slots[id]?.isBusy) return;
    }
    this.#cut(target + 1);
    // Should they come back, they begin anew.
    this.#unsureBelow = Math.min(this.#unsureBelow, target + 1);
    this.store?.drop(target + 1);
    this.highest = target;
  }

  /** The session is gone: frees the kept replies. Busy slots still count until they end. */
  release(): void {
    this.isReleased = true;
    this.#cut(0);
  }

  /** Frees the slots from `first` on. */
  #cut(first: number): void {
    for (let id = first; id < this.#slots.length; id++) {
      const slot = this.#slots[id];
      if (slot === undefined) continue;
      slot.release();
      this.#account.count("slot", -1);
    }
    this.#slots.length = Math.min(this.#slots.length, first);
  }

  #make(id: number): Slot {
    this.#account.count("slot", 1);
    while (this.#slots.length < id) this.#slots.push(undefined);
    return this.#slots[id] = new Slot(this, id, id < this.#unsureBelow);
  }
}
