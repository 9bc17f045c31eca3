import { testConnection } from "../support/connection.ts";
import { finish } from "../../src/state/effects.ts";
import { assert, assertEquals } from "@std/assert";
import { Direction } from "../../src/nfs4/sessions.ts";
import { Client } from "../../src/state/client.ts";
import { KeptReplies } from "../../src/state/kept_replies.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import type { Session } from "../../src/state/session.ts";
import type { SlotTable } from "../../src/state/slot_table.ts";
import { StateFixture } from "./fixture.ts";
import { clientOf, sessionOf } from "./session_fixture.ts";

Deno.test("kept replies above the limit make the server ask for fewer slots, room gives them back", () => {
  const fixture = new StateFixture({ maxReplayCacheBytes: 1_000 });
  const { sessions, replyLimit } = fixture.state;
  const session = sessionOf(fixture, clientOf(fixture));
  sessions.bind(session, testConnection(), Direction.FORE);
  const { slots } = session;
  keep(slots, 0, 600);
  finish(replyLimit.sweep());
  assertEquals(slots.target, 7);
  keep(slots, 1, 600);
  finish(replyLimit.sweep());
  assertEquals(slots.target, 3);
  for (let i = 0; i < 4; i++) finish(replyLimit.sweep());
  assertEquals([slots.target, slots.highest], [0, 7]);
  slots.shrink(slots.slot(0)!, 0);
  slots.shrink(slots.slot(0)!, 0);
  assertEquals([slots.highest, sessions.usage.replayCacheBytes], [0, 600]);
  slots.slot(0)!.release();
  finish(replyLimit.sweep());
  assertEquals([slots.target, slots.highest], [7, 7]);
});

Deno.test("who goes on filling slots loses its sessions, the idle ones without a connection first", () => {
  const fixture = new StateFixture({ maxReplayCacheBytes: 1_000 });
  const { sessions, replyLimit } = fixture.state;
  const begun = (i: number) => {
    fixture.clock.advance(1);
    const session = sessionOf(fixture, clientOf(fixture, i));
    if (i > 1) sessions.bind(session, testConnection(), Direction.FORE);
    return session;
  };
  const empty = begun(0);
  const lost = begun(1);
  const older = begun(2);
  const newer = begun(3);
  const busy = begun(4);
  for (const { slots } of [lost, older, newer, busy]) keep(slots, 0, 600);
  busy.slots.slot(1)!.begin(request);
  assertEquals(sessions.usage.replayCacheBytes, 2_400);
  finish(replyLimit.sweep());
  assertEquals(lost.isDestroyed, true);
  // 1,800 bytes: too many, but those who are there get time to comply.
  assertEquals([older.isDestroyed, newer.isDestroyed], [false, false]);
  keep(newer.slots, 1, 600);
  finish(replyLimit.sweep());
  assertEquals([older.isDestroyed, newer.isDestroyed], [true, false]);
  keep(busy.slots, 2, 900);
  finish(replyLimit.sweep());
  assertEquals([newer.isDestroyed, busy.isDestroyed], [true, false]);
  assertEquals(empty.isDestroyed, false);
});

Deno.test("whoever fills the memory of kept replies, no client loses what is within its share", () => {
  const fixture = new StateFixture({ maxReplayCacheBytes: 10_000 });
  const { sessions, replyLimit } = fixture.state;
  const quiet = sessionOf(fixture, clientOf(fixture, 1));
  keep(quiet.slots, 0, 256);
  fixture.clock.advance(1_000);
  const hoarders = [2, 3, 4, 5].map((owner) => clientOf(fixture, owner));
  const busy = [...hoarders, ...hoarders].map((hoarder) => {
    const session = sessionOf(fixture, hoarder);
    sessions.bind(session, testConnection(), Direction.FORE);
    keep(session.slots, 0, 4_000);
    session.slots.slot(1)!.begin(request);
    return session;
  });
  finish(replyLimit.sweep());
  assertEquals([quiet.isDestroyed, quiet.slots.target], [false, 7]);
  assertEquals(busy.at(-1)!.slots.target, 3);
  const left = busy.filter(({ isDestroyed }) => !isDestroyed).length;
  assertEquals(left, 4);
  assert(sessions.usage.replayCacheBytes <= 20_000);
});

/** A client of a party, that no table knows. */
function partyMember(party: string): Client {
  return new Client({
    ...{ id: 1n, protocol: 1, owner: new Uint8Array(1), principal: "sys:0" },
    verifier: new Uint8Array(8),
    account: new StateBudget().account(party),
    renewedAt: 0,
    party,
  });
}

Deno.test("of kept replies a part is root's, however many users of the host have some", () => {
  const kept = new KeptReplies();
  const root = partyMember("user 0");
  kept.add(root, 60);
  for (let uid = 100_000; uid < 100_100; uid++) {
    kept.add(partyMember(`user ${uid}`), 20);
  }
  assertEquals(kept.isAboveShare(root, 1_000), false);
  kept.add(root, 20);
  assertEquals(kept.isAboveShare(root, 1_000), true);
});

Deno.test("of kept replies each party has a share, however many clients it has", () => {
  const kept = new KeptReplies();
  const honest = partyMember("192.0.2.1");
  kept.add(honest, 400);
  const many = Array.from({ length: 100 }, () => partyMember("192.0.2.2"));
  for (const each of many) kept.add(each, 20);
  assertEquals(kept.isAboveShare(honest, 1_000), false);
  assertEquals(
    many.map((each) => kept.isAboveShare(each, 1_000)).includes(false),
    false,
  );
  kept.add(honest, 200);
  assertEquals(kept.isAboveShare(honest, 1_000), true);
});

Deno.test("where memory is short a session that keeps much is asked for fewer slots, once it has complied for fewer still", () => {
  const fixture = new StateFixture();
  const { sessions, replyLimit, budget } = fixture.state;
  const client = clientOf(fixture);
  const { slots } = sessionOf(fixture, client);
  const { slots: light } = sessionOf(fixture, client);
  for (let id = 0; id < 8; id++) keep(slots, id, 4_000);
  keep(light, 0, 4_000);
  budget.limit = 1.2 * budget.used;
  assertEquals(budget.isTight, true);
  for (let i = 0; i < 3; i++) finish(replyLimit.sweep());
  assertEquals([slots.target, light.target], [3, 7]);
  assertEquals(replyLimit.asked, 1);
  comply(slots);
  assertEquals(sessions.usage.replayCacheBytes, 20_000);
  budget.limit = 1.2 * budget.used;
  finish(replyLimit.sweep());
  assertEquals([slots.target, light.target], [1, 7]);
  comply(slots);
  // Neither much nor little is free.
  budget.limit = 1.8 * budget.used;
  finish(replyLimit.sweep());
  assertEquals(slots.target, 1);
  budget.limit = 2.1 * budget.used;
  finish(replyLimit.sweep());
  assertEquals([slots.target, slots.highest], [7, 7]);
});

Deno.test("where memory is short who has little of it keeps its slots", () => {
  const fixture = new StateFixture();
  const { replyLimit, budget } = fixture.state;
  const { slots } = sessionOf(fixture, clientOf(fixture));
  for (let id = 0; id < 8; id++) keep(slots, id, 4_000);
  const others = budget.account("others");
  others.count("reply", 1, 1_000_000);
  budget.limit = 1.2 * budget.used;
  assertEquals([budget.isTight, others.isNearlyFull], [true, true]);
  finish(replyLimit.sweep());
  assertEquals(slots.target, 7);
});

Deno.test("a silent session is told at once that it should use fewer slots, one at work by its next request", () => {
  const fixture = new StateFixture({ maxReplayCacheBytes: 1_000 });
  const { replyLimit } = fixture.state;
  const recalled: Session[] = [];
  replyLimit.recaller = { recall: (session) => recalled.push(session) };
  const client = clientOf(fixture);
  const [silent, busy] = [
    sessionOf(fixture, client),
    sessionOf(fixture, client),
  ];
  for (const session of [silent, busy]) {
    fixture.state.sessions.bind(session, testConnection(), Direction.FORE);
    keep(session.slots, 0, 600);
  }
  busy.slots.slot(1)!.begin(request);
  finish(replyLimit.sweep());
  assertEquals([silent.slots.target, busy.slots.target], [3, 3]);
  assertEquals(recalled, [silent]);
  for (let i = 0; i < 5; i++) finish(replyLimit.sweep());
  // To one slot, and no more often than it takes.
  assertEquals([recalled.length, replyLimit.asked], [3, 6]);
});

/** A request whose answer is to be kept. */
const request = {
  sequence: 1,
  cacheThis: true,
  principal: "sys:0",
  bytes: new Uint8Array(0),
  start: 0,
  end: 0,
};

/** Has a slot keep an answer of so many bytes. */
function keep(slots: SlotTable, id: number, length: number): void {
  slots.slot(id)!.begin(request);
  slots.slot(id)!.finish(new Uint8Array(length));
}

/** The client has heard of the target, and uses no slot above. */
function comply(slots: SlotTable): void {
  for (let i = 0; i < 2; i++) slots.shrink(slots.slot(0)!, slots.target);
}
