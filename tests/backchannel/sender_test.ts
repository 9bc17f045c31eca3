import { assert, assertEquals, assertMatch } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { Behaviour } from "../support/client/mod.ts";
import { CallbackFixture, recall, SESSION_ID } from "./callback_fixture.ts";

Deno.test("BackchannelSender sends a callback", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  assertEquals(await line.recall(), {
    kind: "answered",
    results: [{ status: Status.OK, value: undefined }],
  });
  line.peer.assertClean();
  assertEquals(line.peer.recalls.length, 1);
  const { callbacks, failures, retries, operations } = line.counted;
  assertEquals({ callbacks, failures, retries }, {
    callbacks: 1,
    failures: 0,
    retries: 0,
  });
  assertEquals(operations, ["CB_SEQUENCE 0", "CB_RECALL 0"]);
  assertEquals(line.faults, [false]);
  assertEquals(line.waiting, 0);
});

Deno.test("BackchannelSender times out when the client stays silent", async () => {
  await using line = new CallbackFixture(1, { replyTimeout: 200 });
  await line.join();
  line.peer.always({ kind: "silent" });
  assertEquals(await line.recall(), {
    kind: "failed",
    reason: "no answer in 3 attempts",
  });
  assertEquals(line.peer.calls.length, 3);
  assertEquals(line.counted.failures, 1);
  assertEquals(line.counted.retries, 2);
  assertEquals(line.faults, [true]);
  assertEquals(line.waiting, 0);
});

Deno.test("BackchannelSender retries on another connection after a failure", async () => {
  await using line = new CallbackFixture(1, { backoff: [60_000] });
  const first = await line.join();
  const second = await line.join();
  line.peer.next({ kind: "close" });
  assertEquals((await line.recall()).kind, "answered");
  line.peer.assertClean();
  assertEquals(line.peer.calls.map(({ connection }) => connection), [
    first.client,
    second.client,
  ]);
  // The first one was carried out: this is its answer, not a second recall.
  assertEquals(line.peer.calls.map(({ isRetry }) => isRetry), [false, true]);
  assertEquals(line.counted.retries, 1);
});

Deno.test("BackchannelSender waits between attempts, and for no longer than until a path is regained", async () => {
  await using line = new CallbackFixture(1, { backoff: [60_000] });
  const first = await line.join();
  line.peer.next({ kind: "close", executed: false });
  const outcome = line.recall();
  await first.connection.ended;
  await line.join();
  line.sender.pathRegained();
  assertEquals((await outcome).kind, "answered");
  assertEquals(line.peer.recalls.length, 2);
});

Deno.test("BackchannelSender reports a full queue", async () => {
  await using line = new CallbackFixture(1, {
    queueLimit: 2,
    replyTimeout: 60_000,
  });
  await line.join();
  line.peer.always({ kind: "silent" });
  const outcomes = [1, 2, 3, 4, 5].map(() => line.recall());
  await line.peer.waitForCalls(1);
  // Two were in the queue before anything was sent; one of them waits for the slot.
  assertEquals(await Promise.race(outcomes), { kind: "full" });
  assertEquals(line.faults, []);
  assertEquals(line.counted.failures, 0);
  await line.sender.stop();
  const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind);
  assertEquals(kinds.filter((kind) => kind === "full").length, 3);
  assertEquals(kinds.filter((kind) => kind === "stopped").length, 2);
});

Deno.test("BackchannelSender holds 64 callbacks when nobody says otherwise", async () => {
  await using line = new CallbackFixture(1);
  const taken = Array.from(
    { length: 70 },
    () => line.sender.enqueue({ operations: [], done: () => {} }),
  );
  assertEquals(taken.filter((each) => each).length, 64);
});

Deno.test("BackchannelSender stops cleanly", async () => {
  await using line = new CallbackFixture(1, {
    replyTimeout: 60_000,
    backoff: [60_000],
  });
  await line.join();
  line.peer.always({ kind: "silent" });
  const outcomes = [line.recall(), line.recall(), line.recall()];
  await line.peer.waitForCalls(1);
  await line.sender.stop();
  assertEquals(
    (await Promise.all(outcomes)).map(({ kind }) => kind),
    ["stopped", "stopped", "stopped"],
  );
  assertEquals(line.waiting, 0);
  assertEquals(line.sender.queueDepth, 0);
  assertEquals(line.sender.inFlight, 0);
  assertEquals(line.sender.enqueue({ operations: [], done: () => {} }), false);
  assertEquals(line.faults, []);
});

Deno.test("BackchannelSender increments the sequence id", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  for (let i = 0; i < 3; i++) await line.recall();
  line.peer.assertClean();
  assertEquals(sequences(line).map(([, seqid]) => seqid), [1, 2, 3]);
});

Deno.test("BackchannelSender re-uses slot and seqid on retry", async () => {
  await using line = new CallbackFixture(1, { replyTimeout: 200 });
  await line.join();
  line.peer.next({ kind: "silent" });
  assertEquals((await line.recall()).kind, "answered");
  assertEquals((await line.recall()).kind, "answered");
  line.peer.assertClean();
  assertEquals(sequences(line), [[0, 1], [0, 1], [0, 2]]);
  const xids = line.peer.calls.map(({ header }) => header.xid);
  assertEquals(new Set(xids).size, 3);
  // But for its XID a retry is the same request.
  const [first, again] = line.peer.calls.map(({ record }) =>
    record.bytes.slice(4)
  );
  assertEquals(first, again);
});

Deno.test("BackchannelSender settles what it gave up before it uses the slot again", async () => {
  await using line = new CallbackFixture(1, { replyTimeout: 200, attempts: 1 });
  await line.join();
  line.peer.next({ kind: "silent" });
  assertEquals((await line.recall()).kind, "failed");
  assertEquals((await line.recall()).kind, "answered");
  line.peer.assertClean();
  assertEquals(sequences(line), [[0, 1], [0, 1], [0, 2]]);
  assertEquals(line.faults, [true, false]);
});

for (const before of [1, 2]) {
  Deno.test(`BackchannelSender takes no answer of before a restart for its own: ${before} before (RFC 8881 18.46.3)`, async () => {
    await using line = new CallbackFixture(1);
    await line.join();
    for (let i = 0; i < before; i++) await line.recall();
    await line.restart();
    // Another callback than the one that the client has seen under its seqid.
    const operations = [recall(), recall()];
    assertEquals((await line.recall({ operations })).kind, "refused");
    assertEquals(line.faults.at(-1), true);
  });
}

Deno.test("BackchannelSender goes on after a restart where nothing was sent before", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  await line.restart();
  assertEquals((await line.recall()).kind, "answered");
  assertEquals((await line.recall()).kind, "answered");
  line.peer.assertClean();
  assertEquals(line.faults, [false, false]);
});

Deno.test("BackchannelSender uses as many slots at once as were negotiated", async () => {
  await using line = new CallbackFixture(4, { replyTimeout: 5_000 });
  await line.join();
  const release = Promise.withResolvers<void>();
  line.peer.always({ kind: "late", until: release.promise });
  const outcomes = Array.from({ length: 6 }, () => line.recall());
  await line.peer.waitForCalls(4);
  assertEquals(sequences(line).map(([slot]) => slot), [0, 1, 2, 3]);
  assertEquals(line.session.busySlots, 4);
  release.resolve();
  await Promise.all(outcomes);
  line.peer.assertClean();
  assertEquals(line.peer.calls.length, 6);
});

Deno.test("BackchannelSender obeys csr_target_highest_slotid", async () => {
  await using line = new CallbackFixture(4);
  await line.join();
  line.peer.next({ kind: "target", highestSlotid: 0 });
  await line.recall();
  await Promise.all(Array.from({ length: 5 }, () => line.recall()));
  line.peer.assertClean();
  assertEquals(
    line.peer.calls.filter(({ isAboveTarget }) => isAboveTarget),
    [],
  );
  assertEquals(new Set(sequences(line).map(([slot]) => slot)), new Set([0]));
});

Deno.test("BackchannelSender asks again after NFS4ERR_DELAY of CB_SEQUENCE, soon and with the same seqid", async () => {
  await using line = new CallbackFixture(1, { delay: 1, backoff: [60_000] });
  await line.join();
  const delayed = {
    kind: "status",
    status: Status.DELAY,
    op: "SEQUENCE",
  } as const;
  line.peer.next(delayed, delayed);
  assertEquals((await line.recall()).kind, "answered");
  assertEquals(sequences(line), [[0, 1], [0, 1], [0, 1]]);
  line.peer.assertClean();
});

Deno.test("BackchannelSender does not repeat what the client refused", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  line.peer.next({ kind: "status", status: Status.SERVERFAULT });
  assertEquals(await line.recall(), {
    kind: "answered",
    results: [{ status: Status.SERVERFAULT }],
  });
  line.peer.next({ kind: "denied", why: 5 });
  assertEquals(await line.recall(), {
    kind: "refused",
    reason: "denied: auth_stat 5",
  });
  line.peer.next({ kind: "accepted", stat: 5 });
  assertEquals(await line.recall(), {
    kind: "refused",
    reason: "accept_stat 5",
  });
  assertEquals(line.peer.calls.length, 3);
  assertEquals(line.faults, [false, true, true]);
  assertEquals((await line.recall()).kind, "answered");
  line.peer.assertClean();
});

Deno.test("BackchannelSender takes a reply that is no XDR for a refusal", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  line.peer.next({ kind: "garbage", bytes: new Uint8Array(16) });
  const outcome = await line.recall();
  assert(outcome.kind === "refused");
  assertMatch(outcome.reason, /unreadable reply/);
});

Deno.test("BackchannelSender counts and drops late and second replies", async () => {
  await using line = new CallbackFixture(1, { replyTimeout: 30 });
  const { channel } = await line.join();
  const release = Promise.withResolvers<void>();
  line.peer.next({ kind: "late", until: release.promise }, { kind: "twice" });
  const outcome = line.recall();
  await line.peer.waitForCalls(2);
  release.resolve();
  assertEquals((await outcome).kind, "answered");
  await line.recall();
  assert(channel.pending.unknown >= 1);
  assertEquals(channel.pending.size, 0);
  line.peer.assertClean();
});

Deno.test("BackchannelSender ignores an answer under another XID", async () => {
  await using line = new CallbackFixture(1, { replyTimeout: 200 });
  const { channel } = await line.join();
  line.peer.next({ kind: "wrong_xid" });
  assertEquals((await line.recall()).kind, "answered");
  assertEquals(channel.pending.unknown, 1);
});

Deno.test("BackchannelSender does not send what has lost its point", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  assertEquals(await line.recall({ wanted: () => false }), { kind: "stopped" });
  assertEquals(line.peer.calls.length, 0);
  assertEquals(line.counted.failures, 0);
});

Deno.test("BackchannelSender settles what the client may have seen, wanted or not", async () => {
  let wanted = true;
  await using line = new CallbackFixture(1, { replyTimeout: 200 });
  await line.join();
  line.peer.next({ kind: "silent" });
  const outcome = await line.recall({
    wanted: () => wanted,
    unanswered: () => wanted = false,
  });
  assertEquals(outcome.kind, "answered");
  assertEquals(sequences(line), [[0, 1], [0, 1]]);
  assertEquals(line.verdicts, ["silent", "works"]);
  line.peer.assertClean();
});

Deno.test("BackchannelSender says of a silent client that its callbacks fail, wanted or not", async () => {
  let wanted = true;
  await using line = new CallbackFixture(1, { replyTimeout: 20 });
  await line.join();
  line.peer.always({ kind: "silent" });
  const outcome = await line.recall({
    wanted: () => wanted,
    unanswered: () => wanted = false,
  });
  assertEquals(outcome.kind, "failed");
  assertEquals(line.verdicts, ["silent", "silent", "silent", "faulty"]);
  assertEquals(line.counted.failures, 1);
});

Deno.test("BackchannelSender tells callbacks that wait for a slot that the one before them is not answered", async () => {
  await using line = new CallbackFixture(1, {
    replyTimeout: 20,
    backoff: [60_000],
  });
  await line.join();
  line.peer.next({ kind: "silent" });
  const told = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const outcomes = told.map(({ resolve }) =>
    line.recall({ unanswered: resolve })
  );
  for (const { promise } of told) await promise;
  assertEquals(line.peer.calls.length, 1);
  line.sender.pathRegained();
  for (const outcome of outcomes) {
    assertEquals((await outcome).kind, "answered");
  }
  line.peer.assertClean();
});

Deno.test("BackchannelSender sends nothing that is larger than the client takes (RFC 8881 18.36.3)", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  await line.recall();
  const { length } = line.peer.calls[0]!.record.bytes;
  const referringCalls = () => [{
    sessionId: SESSION_ID,
    calls: [{ seqid: 1, slot: 0 }],
  }];
  line.maxRequestSize = length;
  assertEquals((await line.recall({ referringCalls })).kind, "answered");
  assertEquals(line.peer.calls[1]!.record.bytes.length, length);
  line.maxRequestSize = length - 1;
  assertEquals(await line.recall(), { kind: "too-big" });
  assertEquals(line.peer.calls.length, 2);
  assertEquals(line.verdicts, ["works", "works"]);
  line.peer.assertClean();
});

const MISHAPS: readonly Behaviour[] = [
  { kind: "silent" },
  { kind: "silent", executed: false },
  { kind: "close" },
  { kind: "close", executed: false },
  { kind: "garbage", bytes: new Uint8Array(3) },
  { kind: "denied", why: 5 },
  { kind: "accepted", stat: 1 },
  { kind: "accepted", stat: 5 },
  { kind: "status", status: Status.BADSESSION, op: "SEQUENCE" },
  { kind: "status", status: Status.DELAY, op: "SEQUENCE" },
  { kind: "status", status: Status.SERVERFAULT, op: "RECALL" },
];

for (const first of MISHAPS) {
  const { kind, ...how } = first;
  const name = `${kind} ${Object.values(how).join(" ")}`.trim();
  Deno.test(`no sequence ID names two callbacks, whatever comes after ${name} (RFC 8881 2.10.6.1)`, async () => {
    for (const second of MISHAPS) {
      await using line = new CallbackFixture(1, {
        replyTimeout: 15,
        attempts: 2,
      });
      line.peer.next(first, second);
      // Each another callback than the one before.
      for (const truncate of [true, false, true, false]) {
        if (line.channels.length === 0) await line.join();
        await line.recall({ operations: [recall(truncate)] });
      }
      line.peer.assertClean();
      assertEquals(line.verdicts.at(-1), "works", second.kind);
    }
  });
}

Deno.test("BackchannelSender goes without a credential to nobody", async () => {
  await using line = new CallbackFixture(1);
  await line.join();
  line.target = undefined;
  assertEquals((await line.recall()).kind, "refused");
  assertEquals(line.peer.calls, []);
});

Deno.test("BackchannelSender waits 10 s for a reply, then 5 s and 10 s before it tries again", async () => {
  const clock = new FakeClock();
  await using line = new CallbackFixture(1, {
    replyTimeout: undefined,
    backoff: undefined,
    clock,
  });
  await line.join();
  line.peer.always({ kind: "silent" });
  const start = clock.now();
  const outcome = line.recall();
  const sentAt: number[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    await line.peer.waitForCalls(attempt);
    sentAt.push(clock.now() - start);
    const { length } = line.peer.calls;
    while (attempt < 3 && line.peer.calls.length === length) {
      await clock.advanceAsync(1_000);
      await line.arrived();
    }
  }
  await clock.advanceAsync(10_000);
  assertEquals((await outcome).kind, "failed");
  assertEquals(sentAt, [0, 15_000, 35_000]);
  assertEquals(clock.pending, 0);
});

/** Slot and sequence id of each callback that arrived. */
function sequences(line: CallbackFixture): [number, number][] {
  return line.peer.calls.map(({ compound }) => {
    const first = compound?.ops[0];
    if (first?.op !== "SEQUENCE") throw new Error("no CB_SEQUENCE");
    return [first.args.slotid, first.args.sequenceid];
  });
}
