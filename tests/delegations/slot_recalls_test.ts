/** Sessions whose clients are asked by CB_RECALL_SLOT to use fewer slots. */

import { assertEquals } from "@std/assert";
import type { CallbackRequest } from "../../src/backchannel/callback_request.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { SlotRecalls } from "../../src/delegations/slot_recalls.ts";
import { Direction } from "../../src/nfs4/sessions.ts";
import { eventually, Fixture } from "../backchannel/fixture.ts";
import { StateFixture } from "../state/fixture.ts";
import { clientOf, sessionOf } from "../state/session_fixture.ts";
import { testConnection } from "../support/connection.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { op } from "../support/client/mod.ts";
import { answer } from "./keeper_fixture.ts";

/** A session of eight slots, and a way to its client that the test is. */
function start() {
  const fixture = new StateFixture();
  const { state } = fixture;
  const session = sessionOf(fixture, clientOf(fixture));
  state.sessions.bind(session, testConnection(), Direction.BACK);
  session.isPathProven = true;
  const sent: CallbackRequest[] = [];
  const recalls = new SlotRecalls({
    sendOver: (_session, request) => sent.push(request),
  });
  return { session, sent, recalls };
}

/** The highest slots that were asked for. */
function targets(sent: readonly CallbackRequest[]) {
  return sent.map(({ operations: [operation] }) => operation!.args);
}

Deno.test("a session is asked once at a time, and then for what has been wanted since", () => {
  const { session, sent, recalls } = start();
  session.slots.setTarget(4);
  recalls.recall(session);
  session.slots.setTarget(2);
  recalls.recall(session);
  session.slots.setTarget(1);
  recalls.recall(session);
  assertEquals([targets(sent), recalls.size], [[{ target: 3 }], 1]);
  answer(sent[0]!, 0);
  assertEquals(targets(sent).slice(1), [{ target: 0 }]);
  answer(sent[1]!, 0);
  assertEquals([sent.length, recalls.size], [2, 0]);
});

Deno.test("a callback that has lost its point is not sent", () => {
  const { session, sent, recalls } = start();
  session.slots.setTarget(4);
  recalls.recall(session);
  assertEquals(sent[0]!.wanted!(), true);
  session.slots.setTarget(8);
  assertEquals(sent[0]!.wanted!(), false);
  sent[0]!.done({ kind: "stopped" });
  assertEquals([sent.length, recalls.size], [1, 0]);
});

Deno.test("who can't be called is not, and hears it by SEQUENCE", () => {
  const { session, sent, recalls } = start();
  session.slots.setTarget(4);
  session.isPathProven = false;
  recalls.recall(session);
  assertEquals(sent, []);
  session.isPathProven = true;
  recalls.recall(session);
  session.slots.setTarget(2);
  for (const kind of ["full", "failed"] as const) {
    sent.at(-1)!.done({ kind, reason: "" });
    assertEquals(recalls.size, 0);
    recalls.recall(session);
  }
  assertEquals(targets(sent), [{ target: 3 }, { target: 1 }, { target: 1 }]);
});

Deno.test("a client that keeps too much is asked over its connection, and what it uses no more is free", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({
    clock,
    limits: { maxReplayCacheBytes: 2_500 },
  });
  const session = await fixture.session();
  // A kept reply takes 256 bytes at least.
  for (let slotid = 0; slotid < 12; slotid++) {
    await session.prepare([op.putrootfh()], { slotid }).send();
  }
  const bytes = async () => (await fixture.metrics()).get("replay_cache_bytes");
  assertEquals(await bytes(), 12 * 256);
  const asked = () =>
    session.client.callbacks.calls.flatMap(({ compound }) =>
      compound?.ops ?? []
    ).filter(({ op }) => op !== "SEQUENCE");
  clock.advance(1_000);
  await eventually("CB_RECALL_SLOT", async () => {
    await nextTurn();
    return asked().length > 0;
  });
  assertEquals(asked(), [
    { op: "RECALL_SLOT", args: { targetHighestSlotid: 7 } },
  ]);
  const sequence = async () => {
    const options = { slotid: 0, highestSlotid: 7 };
    const reply = await session.prepare([], options).send();
    const { highestSlotid, targetHighestSlotid } = reply.get("SEQUENCE");
    return [highestSlotid, targetHighestSlotid];
  };
  assertEquals([await sequence(), await sequence()], [[15, 7], [7, 7]]);
  assertEquals(await bytes(), 8 * 256);
  const metrics = await fixture.metrics();
  assertEquals(metrics.get("slot_recalls_total"), 1);
});
