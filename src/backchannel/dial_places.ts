import type { V40CallbackPath } from "./v40_callback_path.ts";

/** The place of one connection, until it has ended. */
export interface DialPlace {
  /** Gives it back; again is no harm. */
  release(): void;
}

/**
 * The places for connections that the server dials: so many in all, and of one
 * party, so that its clients leave some to those of others. Where
 * there is none left, the connection gives its place that was not used for longest.
 */
export class DialPlaces {
  readonly #most: number;
  readonly #mostOfParty: number;
  readonly #taken = new Map<DialPlace, V40CallbackPath>();

  /** `most` in all, `mostOfParty` of one party. */
  constructor(most: number, mostOfParty: number) {
    this.#most = most;
    this.#mostOfParty = mostOfParty;
  }

  /** Places that are taken: by connections that are there, or being made. */
  get taken(): number {
    return this.#taken.size;
  }

  /** A place for the path's connection; `undefined` where all are in use. */
  take(path: V40CallbackPath): DialPlace | undefined {
    const isNeighbour = ({ client }: V40CallbackPath): boolean =>
      client.party === path.client.party;
    const hasRoom = this.#keepBelow(this.#mostOfParty, isNeighbour) &&
      this.#keepBelow(this.#most, () => true);
    if (!hasRoom) return undefined;
    const place = { release: () => void this.#taken.delete(place) };
    this.#taken.set(place, path);
    return place;
  }

  /** Has the longest unused of those that count give way, where there are as many; whether there are fewer now. */
  #keepBelow(
    most: number,
    counts: (path: V40CallbackPath) => boolean,
  ): boolean {
    if (this.#taken.size < most) return true;
    let count = 0;
    let oldest: [DialPlace, V40CallbackPath] | undefined;
    for (const entry of this.#taken) {
      const [, path] = entry;
      if (!counts(path)) continue;
      count++;
      const isIdle = path.inFlight === 0 && path.connection !== undefined;
      if (isIdle && (oldest === undefined || path.usedAt < oldest[1].usedAt)) {
        oldest = entry;
      }
    }
    if (count < most) return true;
    if (oldest === undefined) return false;
    const [place, path] = oldest;
    place.release();
    path.connection?.close("evicted");
    return true;
  }
}
