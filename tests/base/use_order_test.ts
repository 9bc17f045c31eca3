import { assertEquals } from "@std/assert";
import { type Ordered, UseOrder } from "../../src/base/use_order.ts";

class One implements Ordered<One> {
  earlier: One | undefined;
  later: One | undefined;

  constructor(readonly name: string) {}
}

/** The names in order, each of which leaves. */
function emptied(order: UseOrder<One>): string {
  let names = "";
  for (let one = order.first; one !== undefined; one = order.first) {
    names += one.name;
    order.remove(one);
  }
  return names;
}

Deno.test("what is used is the last to go, wherever it was, and what leaves is passed over", () => {
  for (
    const [used, removed, left] of [
      ["", "", "abcd"],
      ["a", "", "bcda"],
      ["b", "", "acdb"],
      ["d", "", "abcd"],
      ["", "a", "bcd"],
      ["", "c", "abd"],
      ["", "d", "abc"],
      ["bca", "d", "bca"],
      ["", "abcd", ""],
    ] as const
  ) {
    const order = new UseOrder<One>();
    const ones = new Map([..."abcd"].map((name) => [name, new One(name)]));
    for (const one of ones.values()) order.add(one);
    for (const name of used) order.use(ones.get(name)!);
    for (const name of removed) order.remove(ones.get(name)!);
    assertEquals(emptied(order), left, `${used}, ${removed}`);
    // What has left may come again.
    for (const one of ones.values()) order.add(one);
    assertEquals(emptied(order), "abcd");
  }
});
