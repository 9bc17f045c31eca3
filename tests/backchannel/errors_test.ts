import { assertEquals } from "@std/assert";
import { Backchannel } from "../../src/backchannel/backchannel.ts";
import {
  CALLBACK_OPERATIONS,
  type CallbackOperation,
  callbackOperation,
} from "../../src/backchannel/callback_ops.ts";
import type { CallbackOutcome } from "../../src/backchannel/callback_request.ts";
import { Status, type StatusCode } from "../../src/nfs4/constants.ts";
import { Direction } from "../../src/nfs4/sessions.ts";
import { AUTH_NONE } from "../../src/rpc/call_credential.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import type { Session } from "../../src/state/session.ts";
import type { SessionTable } from "../../src/state/sessions.ts";
import { errorLists } from "../docs/error_lists.ts";
import { testConnection } from "../support/connection.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { heardErrors } from "../support/heard_errors.ts";
import { CallbackFixture, HANDLE, recall } from "./callback_fixture.ts";

/** What the server calls back with. */
const operations: Record<
  | "RECALL"
  | "GETATTR"
  | "NOTIFY"
  | "NOTIFY_LOCK"
  | "RECALL_ANY"
  | "RECALL_SLOT",
  CallbackOperation
> = {
  RECALL: recall(),
  GETATTR: callbackOperation(CALLBACK_OPERATIONS.CB_GETATTR, {
    isTimed: false,
    handle: HANDLE,
  }),
  NOTIFY: callbackOperation(CALLBACK_OPERATIONS.CB_NOTIFY, {
    stateid: { seqid: 1, other: new Uint8Array(12) },
    handle: HANDLE,
    changes: [],
  }),
  NOTIFY_LOCK: callbackOperation(CALLBACK_OPERATIONS.CB_NOTIFY_LOCK, {
    handle: HANDLE,
    clientid: 1n,
    owner: new Uint8Array(4),
  }),
  RECALL_ANY: callbackOperation(CALLBACK_OPERATIONS.CB_RECALL_ANY, {
    keep: 0,
    types: 1,
  }),
  RECALL_SLOT: callbackOperation(CALLBACK_OPERATIONS.CB_RECALL_SLOT, {
    target: 0,
  }),
};

/** Answers to a sequence id that the client knows already (RFC 8881 2.10.6.1.3). */
const SEEN: readonly string[] = ["RETRY_UNCACHED_REP", "SEQ_FALSE_RETRY"];

function statusOf(error: string): StatusCode {
  return Status[error as keyof typeof Status];
}

for (const [op, operation] of Object.entries(operations)) {
  Deno.test(`whatever error a client answers CB_${op} with is heard, and the next callback goes out (RFC 8881 15.3)`, async () => {
    await using line = new CallbackFixture(1);
    await line.join();
    for (const error of errorLists["4.1"].get(`CB_${op}`)!) {
      const status = statusOf(error);
      line.peer.next({
        kind: "status",
        status,
        op: op as keyof typeof operations,
      });
      const outcome = await line.recall({ operations: [operation] });
      assertEquals(outcome, { kind: "answered", results: [{ status }] }, error);
      assertEquals((await line.recall()).kind, "answered", error);
    }
    line.peer.assertClean();
  });
}

Deno.test("whatever error a client answers CB_SEQUENCE with is final or asked again, and the slot goes on (RFC 8881 15.3, 20.9)", async () => {
  for (const error of errorLists["4.1"].get("CB_SEQUENCE")!) {
    await using line = new CallbackFixture(1, {
      delay: 1,
      backoff: [1],
      attempts: 3,
    });
    await line.join();
    line.peer.next({ kind: "status", status: statusOf(error), op: "SEQUENCE" });
    const { kind } = await line.recall();
    // The client says that it had seen the callback: there is nothing to repeat.
    const wasSeen = SEEN.includes(error);
    // The one is asked again, the other on another connection; the rest is final.
    const isRepeated = ["DELAY", "CONN_NOT_BOUND_TO_SESSION"].includes(error);
    const expected = wasSeen || isRepeated ? "answered" : "refused";
    assertEquals(kind, expected, error);
    if (!wasSeen) assertEquals((await line.recall()).kind, "answered", error);
  }
});

// Errors of the server's own in the back channel: logged, and never taken for the client's.

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
