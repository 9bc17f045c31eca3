import { Buffer } from "node:buffer";
import { EvenShares } from "../base/even_shares.ts";

/** A call of a file system, and what it is of. */
export interface Call {
  readonly method: string;
  /** The file; of what has a name in it, the folder. */
  readonly node?: object;
  /** In place of a node, where there is none yet. */
  readonly identity?: Uint8Array;
  /** The name that it is of. */
  readonly name?: string;
}

/** So many calls of one method that are overdue at one file, or name, keep others from being made there. */
export const MOST_AT_ONE = 4;

/** For whom an overdue call was made, and what it is of. */
export interface OverdueCall {
  readonly party: string;
  /** See {@linkcode targetOf}. */
  readonly target: string | undefined;
}

/**
 * The calls of a file system that were given up and still go on. A file whose
 * calls never return costs few of them, and a party that asks for many such files
 * half of all: it takes none from the other parties.
 */
export class OverdueCalls {
  /** What a party has at most of what is shared out; all beyond is its own. */
  readonly #half: number;
  readonly #shares: EvenShares<string>;
  readonly #parties = new Map<string, number>();
  readonly #targets = new Map<string, number>();
  #count = 0;

  constructor(most: number) {
    this.#half = Math.ceil(most / 2);
    this.#shares = new EvenShares(most);
  }

  /** How many there are, of all parties. */
  get count(): number {
    return this.#count;
  }

  /** Whether there are parties for which nothing more is asked. */
  get areTooMany(): boolean {
    for (const party of this.#parties.keys()) {
      if (this.isFull(party)) return true;
    }
    return false;
  }

  /** Whether a party has so many that more would only be waste of memory. */
  isFull(party: string): boolean {
    return this.#shares.isFull(party);
  }

  /** Whether what a call is of has so many of its method already. */
  isHung(target: string | undefined): boolean {
    return target !== undefined &&
      (this.#targets.get(target) ?? 0) >= MOST_AT_ONE;
  }

  /** A call was given up. */
  add({ party, target }: OverdueCall): void {
    this.#count++;
    // Many may be given up at once: the others' part is not to shrink by those.
    if (count(this.#parties, party, 1) <= this.#half) this.#shares.take(party);
    if (target !== undefined) count(this.#targets, target, 1);
  }

  /** It has returned after all. */
  delete({ party, target }: OverdueCall): void {
    this.#count--;
    if (count(this.#parties, party, -1) < this.#half) this.#shares.give(party);
    if (target !== undefined) count(this.#targets, target, -1);
  }
}

/** Tells calls of one method at one file, or name in a folder, from all others. */
export function targetOf(
  { method, node, identity, name = "" }: Call,
  identify: (node: object) => Uint8Array,
): string {
  const id = node === undefined ? identity : identify(node);
  const hex = id === undefined ? "" : Buffer.from(id).toString("hex");
  return `${method} ${hex} ${name}`;
}

/** There are so many more of one; returns how many that makes. */
function count(counts: Map<string, number>, key: string, more: number): number {
  const now = (counts.get(key) ?? 0) + more;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
  return now;
}
