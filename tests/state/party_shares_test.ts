import { assert, assertEquals } from "@std/assert";
import { partyOf } from "../../src/rpc/party.ts";
import { mayHaveMore } from "../../src/state/party_shares.ts";

const LIMIT = 1_000_000;

/** The party of a user of this host. */
function user(uid: number): string {
  return partyOf({ hostname: "127.0.0.1", port: 700 }, uid);
}

/** What is held of {@linkcode LIMIT}, by party; root is told apart where it is said so. */
class Holdings {
  readonly #held = new Map<string, number>();
  readonly #tellsRoot: boolean;

  constructor({ tellsRoot = false } = {}) {
    this.#tellsRoot = tellsRoot;
  }

  get used(): number {
    return this.#held.values().reduce((sum, held) => sum + held, 0);
  }

  /** Takes what a party may have, in pieces of 10; returns how much it holds. */
  fill(party: string): number {
    for (let held = this.#held.get(party) ?? 0;; held += 10) {
      this.#held.set(party, held);
      const root = this.#held.get(user(0)) ?? 0;
      const ofRoot = this.#tellsRoot ? root : undefined;
      const shared = { limit: LIMIT, used: this.used, ofRoot };
      if (!mayHaveMore(party, held, shared)) return held;
    }
  }
}

Deno.test("a party has three quarters alone, the second three quarters of the rest", () => {
  const holdings = new Holdings();
  assertEquals(holdings.fill("a"), 750_000);
  assertEquals(holdings.fill("b"), 187_500);
});

Deno.test("the twentieth party still finds something, where all before took what they might", () => {
  const holdings = new Holdings();
  const held = Array.from({ length: 20 }, (_, i) => holdings.fill(`${i}`));
  assert(held[4]! > 4_000, `the fifth: ${held[4]}`);
  assert(held[9]! > 400, `the tenth: ${held[9]}`);
  assert(held[19]! > 50, `the last: ${held[19]}`);
});

Deno.test("no number of users takes from root of their host the sixteenth that is kept for it", () => {
  const holdings = new Holdings({ tellsRoot: true });
  for (let i = 0; i < 200; i++) holdings.fill(user(100_000 + i));
  assert(holdings.used <= LIMIT * 15 / 16, `${holdings.used}`);
  assert(holdings.fill(user(0)) >= LIMIT / 16);
});

Deno.test("root that has its part leaves the others what there is besides", () => {
  const holdings = new Holdings({ tellsRoot: true });
  assertEquals(holdings.fill(user(0)), 750_000);
  assertEquals(holdings.fill(user(1000)), 187_500);
});

Deno.test("where the host does not tell who root is nothing is kept", () => {
  const holdings = new Holdings();
  assertEquals(holdings.fill(user(1000)), 750_000);
});

Deno.test("without a limit there is room for all", () => {
  const shared = { limit: Infinity, used: 1e12, ofRoot: 0 };
  for (const uid of [0, 1000]) assert(mayHaveMore(user(uid), 1e12, shared));
});
