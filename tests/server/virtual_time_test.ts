/** What a server does in the course of time, by a clock that the test moves: nothing waits for the machine's. */

import { assert, assertEquals } from "@std/assert";
import { Share, Status } from "../../src/nfs4/constants.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { eventually, Fixture, hold, write } from "../backchannel/fixture.ts";
import { openRequests, SequenceStatus } from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";

const SECOND = 1_000;
/** The times of every server: a lease of 90 s, and callbacks as that wants them. */
const USUAL = { callbacks: {} };

/** Moves a clock on, second by second, and lets what that leads to happen. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    clock.advance(SECOND);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
  }
}

Deno.test("a recall without an answer goes out again after 15 and 35 s, and the delegation is gone after a lease", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({ clock, ...USUAL });
  const holder = await fixture.session();
  const other = await fixture.session();
  await hold(holder, "f");
  const { callbacks } = holder.client;
  const sent = () => callbacks.calls.filter(({ compound }) => compound).length;
  callbacks.always({ kind: "silent" });
  assertEquals((await write(other, "f")).status, Status.DELAY);
  await eventually("the recall", () => sent() === 1);
  await pass(clock, 14);
  assertEquals(sent(), 1);
  await pass(clock, 1);
  await eventually("the second attempt", () => sent() === 2);
  await pass(clock, 19);
  assertEquals(sent(), 2);
  await pass(clock, 1);
  await eventually("the third attempt", () => sent() === 3);
  assertEquals(callbacks.recalls.length, 1);
  await holder.compound([]);
  await other.compound([]);
  await pass(clock, 54);
  assertEquals((await write(other, "f")).status, Status.DELAY);
  await pass(clock, 1);
  assertEquals((await write(other, "f")).status, Status.OK);
  await holder.compound([]);
  assert(holder.statusFlags & SequenceStatus.RECALLABLE_STATE_REVOKED);
});

Deno.test("what a silent client holds is free when its lease has run out", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({ clock, delegations: false });
  const holder = await fixture.session();
  const other = await fixture.session();
  const access = Share.ACCESS_READ;
  await holder.open(["f"], { access, deny: Share.ACCESS_BOTH });
  const { clientid } = other.client;
  const open = (status: number) =>
    other.expectStatus(
      status,
      openRequests(["f"], { access, clientid, owner: "reader" }),
    );
  await pass(clock, 89);
  await open(Status.SHARE_DENIED);
  await pass(clock, 2);
  await open(Status.OK);
});

Deno.test("a connection that never calls is closed when the clock says so", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({ clock });
  using silent = await Deno.connect({ port: fixture.server.port });
  // It has been accepted when one that came later is served.
  await fixture.session();
  const end = silent.read(new Uint8Array(1));
  await pass(clock, 29);
  assertEquals(await Promise.race([end, nextTurn()]), undefined);
  await pass(clock, 6);
  assertEquals(await end, null);
});

Deno.test("closing lingers for its peers by the clock, and leaves no timer", async () => {
  const clock = new FakeClock();
  const fixture = await Fixture.open({ clock });
  using _peer = await Deno.connect({ port: fixture.server.port });
  await fixture.session();
  let isClosed = false;
  const closed = fixture.server.server.close().then(() => isClosed = true);
  await pass(clock, 0);
  assertEquals(isClosed, false);
  await pass(clock, 1);
  await closed;
  assertEquals(clock.pending, 0);
  await fixture[Symbol.asyncDispose]();
});
