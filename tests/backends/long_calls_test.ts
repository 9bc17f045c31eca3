import { assertEquals } from "@std/assert";
import {
  isFarFrom,
  isLarge,
  isLongToFree,
} from "../../src/backends/common/long_calls.ts";

const MIB = 2 ** 20;

/** Size and bytes taken of a file, another size, and whether the host takes long to bring it there. */
const changes: readonly [size: number, used: number, to: number, boolean][] = [
  // A file of one piece, or of as many as its pages.
  [100_000, 102_400, 0, false],
  [MIB, MIB, 0, true],
  [MIB, MIB, MIB - 100_000, false],
  // A few pieces behind holes, and many.
  [15 * MIB, 100_000, 0, false],
  [15 * MIB, MIB, 0, true],
  // What it takes may all be before the end that it gets, but need not be.
  [15 * MIB, MIB, 10 * MIB, true],
  // Holes alone: pages of them may be kept.
  [17 * MIB, 0, 0, true],
  // Room that was set aside.
  [0, MIB, 0, true],
  [0, 0, 16 * MIB, false],
  [0, 0, 17 * MIB, true],
];

Deno.test("what the host takes long for goes by bytes, and by the pieces that they may be in", () => {
  for (const [size, used, to, isFar] of changes) {
    const stored = { size, used };
    assertEquals(isFarFrom(stored, to), isFar, `${size}, ${used} -> ${to}`);
    if (to === 0) assertEquals(isLongToFree(stored), isFar);
  }
  assertEquals(isLarge({ size: 15 * MIB, used: MIB }), false);
  assertEquals(isLarge({ size: 17 * MIB, used: 0 }), true);
});
