/** CB_OFFLOAD: its bytes, that it goes out until it is heard, and over TCP what a strict client is told. */

import { assertEquals } from "@std/assert";
import { CALLBACK_OPERATIONS } from "../../src/backchannel/callback_ops.ts";
import type { CallbackRequest } from "../../src/backchannel/callback_request.ts";
import type { CallbackRouter } from "../../src/backchannel/router.ts";
import { OffloadReports } from "../../src/delegations/offload_reports.ts";
import { Status, type StatusCode } from "../../src/nfs4/constants.ts";
import { finish } from "../../src/state/effects.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import {
  anonymousStateid,
  op,
  openSession,
  type Session,
  walk,
} from "../support/client/mod.ts";
import { fileRef, StateFixture } from "../state/fixture.ts";
import { startServer } from "../support/server.ts";

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
