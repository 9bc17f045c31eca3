import { type Ordered, UseOrder } from "./use_order.ts";

/** What of a party is kept, and what all of that weighs. */
interface Keeper<Key> {
  readonly name: string;
  weight: number;
  readonly kept: UseOrder<Kept<Key>>;
}

/** One that is kept. */
interface Kept<Key> extends Ordered<Kept<Key>> {
  readonly key: Key;
  readonly keeper: Keeper<Key>;
  weight: number;
}

/** So many times as much is given up as comes: a limit that falls is kept to by and by. */
const LEAVING = 2;

/**
 * Room for what is kept for as long as there is some. What is kept is of the party
 * that had it made, also where others use it; where there is too much, the party
 * that has most gives up what of its own was used longest ago: so what takes no
 * more than an equal share is pushed out by no other. Where there are places beside
 * the room, what takes more than half of it, or more than the others leave, has one
 * of these, and goes when the next one needs it; where there are none, it may go
 * itself.
 */
export class SharedRoom<Key> {
  /** What all that is kept may weigh, but for what is beside it. */
  most: number;
  readonly #besides: number;
  readonly #giveUp: (key: Key) => void;
  readonly #kept = new Map<Key, Kept<Key>>();
  readonly #keepers = new Map<string, Keeper<Key>>();
  /** What has a place beside the room, what was used longest ago first. */
  readonly #beside = new Set<Kept<Key>>();
  #weight = 0;

  /** `giveUp` is told of each that is given up; `besides` is how many have places beside the room, none if left out. */
  constructor(
    most: number,
    { giveUp, besides = 0 }: {
      readonly giveUp: (key: Key) => void;
      readonly besides?: number | undefined;
    },
  ) {
    this.most = most;
    this.#giveUp = giveUp;
    this.#besides = besides;
  }

  /** What all weighs that is kept, that beside the room too. */
  get weight(): number {
    let weight = this.#weight;
    for (const one of this.#beside) weight += one.weight;
    return weight;
  }

  /** All that is kept, in the order in which it came. */
  keys(): IterableIterator<Key> {
    return this.#kept.keys();
  }

  /** One is there, or there anew, and is the party's. */
  keep(key: Key, party: string, weight: number): void {
    this.delete(key);
    let keeper = this.#keepers.get(party);
    if (keeper === undefined) {
      keeper = { name: party, weight: 0, kept: new UseOrder() };
      this.#keepers.set(party, keeper);
    }
    const one = { key, keeper, weight, earlier: undefined, later: undefined };
    this.#kept.set(key, one);
    keeper.kept.add(one);
    this.#weigh(one, weight);
    this.#makeRoom(one);
  }

  /** One is used: false where it is not kept. */
  use(key: Key): boolean {
    const one = this.#kept.get(key);
    if (one === undefined) return false;
    if (this.#beside.delete(one)) this.#beside.add(one);
    else one.keeper.kept.use(one);
    this.#makeRoom(one);
    return true;
  }

  /** One weighs so much more now, or less. */
  grow(key: Key, weight: number): void {
    const one = this.#kept.get(key);
    if (one === undefined) return;
    one.weight += weight;
    if (!this.#beside.has(one)) this.#weigh(one, weight);
    this.#makeRoom(one);
  }

  /** One is not kept any more. */
  delete(key: Key): void {
    const one = this.#kept.get(key);
    if (one === undefined) return;
    this.#kept.delete(key);
    if (!this.#beside.delete(one)) this.#takeOut(one);
  }

  /** For the one that is used now others give way, as far as they have to. */
  #makeRoom(used: Kept<Key>): void {
    const hasBesides = this.#besides > 0;
    if (hasBesides && used.weight > this.most / 2) this.#putBeside(used);
    for (let left = LEAVING * used.weight; left > 0;) {
      if (this.#weight <= this.most) return;
      const next = this.#nextTo(used);
      if (hasBesides && next === used) this.#putBeside(used);
      else this.#leave(next);
      left -= next.weight;
    }
  }

  /** Which is to go: of the party that has most, which is another one where they have as much. */
  #nextTo({ keeper: own }: Kept<Key>): Kept<Key> {
    let most = own;
    for (const keeper of this.#keepers.values()) {
      if (keeper !== own && keeper.weight >= most.weight) most = keeper;
    }
    return most.kept.first!;
  }

  #putBeside(one: Kept<Key>): void {
    if (this.#beside.has(one)) return;
    this.#takeOut(one);
    this.#beside.add(one);
    if (this.#beside.size <= this.#besides) return;
    this.#leave(this.#beside.values().next().value!);
  }

  #leave({ key }: Kept<Key>): void {
    this.delete(key);
    this.#giveUp(key);
  }

  #takeOut(one: Kept<Key>): void {
    const { keeper, weight } = one;
    keeper.kept.remove(one);
    this.#weigh(one, -weight);
    if (keeper.kept.first === undefined) this.#keepers.delete(keeper.name);
  }

  #weigh({ keeper }: Kept<Key>, weight: number): void {
    keeper.weight += weight;
    this.#weight += weight;
  }
}
