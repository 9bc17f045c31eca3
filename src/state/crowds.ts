import type { Client } from "./client.ts";

/** The clients of one party. */
class Crowd {
  /** All of them. */
  size = 0;
  /** Those that have yet to be confirmed, the oldest first. */
  readonly unconfirmed = new Set<Client>();
  /** Confirmed ones that hold nothing, the oldest first. */
  readonly idle = new Set<Client>();

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
    put(crowd.unconfirmed, client, !client.isGone && !client.isConfirmed);
    put(crowd.idle, client, isIdle);
    const after = crowd.spare;
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

  /** The oldest client of a party that loses nothing when it goes, unconfirmed ones before others. */
  spareOf(party: string): Client | undefined {
    const crowd = this.#byParty.get(party);
    return crowd && spareOf(crowd);
  }

  /** The same, of the party that has most of them. */
  spare(): Client | undefined {
    for (let spare = this.#bySpare.length - 1; spare > 0; spare--) {
      for (const crowd of this.#bySpare[spare]!) {
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

function put(set: Set<Client>, client: Client, belongs: boolean): void {
  if (belongs) set.add(client);
  else set.delete(client);
}

function spareOf({ unconfirmed, idle }: Crowd): Client | undefined {
  for (const client of unconfirmed) return client;
  for (const client of idle) {
    // What it is waiting for would have no session to be answered on.
    if (![...client.sessions].some(({ slots }) => slots.busy > 0)) {
      return client;
    }
  }
  return undefined;
}
