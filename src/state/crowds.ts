import type { Client } from "./client.ts";

/**
 * The share of the clients with nothing to lose that unconfirmed ones have before
 * they go first: who is about to confirm needs a while, and a flood of others
 * that never do must not cost more confirmed ones than that.
 */
const UNCONFIRMED_SHARE = 1 / 8;
/** Idle clients that one search finds to have been heard of, and passes over. */
const MAX_LOOKS = 64;

/** The clients of one party. */
class Crowd {
  /** All of them. */
  size = 0;
  /** Those that have yet to be confirmed, the oldest first. */
  readonly unconfirmed = new Set<Client>();
  /**
   * Confirmed ones that hold nothing, those not heard of for longest first, and
   * the clock time at which each was heard of when it came to its place.
   */
  readonly idle = new Map<Client, number>();

  /** How many could go without a loss. */
  get spare(): number {
    return this.unconfirmed.size + this.idle.size;
  }
}

/**
 * Clients by the party that they came from, for when there are too many: a
 * client that holds nothing loses nothing, and the party that has most of
 * these is the one that crowds others out.
 */
export class Crowds {
  readonly #byParty = new Map<string, Crowd>();
  /** By {@linkcode Crowd.spare}; grows and shrinks by one at a time. */
  readonly #bySpare: Set<Crowd>[] = [];
  /** How many clients of all parties could go without a loss. */
  #spare = 0;

  /** Number of clients of a party. */
  sizeOf(party: string): number {
    return this.#byParty.get(party)?.size ?? 0;
  }

  /** A client came, or is confirmed, or came to hold something or nothing, or is gone. */
  place(client: Client): void {
    const { party } = client;
    let crowd = this.#byParty.get(party);
    if (crowd === undefined) {
      if (client.isGone) return;
      this.#byParty.set(party, crowd = new Crowd());
      this.#rank(crowd);
    }
    const before = crowd.spare;
    const isIdle = !client.isGone && client.isConfirmed &&
      client.states.isEmpty;
    if (!client.isGone && !client.isConfirmed) crowd.unconfirmed.add(client);
    else crowd.unconfirmed.delete(client);
    if (!isIdle) crowd.idle.delete(client);
    else if (!crowd.idle.has(client)) crowd.idle.set(client, client.renewedAt);
    const after = crowd.spare;
    this.#spare += after - before;
    if (after !== before) {
      this.#bySpare[before]!.delete(crowd);
      this.#rank(crowd);
    }
  }

  /** A client came to its party. */
  join(client: Client): void {
    this.place(client);
    this.#byParty.get(client.party)!.size++;
  }

  /** A client is gone. */
  leave(client: Client): void {
    this.place(client);
    const crowd = this.#byParty.get(client.party)!;
    if (--crowd.size > 0) return;
    this.#byParty.delete(client.party);
    this.#bySpare[0]!.delete(crowd);
  }

  /** Whether, of all that could go without a loss, so many are unconfirmed that one of these is to go. */
  areMany(unconfirmed: number): boolean {
    return unconfirmed > this.#spare * UNCONFIRMED_SHARE;
  }

  /**
   * A client of a party that loses nothing when it goes: the oldest unconfirmed
   * one where there are many of them, or else the confirmed one not heard of for
   * longest.
   */
  spareOf(party: string): Client | undefined {
    const crowd = this.#byParty.get(party);
    return crowd && spareOf(crowd);
  }

  /** The same, of the party that has most of them, `except` left out. */
  spare(except?: string): Client | undefined {
    const excepted = except === undefined
      ? undefined
      : this.#byParty.get(except);
    for (let spare = this.#bySpare.length - 1; spare > 0; spare--) {
      for (const crowd of this.#bySpare[spare]!) {
        if (crowd === excepted) continue;
        const client = spareOf(crowd);
        if (client !== undefined) return client;
      }
    }
    return undefined;
  }

  #rank(crowd: Crowd): void {
    const { spare } = crowd;
    while (this.#bySpare.length <= spare) this.#bySpare.push(new Set());
    this.#bySpare[spare]!.add(crowd);
    while (this.#bySpare.at(-1)?.size === 0) this.#bySpare.pop();
  }
}

function spareOf({ unconfirmed, idle, spare }: Crowd): Client | undefined {
  const [oldest] = unconfirmed;
  if (unconfirmed.size > spare * UNCONFIRMED_SHARE) return oldest;
  let looks = 0;
  for (const [client, heardAt] of idle) {
    if (client.renewedAt !== heardAt && looks++ < MAX_LOOKS) {
      idle.delete(client);
      idle.set(client, client.renewedAt);
      continue;
    }
    // What it is waiting for would have no session to be answered on.
    if (![...client.sessions].some(({ slots }) => slots.busy > 0)) {
      return client;
    }
  }
  return oldest;
}
