/**
 * How reclaimed delegations are returned that are asked back in the grace period:
 * their holders have locks under them that the server is to hold before
 * (RFC 8881 10.4.2).
 */

import { assertEquals } from "@std/assert";
import { op, type Stateid, walk } from "../support/client/mod.ts";
import { AT_FILE, type StateClient } from "../engine/state_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import { NOTHING_HELD, start } from "./keeper_fixture.ts";

const READ = 1;
const WRITE = 2;
const CHMOD = [...walk(["file"]), op.setattr({ mode: 0o640 })];

type Minor = 0 | 1;

/** A server in its grace period, a client that has delegations to reclaim, and another, which has changed `file`. */
async function changed({ minor = 1 }: { readonly minor?: Minor } = {}) {
  const started = start({ graceMs: LEASE });
  const { fixture } = started;
  const holder = await fixture.client(minor, { reclaimComplete: false });
  const other = await fixture.client(2, { reclaimComplete: false });
  assertEquals(await other.status(...CHMOD), "OK");
  return { ...started, holder, other };
}

/** Reclaims an open with a delegation of this type. */
async function reclaim(holder: StateClient, delegate: number, name = "file") {
  const claim = { claim: "previous", delegate } as const;
  const open = holder.openOp("", { access: 3, claim, owner: name, seqid: 1 });
  const { delegation, stateid } = await holder.ok(
    "OPEN",
    ...walk([name]),
    open,
  );
  if (delegation.type !== "read" && delegation.type !== "write") {
    throw new Error(delegation.type);
  }
  return { stateid, delegation };
}

/** LOCK under an open of `file`. */
function lock(client: StateClient, openStateid: Stateid, openSeqid = 2) {
  const owner = client.owner(`${openSeqid}`);
  const locker = { openStateid, openSeqid, lockSeqid: 1, owner };
  return client.status(...AT_FILE, op.lock({ locker }));
}

const reclaimComplete = (client: StateClient) =>
  client.status(op.reclaimComplete());

Deno.test("who can't return a reclaimed delegation before the grace period ends is not late with it", async () => {
  const { holder, keeper, way, clock } = await changed();
  assertEquals((await reclaim(holder, READ)).delegation.recall, true);
  assertEquals((await reclaim(holder, READ, "more")).delegation.recall, false);
  clock.advance(LEASE - 1);
  keeper.sweep();
  assertEquals(way.sent, []);
  assertEquals(keeper.held.recalls, 1);
});

for (const minor of [0, 1] as const) {
  Deno.test(`4.${minor}: whose delegation for writing is reclaimed locks in grace what it locked under it, and returns it (RFC 8881 10.4.2)`, async () => {
    const { holder, keeper } = await changed({ minor });
    const { stateid, delegation } = await reclaim(holder, WRITE);
    if (minor === 1) await reclaimComplete(holder);
    assertEquals(await lock(holder, stateid), "OK");
    const back = op.delegreturn(delegation.stateid);
    assertEquals(await holder.status(...AT_FILE, back), "OK");
    assertEquals(keeper.held, NOTHING_HELD);
    // Others may come to the file again.
    assertEquals(await lock(holder, stateid, 3), "GRACE");
  });
}

Deno.test("before RECLAIM_COMPLETE the holder of a delegation for writing has nothing new either (RFC 8881 18.51.3)", async () => {
  const { holder } = await changed();
  const { stateid } = await reclaim(holder, WRITE);
  assertEquals(await lock(holder, stateid), "GRACE");
});

Deno.test("a delegation for reading leaves others locks to reclaim: its holder has no new one in grace (RFC 8881 8.4.2.1)", async () => {
  const { holder } = await changed();
  const { stateid } = await reclaim(holder, READ);
  await reclaimComplete(holder);
  assertEquals(await lock(holder, stateid), "GRACE");
});

Deno.test("the time to return what is wanted in grace counts from the end of the period, however long it lasts", async () => {
  const { holder, other, keeper, way, clock } = await changed();
  const { delegation } = await reclaim(holder, READ);
  assertEquals(await other.status(...CHMOD), "DELAY");
  // What still is reclaimed puts its end off.
  clock.advance(LEASE - 1);
  await reclaim(holder, READ, "more");
  clock.advance(1_000);
  keeper.sweep();
  assertEquals(await other.status(...CHMOD), "DELAY");
  assertEquals(way.sent, []);
  assertEquals(keeper.held.recalls, 1);
  clock.advance(LEASE);
  keeper.sweep();
  const back = op.delegreturn(delegation.stateid);
  assertEquals(await holder.status(...AT_FILE, back), "OK");
  assertEquals(way.sent, []);
});

Deno.test("what is not returned a lease after the grace period is revoked", async () => {
  const { holder, other, keeper, clock } = await changed();
  await reclaim(holder, READ);
  assertEquals(await other.status(...CHMOD), "DELAY");
  for (const expected of ["DELAY", "DELAY", "OK"]) {
    clock.advance(LEASE - (expected === "DELAY" ? 1 : 0));
    assertEquals(await holder.status(op.putrootfh()), "OK");
    keeper.sweep();
    assertEquals(await other.status(...CHMOD), expected);
  }
});
