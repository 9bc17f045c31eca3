import type { RandomBytes } from "../../src/base/clock.ts";

/**
 * Numbers that look random and are the same for the same seed: a test that
 * fails prints its seed and can be run again.
 */
export class SeededRandom {
  /** What a failing test prints. */
  readonly seed: number;
  #state: number;

  /** Any 32-bit seed. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** 32 random bits (the mulberry32 generator). */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  }

  /** A whole number of 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.uint32() / 2 ** 32 * limit);
  }

  /** True in one of `n` cases. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** The items in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }

  /** Random bytes, to be handed to whoever takes a {@linkcode RandomBytes}. */
  readonly bytes: RandomBytes = (length) => {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32();
    return bytes;
  };
}
