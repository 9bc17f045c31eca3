import type { Client } from "./client.ts";

/** Clients in two lines, the longest known ones of each first. */
class Lines {
  /** Those that hold nothing. */
  readonly idle = new Set<Client>();
  /** The others. */
  readonly holding = new Set<Client>();

  get size(): number {
    return this.idle.size + this.holding.size;
  }

  place(client: Client, hasLapsed: boolean): void {
    const { isEmpty } = client.states;
    if (hasLapsed && isEmpty) this.idle.add(client);
    else this.idle.delete(client);
    if (hasLapsed && !isEmpty) this.holding.add(client);
    else this.holding.delete(client);
  }
}

/** Which of them are meant; all if left out. */
export interface WhichLapsed {
  /** Those of this party. */
  readonly party?: string | undefined;
  /** Those of which it says so. */
  readonly mayGo?: (client: Client) => boolean;
}

/** Clients whose lease had run out when they were looked at last, of all and by party. */
export class LapsedClients {
  readonly #all = new Lines();
  readonly #byParty = new Map<string, Lines>();

  /** How many they are. */
  get size(): number {
    return this.#all.size;
  }

  /** A client was looked at, or is gone. */
  place(client: Client, hasLapsed: boolean): void {
    const { party } = client;
    this.#all.place(client, hasLapsed);
    let lines = this.#byParty.get(party);
    if (lines === undefined) {
      if (!hasLapsed) return;
      this.#byParty.set(party, lines = new Lines());
    }
    lines.place(client, hasLapsed);
    if (lines.size === 0) this.#byParty.delete(party);
  }

  /**
   * One whose lease has run out by now, the longest known ones first and those that
   * hold nothing before others.
   */
  first(
    hasLapsed: (client: Client) => boolean,
    { party, mayGo = () => true }: WhichLapsed,
  ): Client | undefined {
    const lines = party === undefined ? this.#all : this.#byParty.get(party);
    if (lines === undefined) return undefined;
    for (const line of [lines.idle, lines.holding]) {
      for (const client of line) {
        // It may have come back, or come to hold something, since the last look.
        const isIdle = client.states.isEmpty;
        const isLapsed = hasLapsed(client);
        if (!isLapsed || isIdle !== (line === lines.idle)) {
          this.place(client, isLapsed);
        } else if (mayGo(client)) return client;
      }
    }
    return undefined;
  }
}
