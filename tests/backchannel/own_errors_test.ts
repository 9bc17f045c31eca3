/** Errors of the server's own in the back channel: logged, and never taken for the client's. */

import { testConnection } from "../support/connection.ts";
import { assertEquals } from "@std/assert";
import { Backchannel } from "../../src/backchannel/backchannel.ts";
import type { CallbackOutcome } from "../../src/backchannel/callback_request.ts";
import { Direction } from "../../src/nfs4/sessions.ts";
import { AUTH_NONE } from "../../src/rpc/call_credential.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import type { Session } from "../../src/state/session.ts";
import type { SessionTable } from "../../src/state/sessions.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { heardErrors } from "../support/heard_errors.ts";
import { CallbackFixture, recall } from "./callback_fixture.ts";

const ours = new TypeError("ours");

Deno.test("an error of our own is logged, and is neither the client's refusal nor a fault of its path", async () => {
  const { log, errors } = heardErrors();
  await using line = new CallbackFixture(1, { log });
  await line.join();
  const { row, args } = recall();
  const encode = (): void => {
    throw ours;
  };
  const broken = { row: { ...row, encode }, args };
  assertEquals(await line.recall({ operations: [broken] }), { kind: "error" });
  const unwanted = (): boolean => {
    throw ours;
  };
  assertEquals(await line.recall({ wanted: unwanted }), { kind: "error" });
  assertEquals([errors, line.faults], [[ours, ours], []]);
  assertEquals(line.counted.failures, 2);
  // Its slot is free, and nothing of it has left.
  assertEquals((await line.recall()).kind, "answered");
  line.peer.assertClean();
  assertEquals([line.waiting, line.sender.inFlight], [0, 0]);
});

Deno.test("an answer that we can't deal with is an error of our own", async () => {
  const { log, errors } = heardErrors();
  await using line = new CallbackFixture(1, { log });
  await line.join();
  const { row, args } = recall();
  const decode = (): never => {
    throw ours;
  };
  const broken = { row: { ...row, decode }, args };
  assertEquals(await line.recall({ operations: [broken] }), { kind: "error" });
  assertEquals([errors, line.faults], [[ours], []]);
});

Deno.test("an error of whoever hears of a callback's end is logged, and ends nobody", async () => {
  const { log, errors } = heardErrors();
  await using line = new CallbackFixture(1, { log });
  await line.join();
  line.sender.enqueue({
    operations: [recall()],
    done: () => {
      throw ours;
    },
  });
  assertEquals((await line.recall()).kind, "answered");
  assertEquals(errors, [ours]);
});

/** A session of one back slot, to whose back channel a connection has just been bound. */
function boundTo(backchannel: Backchannel, connection: Connection): Session {
  const session = {
    callback: { program: 1, credential: AUTH_NONE },
    minorVersion: 1,
    back: { maxRequests: 1 },
    backConnections: () => [connection],
    isPathProven: false,
  } as Partial<Session> as Session;
  backchannel.connectionBound(session, connection, Direction.BOTH);
  return session;
}

Deno.test("no callback goes over a connection that has ended and is not unbound yet, and nothing is kept of it", async () => {
  const clock = new FakeClock();
  const backchannel = new Backchannel({
    sessions: { observe: () => {}, setBackchannelFault: () => {} } as Partial<
      SessionTable
    > as SessionTable,
    random: (length) => new Uint8Array(length),
    sender: { clock, attempts: 1 },
  });
  const connection = testConnection({ sendCall: () => true });
  const session = boundTo(backchannel, connection);
  await clock.advanceAsync(0);
  backchannel.connectionClosed(connection);
  const outcome = new Promise<CallbackOutcome>((done) =>
    backchannel.enqueue(session, { operations: [], done })
  );
  assertEquals((await outcome).kind, "failed");
  assertEquals(backchannel.held.channels, 0);
  await backchannel.close();
});

Deno.test("a CB_NULL that we can't send proves nothing, and is an error of our own", async () => {
  const { log, errors } = heardErrors();
  const clock = new FakeClock();
  const backchannel = new Backchannel({
    sessions: { observe: () => {} } as Partial<SessionTable> as SessionTable,
    random: (length) => new Uint8Array(length),
    sender: { clock, log },
  });
  const connection = testConnection({
    sendCall: () => {
      throw ours;
    },
  });
  const session = boundTo(backchannel, connection);
  await clock.advanceAsync(0);
  assertEquals([errors, session.isPathProven], [[ours], false]);
  await backchannel.close();
  const { jobs, channels, senders } = backchannel.held;
  assertEquals([jobs, channels, senders, clock.pending], [0, 0, 0, 0]);
});

Deno.test("however often connections are bound, a session has one CB_NULL under way, and none when it is gone", async () => {
  const clock = new FakeClock();
  const backchannel = new Backchannel({
    sessions: { observe: () => {} } as Partial<SessionTable> as SessionTable,
    random: (length) => new Uint8Array(length),
    sender: { clock },
  });
  const connections = Array.from(
    { length: 100 },
    () => testConnection({ sendCall: () => true }),
  );
  const session = boundTo(backchannel, connections[0]!);
  for (const connection of connections) {
    backchannel.connectionBound(session, connection, Direction.BOTH);
  }
  await clock.advanceAsync(0);
  const { pendingReplies, jobs } = backchannel.held;
  assertEquals([pendingReplies, jobs], [1, 1]);
  // It is for the last one that its path is trusted.
  assertEquals(session.isPathProven, true);
  backchannel.sessionDestroyed(session);
  await clock.advanceAsync(0);
  assertEquals(backchannel.held.pendingReplies, 0);
  await backchannel.close();
  assertEquals([backchannel.held.jobs, clock.pending], [0, 0]);
});
