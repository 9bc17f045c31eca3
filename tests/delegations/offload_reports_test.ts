/** CB_OFFLOAD: its bytes, and over TCP, from a long COPY to what a strict client is told. */

import { assertEquals } from "@std/assert";
import { CALLBACK_OPERATIONS } from "../../src/backchannel/callback_ops.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import {
  anonymousStateid,
  op,
  openSession,
  type Session,
  walk,
} from "../support/client/mod.ts";
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
