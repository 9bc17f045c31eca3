import { looksOf } from "../support/looks.ts";
import { testConnection } from "../support/connection.ts";
import { finish } from "../../src/state/effects.ts";
import { assert, assertEquals } from "@std/assert";
import { Direction } from "../../src/nfs4/sessions.ts";
import { Client } from "../../src/state/client.ts";
import { KeptReplies } from "../../src/state/kept_replies.ts";
import { STATE_COSTS, StateBudget } from "../../src/state/state_budget.ts";
import type { Session } from "../../src/state/session.ts";
import type { SlotTable } from "../../src/state/slot_table.ts";
import { SequenceStatus } from "../support/client/mod.ts";
import { type FixtureOptions, StateFixture } from "./fixture.ts";

const CHANNEL = {
  maxRequestSize: 4_096,
  maxResponseSize: 4_096,
  maxResponseSizeCached: 4_096,
  maxOperations: 8,
  maxRequests: 8,
};

function clientOf(fixture: StateFixture, owner = 1): Client {
  const client = fixture.state.clients.register({
    protocol: 1,
    owner: new Uint8Array([owner]),
    verifier: new Uint8Array(8),
    principal: "sys:0",
  })!;
  fixture.state.confirmClient(client);
  return client;
}

function sessionOf(fixture: StateFixture, client: Client): Session {
  const session = fixture.state.sessions.create(client, {
    minorVersion: 1,
    fore: CHANNEL,
    back: CHANNEL,
    callback: { program: 1, credential: { flavor: 0 } },
  });
  if (typeof session === "number") throw new Error(`${session}`);
  return session;
}

function start(options?: FixtureOptions) {
  const fixture = new StateFixture(options);
  const { sessions } = fixture.state;
  const session = sessionOf(fixture, clientOf(fixture));
  fixture.events.length = 0;
  return { fixture, sessions, session, events: fixture.events };
}

Deno.test("a session has many connections, callbacks prefer the one that was active last", () => {
  const { sessions, session } = start();
  const [a, b, c, fore] = [
    testConnection(),
    testConnection(),
    testConnection(),
    testConnection(),
  ];
  for (const connection of [a, b, c]) {
    sessions.bind(session, connection, Direction.BOTH);
  }
  sessions.bind(session, fore, Direction.FORE);
  for (const active of [c, a, fore, b, a]) session.touch(active);
  assertEquals(session.backConnections().indexOf(a), 0);
  const order = session.backConnections();
  assertEquals([order[0] === a, order[1] === b, order[2] === c], [
    true,
    true,
    true,
  ]);
  assertEquals(order.length, 3);
});

Deno.test("a connection has many sessions, and its end leaves all of them", () => {
  const { fixture, sessions, session, events } = start();
  const other = sessionOf(fixture, clientOf(fixture, 2));
  const [shared, own] = [testConnection(), testConnection()];
  sessions.bind(session, shared, Direction.BOTH);
  sessions.bind(other, shared, Direction.FORE);
  sessions.bind(other, own, Direction.BACK);
  events.length = 0;
  fixture.state.connectionClosed(shared);
  assertEquals(events, [
    "unbound 3 connection-closed",
    "backchannel-lost",
    "unbound 1 connection-closed",
  ]);
  assertEquals([session.connections.size, other.connections.size], [0, 1]);
  assertEquals([session.isPathUp, other.isPathUp], [false, true]);
  fixture.state.connectionClosed(shared);
  assertEquals(session.touch(shared), false);
});

Deno.test("a connection that has ended meanwhile is bound to nothing, and the client hears that its back channel is down", () => {
  const { sessions, session, events } = start();
  const ended = testConnection({ closeReason: "transport" });
  sessions.bind(session, ended, Direction.BOTH);
  assertEquals([events, session.connections.size], [[], 0]);
  const live = testConnection();
  sessions.bind(session, live, Direction.FORE);
  const { CB_PATH_DOWN, CB_PATH_DOWN_SESSION } = SequenceStatus;
  assertEquals(session.statusFlags, CB_PATH_DOWN | CB_PATH_DOWN_SESSION);
});

Deno.test("what a session costs does not grow with its connections: they are not gone through", async () => {
  const { fixture, sessions, session } = start({
    maxConnectionsPerSession: 10_000,
  });
  const many = Array.from({ length: 5_000 }, () => testConnection());
  for (const each of many) sessions.bind(session, each, Direction.FORE);
  const next = testConnection();
  const looks = await looksOf(() =>
    sessions.bind(session, next, Direction.BOTH)
  );
  assert(looks < 50, `${looks} looks`);
  sessions.destroy(session, "destroyed-session");
  assert(session.connections.size > 4_000, "in one turn");
  while (fixture.effects.goOn());
  assertEquals(session.connections.size, 0);
});

Deno.test("a session has no more connections than it may: the longest silent one without callbacks gives way, and comes back by its next request", () => {
  const { fixture, sessions, session, events } = start({
    maxConnectionsPerSession: 4,
  });
  const [back, busy, silent, recent, fifth] = [1, 2, 3, 4, 5].map(() =>
    testConnection()
  );
  sessions.bind(session, back!, Direction.BACK);
  for (const each of [busy, silent, recent]) {
    sessions.bind(session, each!, Direction.FORE);
  }
  session.touch(busy!);
  events.length = 0;
  sessions.bind(session, fifth!, Direction.FORE);
  assertEquals(events, ["unbound 1 gave-way", "bound 1"]);
  const bound = () =>
    [back, busy, silent, recent, fifth].map((each) =>
      session.connections.has(each!)
    );
  assertEquals(bound(), [true, true, false, true, true]);
  sessions.bind(session, silent!, Direction.FORE);
  assertEquals(bound(), [true, true, true, false, true]);
  // More channels for one that is bound push none out.
  sessions.bind(session, busy!, Direction.BOTH);
  assertEquals(bound(), [true, true, true, false, true]);
  assertEquals(fixture.state.budget.counts.binding, 4);
  fixture.state.connectionClosed(recent!);
  assertEquals(fixture.state.budget.counts.binding, 4);
});

Deno.test("where all of a session's connections take callbacks, one is left that does", () => {
  const { sessions, session } = start({ maxConnectionsPerSession: 2 });
  const [older, newer] = [testConnection(), testConnection()];
  sessions.bind(session, older, Direction.BOTH);
  sessions.bind(session, newer, Direction.BOTH);
  for (let i = 0; i < 3; i++) {
    sessions.bind(session, testConnection(), Direction.FORE);
  }
  assertEquals(session.backConnections().length, 1);
  assertEquals([session.connections.has(newer), session.isPathUp], [
    true,
    true,
  ]);
});

Deno.test("many connections with many sessions count as state, and none is turned away for want of memory", () => {
  const { fixture, sessions } = start({
    maxStateBytes: 1_000_000,
    maxConnectionsPerSession: 64,
    maxSessionsPerClient: 100,
  });
  const client = clientOf(fixture, 2);
  const { budget } = fixture.state;
  const all = Array.from({ length: 100 }, () => sessionOf(fixture, client));
  const connections = Array.from({ length: 64 }, () => testConnection());
  for (const session of all) {
    for (const each of connections) {
      sessions.bind(session, each, Direction.FORE);
      assertEquals(session.touch(each), true);
    }
  }
  const beyond = 2 * all.length * STATE_COSTS.binding;
  assert(budget.used < 751_000 + beyond, `${budget.used} bytes`);
  assert(budget.refusals > 0);
  // A mount whose connection broke has the next beside it, back channel and all.
  const sizes = all.map((session) => session.connections.size);
  assertEquals([Math.max(...sizes), Math.min(...sizes)], [64, 2]);
  for (const each of connections) fixture.state.connectionClosed(each);
  while (fixture.effects.goOn());
  assertEquals(budget.counts.binding, 0);
});

Deno.test("binding more channels is told once, binding the same again is not", () => {
  const { sessions, session, events } = start();
  const connection = testConnection();
  sessions.bind(session, connection, Direction.FORE);
  sessions.bind(session, connection, Direction.FORE);
  sessions.bind(session, connection, Direction.BACK);
  sessions.bind(session, connection, Direction.BOTH);
  assertEquals(events, ["bound 1", "bound 3", "backchannel-up"]);
});

Deno.test("the backchannel is lost with its last connection and regained with the next", () => {
  const { fixture, sessions, session, events } = start();
  const [a, b, c] = [testConnection(), testConnection(), testConnection()];
  sessions.bind(session, a, Direction.BACK);
  sessions.bind(session, b, Direction.BACK);
  fixture.state.connectionClosed(a);
  assertEquals(session.isPathUp, true);
  fixture.state.connectionClosed(b);
  sessions.bind(session, c, Direction.FORE);
  sessions.bind(session, c, Direction.BACK);
  assertEquals(
    events.filter((event) => event.startsWith("backchannel")),
    ["backchannel-up", "backchannel-lost", "backchannel-up"],
  );
});

Deno.test("a fault of the backchannel ends with a new connection for it", () => {
  const { sessions, session, events } = start();
  sessions.bind(session, testConnection(), Direction.BACK);
  sessions.setBackchannelFault(session, true);
  assertEquals([session.isPathUp, session.hasBackConnection], [false, true]);
  sessions.bind(session, testConnection(), Direction.BACK);
  assertEquals(session.isPathUp, true);
  assertEquals(events.slice(-3), [
    "backchannel-lost",
    "bound 2",
    "backchannel-up",
  ]);
});

Deno.test("a destroyed session is found no more and takes no fault", () => {
  const { sessions, session } = start();
  sessions.bind(session, testConnection(), Direction.BACK);
  sessions.destroy(session, "destroyed-session");
  sessions.destroy(session, "destroyed-session");
  sessions.setBackchannelFault(session, true);
  assertEquals(sessions.find(session.id), undefined);
  assertEquals([sessions.size, session.client.sessions.size], [0, 0]);
  assertEquals(session.hasBackchannelFault, false);
});

Deno.test("a client at its limit loses the session without a connection first, then the longest idle", () => {
  const { fixture, sessions, session: first } = start();
  const { client } = first;
  const later = [1, 2, 3].map(() => {
    fixture.clock.advance(1);
    return sessionOf(fixture, client);
  });
  sessions.bind(first, testConnection(), Direction.FORE);
  sessions.bind(later[0]!, testConnection(), Direction.FORE);
  sessionOf(fixture, client);
  assertEquals(later[1]!.isDestroyed, true);
  sessionOf(fixture, client);
  assertEquals(later[2]!.isDestroyed, true);
  assertEquals([first.isDestroyed, later[0]!.isDestroyed], [false, false]);
});

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
