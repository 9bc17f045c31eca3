import { looksOf } from "../support/looks.ts";
import { testConnection } from "../support/connection.ts";
import { assert, assertEquals } from "@std/assert";
import { Direction } from "../../src/nfs4/sessions.ts";
import { STATE_COSTS } from "../../src/state/state_budget.ts";
import { SequenceStatus } from "../support/client/mod.ts";
import { type FixtureOptions, StateFixture } from "./fixture.ts";
import { clientOf, sessionOf } from "./session_fixture.ts";

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
