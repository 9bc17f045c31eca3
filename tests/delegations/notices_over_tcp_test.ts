import { assert, assertEquals } from "@std/assert";
import { CALLBACK_OPERATIONS } from "../../src/backchannel/callback_ops.ts";
import type { CallbackRequest } from "../../src/backchannel/callback_request.ts";
import type { CallbackRouter } from "../../src/backchannel/router.ts";
import { OffloadReports } from "../../src/delegations/offload_reports.ts";
import { Share, Status, type StatusCode } from "../../src/nfs4/constants.ts";
import { finish } from "../../src/state/effects.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import { eventually, Fixture, proceed } from "../backchannel/fixture.ts";
import { fileRef, StateFixture } from "../state/fixture.ts";
import {
  anonymousStateid,
  bytesOf,
  LockType,
  type NotifyLock,
  op,
  type OpenedFile,
  openSession,
  type Request,
  type Session,
  walk,
} from "../support/client/mod.ts";
import { startServer } from "../support/server.ts";

// Folders of strict clients over sockets: what one does, the other is told, or asked to return.

const ADD = 3;

async function hold(session: Session, kinds: readonly number[] = []) {
  const ask = [op.putrootfh(), op.getDirDelegation(kinds), op.getfh()];
  const reply = await session.compound(ask);
  const { stateid } = reply.get("GET_DIR_DELEGATION");
  assert(stateid !== undefined, "no delegation");
  return { stateid, filehandle: reply.get("GETFH").filehandle };
}

function make(session: Session, name: string) {
  const made = [op.putrootfh(), op.create({ type: 2, name })];
  return session.expectStatus([Status.OK, Status.DELAY], made);
}

/** The callbacks but for CB_SEQUENCE. */
function heardBy({ client: { callbacks } }: Session) {
  return callbacks.calls.flatMap(({ compound }) => compound?.ops ?? [])
    .filter(({ op }) => op !== "SEQUENCE");
}

Deno.test("a folder is recalled, returned and changed", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const { stateid, filehandle } = await hold(holder);
  assertEquals((await make(other, "n")).status, Status.DELAY);
  await eventually("a recall", () => heardBy(holder).length > 0);
  const [recall] = holder.client.callbacks.recalls;
  assertEquals(recall, { stateid, filehandle, truncate: false });
  await holder.compound([op.putfh(filehandle), op.delegreturn(stateid)]);
  const { status } = await proceed(() => make(other, "n"));
  assertEquals(status, Status.OK);
  const metrics = await fixture.metrics();
  const expected = {
    'delegations_granted_total{type="directory"}': 1,
    'delegations_recalled_total{type="directory",reason="create"}': 1,
    'delegations_active{type="directory"}': 0,
  };
  for (const [name, value] of Object.entries(expected)) {
    assertEquals(metrics.get(name), value, name);
  }
});

Deno.test("who asked to be told is told, and keeps the folder", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const { stateid, filehandle } = await hold(holder, [ADD]);
  assertEquals((await make(other, "n")).status, Status.OK);
  await eventually("CB_NOTIFY", () => heardBy(holder).length > 0);
  const [heard] = heardBy(holder);
  assert(heard?.op === "NOTIFY");
  assertEquals(heard.args.stateid, stateid);
  assertEquals(heard.args.filehandle, filehandle);
  assertEquals(heard.args.changes.map(({ mask }) => mask), [[ADD]]);
  const metrics = await eventually("its answer", async () => {
    const metrics = await fixture.metrics();
    return metrics.get("delegation_notice_batches_total") === 1 && metrics;
  });
  assertEquals(metrics.get('delegation_notices_total{type="add"}'), 1);
  assertEquals(metrics.get('delegations_active{type="directory"}'), 1);
  assertEquals(holder.client.callbacks.recalls, []);
});

Deno.test("a client that does not know CB_NOTIFY is asked to return the folder", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const { stateid, filehandle } = await hold(holder, [ADD]);
  const status = Status.NOTSUPP;
  holder.client.callbacks.next({ kind: "status", status, op: "NOTIFY" });
  await make(other, "n");
  await eventually(
    "a recall",
    () => holder.client.callbacks.recalls.length > 0,
  );
  await holder.compound([op.putfh(filehandle), op.delegreturn(stateid)]);
  await proceed(() => make(other, "m"));
});

// CB_NOTIFY_LOCK over TCP: from the promise in OPEN to the lock.

const MAY_NOTIFY = 0x20;
const access = Share.ACCESS_BOTH | 0x0400; // no delegation wanted
const range = { offset: 3n, length: 4n };

/** Opens until the path of callbacks is proven, which the first OPEN may be too quick for. */
async function openPromised(session: Session): Promise<OpenedFile> {
  for (let i = 0; i < 400; i++) {
    const file = await session.open(["f"], { access });
    if ((file.flags & MAY_NOTIFY) !== 0) return file;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("never promised");
}

function lockOp(session: Session, file: OpenedFile, type: number): Request[] {
  const { clientid } = session.client;
  const owner = { clientid, owner: bytesOf(`locker of ${clientid}`) };
  const locker = { openStateid: file.stateid, owner };
  return [op.putfh(file.filehandle), op.lock({ type, ...range, locker })];
}

/** The CB_NOTIFY_LOCKs that a client was sent. */
function notifications(session: Session): readonly NotifyLock[] {
  return session.client.callbacks.calls
    .flatMap((call) => call.compound?.ops ?? [])
    .flatMap((op) => op.op === "NOTIFY_LOCK" ? [op.args] : []);
}

async function notified(session: Session): Promise<NotifyLock> {
  for (let i = 0; i < 400; i++) {
    const [notification] = notifications(session);
    if (notification !== undefined) return notification;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("never told");
}

for (const minorVersion of [1, 2]) {
  Deno.test(`NFSv4.${minorVersion}: a client that waits for a lock is told when its turn comes (RFC 8881 20.11)`, async () => {
    await using server = await startServer({ tree: { f: "" }, metricsPort: 0 });
    const { port } = server;
    await using holder = await openSession({ port, minorVersion });
    await using waiter = await openSession({ port, minorVersion });
    const held = await openPromised(holder);
    const file = await openPromised(waiter);
    const { stateid } = (await holder.compound(
      lockOp(holder, held, LockType.WRITE),
    )).get("LOCK");
    const ask = lockOp(waiter, file, LockType.WRITEW);
    await waiter.expectStatus(Status.DENIED, ask);
    assertEquals(notifications(waiter), []);
    await holder.compound([
      op.putfh(held.filehandle),
      op.locku({ stateid, ...range }),
    ]);
    const { filehandle, owner } = await notified(waiter);
    assertEquals(filehandle, file.filehandle);
    assertEquals(owner.clientid, waiter.client.clientid);
    assertEquals(owner.owner, bytesOf(`locker of ${waiter.client.clientid}`));
    const again = lockOp(holder, held, LockType.WRITEW);
    await holder.expectStatus(Status.DENIED, again);
    await waiter.compound(ask);
    assertEquals(notifications(holder), []);
    waiter.client.callbacks.assertClean();
    holder.client.callbacks.assertClean();
    const url = `http://127.0.0.1:${server.server.metricsPort}/metrics`;
    const metrics = await (await fetch(url)).text();
    const [, count] =
      /_operations_total\{operation="CB_NOTIFY_LOCK",status="NFS4_OK"\} (\d+)/
        .exec(metrics) ?? [];
    assertEquals(count, "1", metrics);
  });
}

Deno.test("a session without a back channel is promised nothing, and asks as before", async () => {
  await using server = await startServer({ tree: { f: "" } });
  const { port } = server;
  await using holder = await openSession({ port });
  await using waiter = await openSession({ port, flags: 0 });
  const held = await openPromised(holder);
  const file = await waiter.open(["f"], { access });
  assertEquals(file.flags & MAY_NOTIFY, 0);
  const { stateid } = (await holder.compound(
    lockOp(holder, held, LockType.WRITE),
  )).get("LOCK");
  const ask = lockOp(waiter, file, LockType.WRITEW);
  await waiter.expectStatus(Status.DENIED, ask);
  await holder.compound([
    op.putfh(held.filehandle),
    op.locku({ stateid, ...range }),
  ]);
  await waiter.compound(ask);
  assert(waiter.client.callbacks.calls.length === 0);
});

// CB_OFFLOAD: its bytes, that it goes out until it is heard, and over TCP what a strict client is told.

const MiB = 2 ** 20;

function encoded(status: number): string {
  const xdr = new XdrWriter();
  CALLBACK_OPERATIONS.CB_OFFLOAD.encode(xdr, {
    handle: Uint8Array.of(1, 2, 3),
    stateid: { seqid: 1, other: new Uint8Array(12).fill(0xab) },
    status,
    count: 0x1_0000_0002,
    committed: 2,
    verifier: new Uint8Array(8).fill(0xcd),
  });
  return xdr.slice().toHex();
}

Deno.test("CB_OFFLOAD has the bytes of RFC 7862 16.1.1", () => {
  const begin = "00000003" + "01020300" + "00000001" + "ab".repeat(12);
  assertEquals(
    encoded(0),
    begin + "00000000" + "00000000" + "0000000100000002" + "00000002" +
      "cd".repeat(8),
  );
  // NFS4ERR_NOSPC: the bytes before it.
  assertEquals(encoded(28), begin + "0000001c" + "0000000100000002");
});

/** A client that is to be told of a copy's end, and what it is sent. */
function telling() {
  const fixture = new StateFixture();
  const { state, clock } = fixture;
  const client = fixture.client();
  const sent: CallbackRequest[] = [];
  const way = { isProven: true };
  const router = {
    isProven: () => way.isProven,
    send(_client, request) {
      sent.push(request);
      return { tryAnew: () => {} };
    },
  } as Pick<CallbackRouter, "isProven" | "send">;
  const offloads = new OffloadReports({ router, clock, retryAfter: 10_000 });
  state.copies.notifier = offloads;
  const session = { isDestroyed: true } as never;
  const copy = state.copies.begin({
    ...{ client, file: fileRef("target"), verifier: new Uint8Array(8) },
    grantedTo: { session, slot: undefined as never, sequence: 1 },
  })!;
  state.copies.ended(copy, { status: 0, stability: "file" });
  const isKnown = () =>
    state.copies.find(client, copy.file, copy) !== undefined;
  const sweep = () => finish(offloads.sweep());
  return { clock, client, sent, offloads, state, sweep, isKnown };
}

const lost = { kind: "failed", reason: "no answer" } as const;
const said = (status: number) => ({
  kind: "answered",
  results: [{ status: status as StatusCode }],
} as const);

Deno.test("a copy's end that found no way goes out again when there is one", () => {
  const it = telling();
  it.sent[0]!.done(lost);
  assertEquals(it.isKnown(), true);
  finish(it.offloads.pathRegained(it.client)!);
  assertEquals(it.sent.length, 2);
  it.sent[1]!.done(said(Status.OK));
  assertEquals(it.isKnown(), false);
  assertEquals(it.offloads.pathRegained(it.client), undefined);
});

Deno.test("a copy's end that found no way goes out again after a while", () => {
  const it = telling();
  it.sent[0]!.done(lost);
  it.sweep();
  assertEquals(it.sent.length, 1);
  it.clock.advance(10_000);
  it.sweep();
  it.sweep();
  assertEquals(it.sent.length, 2);
});

Deno.test("a client that does not know the copy yet is told of its end again (DELAY, BADHANDLE, BAD_STATEID)", () => {
  for (const status of [Status.DELAY, Status.BADHANDLE, Status.BAD_STATEID]) {
    const it = telling();
    it.sent[0]!.done(said(status));
    assertEquals([it.isKnown(), it.sent.length], [true, 1]);
    it.clock.advance(100);
    assertEquals(it.sent.length, 2);
    it.sent[1]!.done(said(Status.OK));
    assertEquals(it.isKnown(), false);
  }
});

Deno.test("a client that refuses to hear of a copy's end, or has gone, is not told again", () => {
  const it = telling();
  it.sent[0]!.done(said(Status.SERVERFAULT));
  assertEquals(it.isKnown(), false);
  const other = telling();
  other.state.dropClient(other.client, "expired");
  assertEquals(other.sent[0]!.wanted?.(), false);
  other.sent[0]!.done(lost);
  other.clock.advance(20_000);
  other.sweep();
  assertEquals(other.sent.length, 1);
});

/** The CB_OFFLOADs that a client was sent. */
const reports = (session: Session) =>
  session.client.callbacks.calls
    .flatMap((call) => call.compound?.ops ?? [])
    .flatMap((op) => op.op === "OFFLOAD" ? [op.args] : []);

async function reported(session: Session) {
  for (let i = 0; i < 1_000; i++) {
    const [report] = reports(session);
    if (report !== undefined) return report;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("never told");
}

const copied = [
  ...walk(["source"]),
  op.savefh(),
  ...walk(["target"]),
  op.copy({
    ...{ source: anonymousStateid, destination: anonymousStateid },
    synchronous: false,
  }),
  op.getfh(),
];

Deno.test("a client is told of the end of its copy, once, and its stateid is gone then (RFC 7862 4.8, 16.1)", async () => {
  const tree = { source: new Uint8Array(9 * MiB).fill(7), target: "" };
  await using server = await startServer({ tree, metricsPort: 0 });
  await using session = await openSession({
    port: server.port,
    minorVersion: 2,
  });
  let reply = await session.compound(copied);
  // Until the path of callbacks is proven, which the first may be too quick for.
  for (let i = 0; i < 400; i++) {
    if (!reply.get("COPY").synchronous) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
    reply = await session.compound(copied);
  }
  const { response, synchronous } = reply.get("COPY");
  assertEquals(synchronous, false);
  const { filehandle } = reply.get("GETFH");
  const report = await reported(session);
  assertEquals(report, {
    filehandle,
    stateid: response.callbackId,
    status: 0,
    callbackId: undefined,
    count: BigInt(9 * MiB),
    committed: 2,
    verifier: response.verifier,
  });
  session.client.callbacks.assertClean();
  let status = 0;
  for (let i = 0; i < 400 && status === 0; i++) {
    const ask = [op.putfh(filehandle), op.offloadStatus(response.callbackId!)];
    status = (await session.compound(ask, { expect: "any" })).status;
  }
  // NFS4ERR_BAD_STATEID
  assertEquals(status, 10_025);
  assertEquals(reports(session).length, 1);
  const url = `http://127.0.0.1:${server.server.metricsPort}/metrics`;
  const metrics = await (await fetch(url)).text();
  assertEquals(/_copied_bytes_total (\d+)/.exec(metrics)?.[1], `${9 * MiB}`);
  assertEquals(/_copies (\d+)/.exec(metrics)?.[1], "0");
});
