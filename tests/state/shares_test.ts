/** What an OPEN costs, however many its file and its client have: counted, not timed. */

import { assert, assertEquals } from "@std/assert";
import { delegationFor } from "../../src/delegations/grant_rules.ts";
import { Want } from "../../src/state/delegations.ts";
import { addOpen, type OpenState } from "../../src/state/opens.ts";
import { addOpenOwner, OpenOwner } from "../../src/state/owners.ts";
import type { Client } from "../../src/state/client.ts";
import { fileRef, StateFixture } from "./fixture.ts";

const N = 10_000;
const READ = 1;
const WRITE = 2;

/** A client with so many opens of the file "x". */
function opener({ state }: StateFixture, clientName: string) {
  const client: Client = state.clients.register({
    protocol: 1,
    owner: new TextEncoder().encode(clientName),
    verifier: new Uint8Array(8),
    principal: "sys:0",
  })!;
  const file = state.files.obtain(fileRef("x"), client);
  let count = 0;
  return (access: number, deny = 0): OpenState => {
    const owner = new OpenOwner(client, `owner ${count++}`);
    addOpenOwner(owner);
    const open = addOpen(state, { owner, file, uid: 0 });
    open.share(access, deny);
    return open;
  };
}

/** How often the opens of `count` are asked whose they are, or what they share, by `work`. */
function looksAt(opens: readonly OpenState[], work: () => void): number {
  let looks = 0;
  for (const open of opens) {
    for (const name of ["client", "access", "deny"] as const) {
      const value = open[name];
      Object.defineProperty(open, name, {
        configurable: true,
        get: () => (looks++, value),
      });
    }
  }
  work();
  return looks;
}

Deno.test("an OPEN looks at a few of the opens of its file, its own client's or others'", () => {
  const fixture = new StateFixture();
  const mine = opener(fixture, "mine");
  const opens = Array.from({ length: N }, () => mine(READ));
  const another = mine(WRITE);
  const looks = looksAt(opens, () => {
    assertEquals(delegationFor(another, Want.WRITE), "write");
    assertEquals(another.file.shares.conflict(WRITE, 0), undefined);
    assert(another.file.shares.conflict(READ, READ) !== undefined);
  });
  assert(looks < 20, `${looks} looks at ${N} opens`);
});

Deno.test("somebody else's open is found behind any number of one's own", () => {
  const fixture = new StateFixture();
  const mine = opener(fixture, "mine");
  const opens = Array.from({ length: N }, () => mine(READ));
  const other = opener(fixture, "other")(WRITE);
  const looks = looksAt(opens, () => {
    assertEquals(typeof delegationFor(opens[0]!, Want.READ), "number");
    const { shares } = other.file;
    assertEquals(shares.isOpenForOthers(opens[0]!.client, WRITE), true);
    assertEquals(shares.conflict(READ, WRITE), other);
  });
  assert(looks < 20, `${looks} looks at ${N} opens`);
});
