import type { CallbackOperation } from "./callback_ops.ts";

/** A slot of a session's back channel (RFC 8881 2.10.6.1): the server is the requester. */
export class BackSlot {
  /** Slot ID. */
  readonly id: number;
  /** Sequence ID of the last callback that the client is known to have seen. */
  seqid = 0;
  /**
   * The callback that has left with `nextSeqid`, and of which it is not known
   * whether the client has seen it: it must be sent once more before another is.
   */
  unsettled: readonly CallbackOperation[] | undefined;
  /** The client may have seen more than is known: nothing was answered since a restart. */
  isUnsure: boolean;

  constructor(id: number, isUnsure = false) {
    this.id = id;
    this.isUnsure = isUnsure;
  }

  /** Sequence ID of the next callback; wraps through 0 (RFC 8881 2.10.6.1). */
  get nextSeqid(): number {
    return (this.seqid + 1) >>> 0;
  }

  /** The client has seen the callback with {@linkcode BackSlot.nextSeqid}. */
  advance(): void {
    this.seqid = this.nextSeqid;
    this.unsettled = undefined;
    this.isUnsure = false;
  }
}

/** Slots that are used at a time, however many a client offers. */
const MAX_SLOTS = 64;

/** The slots of a back channel, the lowest free one first; each is made when it is used. */
export class BackSlots {
  readonly #slots: BackSlot[] = [];
  readonly #count: number;
  readonly #isRestored: boolean;
  readonly #busy = new Set<BackSlot>();
  readonly #waiting: ((slot: BackSlot) => void)[] = [];
  #usable: number;

  /**
   * `count`: ca_maxrequests of the back channel, which is the client's to say (RFC
   * 8881 18.36.3): any number. {@linkcode MAX_SLOTS} of them are used at most.
   */
  constructor(count: number, isRestored = false) {
    this.#count = Math.min(count, MAX_SLOTS);
    this.#isRestored = isRestored;
    this.#usable = this.#count;
  }

  /** Slots that may be used: as many as the client wants, within the limit. */
  get usable(): number {
    return this.#usable;
  }

  /** csa_highest_slotid: the highest slot that is in use. */
  get highest(): number {
    let highest = 0;
    for (const { id } of this.#busy) highest = Math.max(highest, id);
    return highest;
  }

  /** A free slot, as soon as there is one; `undefined` when `signal` aborts. */
  async acquire(signal: AbortSignal): Promise<BackSlot | undefined> {
    if (signal.aborted) return undefined;
    const slot = this.#free();
    if (slot !== undefined) return this.#take(slot);
    const { promise, resolve } = Promise.withResolvers<BackSlot | undefined>();
    const stop = () => {
      const index = this.#waiting.indexOf(resolve);
      if (index >= 0) this.#waiting.splice(index, 1);
      resolve(undefined);
    };
    this.#waiting.push(resolve);
    signal.addEventListener("abort", stop, { once: true });
    const got = await promise;
    signal.removeEventListener("abort", stop);
    return got;
  }

  /** Gives a slot back; the callback that has waited longest gets it. */
  release(slot: BackSlot): void {
    this.#busy.delete(slot);
    this.#serve();
  }

  /** csr_target_highest_slotid: slots above it are left alone from now on. */
  setTarget(highestSlot: number): void {
    this.#usable = Math.min(this.#count, highestSlot + 1);
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#free();
      if (slot === undefined) return;
      this.#waiting.shift()!(this.#take(slot));
    }
  }

  #free(): BackSlot | undefined {
    for (let id = 0; id < this.#usable; id++) {
      const slot = this.#slots[id] ??= new BackSlot(id, this.#isRestored);
      if (!this.#busy.has(slot)) return slot;
    }
    return undefined;
  }

  #take(slot: BackSlot): BackSlot {
    this.#busy.add(slot);
    return slot;
  }
}
