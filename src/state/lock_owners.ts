import { guestNameOf, type LockOwner } from "./owners.ts";
import { spreadOf, WideMap } from "./wide_map.ts";

/**
 * NFSv4.0: the lock owners that a client's guests call by one name. The client
 * releases all of them by one request, at once: what is left of each is cleared
 * away in pieces.
 */
export class Namesakes {
  /** What the guests call them: see {@linkcode ownerKey}. */
  readonly name: string;
  /** By {@linkcode LockOwner.key}. */
  readonly owners = new WideMap<string, LockOwner>(spreadOf);
  /** Ranges that they have locked, in all files. */
  ranges = 0;
  /** See {@linkcode LockOwner.isReleased}. */
  isReleased = false;

  constructor(name: string) {
    this.name = name;
  }
}

/** The lock owners of a client that may lock, those of its guests too. */
export class LockOwners {
  readonly #own = new WideMap<string, LockOwner>(spreadOf);
  /** By the names of guests' owners. */
  readonly #ofGuests = new WideMap<string, Namesakes>(spreadOf);

  /** The one with this {@linkcode LockOwner.key}. */
  get(key: string): LockOwner | undefined {
    const name = guestNameOf(key);
    return name === undefined
      ? this.#own.get(key)
      : this.#ofGuests.get(name)?.owners.get(key);
  }

  /** Those that guests call by this name. */
  ofGuests(name: string): Namesakes | undefined {
    return this.#ofGuests.get(name);
  }

  /** Adds one, whose key none has. */
  add(owner: LockOwner): void {
    const { key } = owner;
    const name = guestNameOf(key);
    if (name === undefined) return void this.#own.set(key, owner);
    let namesakes = this.#ofGuests.get(name);
    if (namesakes === undefined) {
      namesakes = new Namesakes(name);
      this.#ofGuests.set(name, namesakes);
    }
    namesakes.owners.set(key, owner);
    owner.namesakes = namesakes;
  }

  /** Forgets one; returns whether it was known. */
  delete(owner: LockOwner): boolean {
    const { key, namesakes } = owner;
    const { owners } = namesakes ?? { owners: this.#own };
    // There may be another one by that name already.
    if (owners.get(key) !== owner) return false;
    owners.delete(key);
    if (namesakes?.owners.size === 0) this.#forget(namesakes);
    return true;
  }

  /** None of these is known from now on. */
  release(namesakes: Namesakes): void {
    namesakes.isReleased = true;
    this.#forget(namesakes);
  }

  #forget(namesakes: Namesakes): void {
    const { name } = namesakes;
    // There may be new ones by that name already.
    if (this.#ofGuests.get(name) === namesakes) this.#ofGuests.delete(name);
  }
}
