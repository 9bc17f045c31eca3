import { assert, assertEquals } from "@std/assert";
import { EvenShares } from "../../src/base/even_shares.ts";

function fill(shares: EvenShares<string>, name: string): number {
  let taken = 0;
  for (; !shares.isFull(name); taken++) shares.take(name);
  return taken;
}

Deno.test("one has as many as are left, however many take all that they may", () => {
  const shares = new EvenShares<string>(96);
  assertEquals(fill(shares, "a"), 48);
  assertEquals(fill(shares, "b"), 24);
  assertEquals(fill(shares, "c"), 12);
  assert(shares.isFull("d", 1 / 2) === false);
  for (let i = 0; i < 24; i++) shares.give("a");
  assert(!shares.isFull("c"));
});

Deno.test("where others have more than there are one still has a few, up to twice as many in all", () => {
  const shares = new EvenShares<string>(32);
  for (let i = 0; i < 40; i++) shares.take("host user");
  assertEquals(fill(shares, "a"), 2);
  let parties = 1;
  while (fill(shares, `${parties}`) > 1) parties++;
  assertEquals(shares.size, 65);
  assertEquals(fill(shares, "newcomer"), 1);
  for (let i = 0; i < 40; i++) shares.give("host user");
  assert(!shares.isFull("a"));
});
