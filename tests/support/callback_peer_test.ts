import { assert, assertEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import type { XdrWriter } from "../../src/xdr/writer.ts";
import { CallbackPeer } from "./client/callback_peer.ts";
import { CallbackSession } from "./client/callback_session.ts";
import { CallbackListener } from "./client/callback_listener.ts";
import { readCallbackResult } from "./client/callback_wire.ts";
import { ClientConnection } from "./client/connection.ts";
import {
  AuthStat,
  type CallHeader,
  type Credential,
  encodeCall,
  readReply,
  type RpcOutcome,
} from "./client/rpc.ts";

const PROGRAM = 0x40000000;
const sessionid = new Uint8Array(16).fill(7);
const filehandle = new Uint8Array(20).fill(9);
const stateid = { seqid: 1, other: new Uint8Array(12).fill(3) };
const given = { stamp: 5, machine: "client", uid: 4, gid: 5, gids: [6] };
const credential: Credential = { flavor: "sys", ...given };

/** What a test changes of a callback that is right. */
interface Fault {
  readonly header?: Partial<CallHeader>;
  readonly tag?: string;
  readonly minorVersion?: number;
  readonly ident?: number;
  readonly sessionid?: Uint8Array;
  readonly sequenceid?: number;
  readonly slotid?: number;
  readonly highestSlotid?: number;
  readonly stateSeqid?: number;
  readonly filehandle?: Uint8Array;
  readonly truncate?: number;
  readonly trailing?: number;
  readonly withoutSequence?: boolean;
}

let xid = 100;

function recall(fault: Fault = {}): Uint8Array {
  const header = {
    xid: ++xid,
    program: PROGRAM,
    version: 1,
    procedure: 1,
    credential,
    ...fault.header,
  };
  return encodeCall(header, (xdr) => writeRecall(xdr, fault));
}

function writeRecall(xdr: XdrWriter, fault: Fault): void {
  xdr.string(fault.tag ?? "");
  xdr.uint32(fault.minorVersion ?? 1);
  xdr.uint32(fault.ident ?? 0);
  xdr.uint32(fault.withoutSequence ? 1 : 2);
  if (!fault.withoutSequence) {
    xdr.uint32(11);
    xdr.opaqueFixed(fault.sessionid ?? sessionid);
    xdr.uint32(fault.sequenceid ?? 1);
    xdr.uint32(fault.slotid ?? 0);
    xdr.uint32(fault.highestSlotid ?? fault.slotid ?? 0);
    xdr.bool(false);
    xdr.uint32(0);
  }
  xdr.uint32(4);
  xdr.uint32(fault.stateSeqid ?? stateid.seqid);
  xdr.opaqueFixed(stateid.other);
  xdr.uint32(fault.truncate ?? 0);
  xdr.opaque(fault.filehandle ?? filehandle);
  if (fault.trailing) xdr.raw(new Uint8Array(fault.trailing));
}

/** A peer that holds the delegation, and the answers it gives. */
function holder(slots = 2) {
  const peer = new CallbackPeer({ v40: { program: PROGRAM, ident: 0x1d } });
  const session = new CallbackSession({
    sessionid,
    minorVersion: 1,
    program: PROGRAM,
    security: [{ flavor: "sys", credential: given }],
    channel: {
      headerpadsize: 0,
      maxrequestsize: 4096,
      maxresponsesize: 4096,
      maxresponsesize_cached: 0,
      maxoperations: 2,
      maxrequests: slots,
      rdma_ird: [],
    },
  });
  peer.addSession(session);
  peer.delegations.hold(filehandle, {
    type: "read",
    stateid,
    recall: false,
    permissions: { type: 0, flag: 0, mask: 0, who: "" },
  });
  const sent: Uint8Array[] = [];
  let closed = 0;
  const send = (record: Uint8Array) => {
    peer.accept({ bytes: record, fragments: 1 }, {
      send: (bytes) => Promise.resolve(void sent.push(bytes)),
      close: () => void closed++,
    });
  };
  return { peer, session, sent, send, closed: () => closed };
}

function outcomeOf(bytes: Uint8Array): RpcOutcome {
  return readReply(new XdrReader(bytes, 8));
}

function statusOf(bytes: Uint8Array): number {
  const outcome = outcomeOf(bytes);
  assert(outcome.kind === "success", outcome.kind);
  return readCallbackResult(outcome.body).status;
}

Deno.test("a callback that is right is carried out", () => {
  const { peer, session, sent, send } = holder();
  send(recall());
  assertEquals(statusOf(sent[0]!), Status.OK);
  assertEquals(session.sequenceids, [1, 0]);
  assertEquals(peer.recalls.length, 1);
  peer.assertClean();
});

Deno.test("what Linux refuses with an RPC error is refused with it", () => {
  const refusals: [string, Fault, RpcOutcome][] = [
    ["AUTH_NONE", { header: { credential: { flavor: "none" } } }, {
      kind: "auth_error",
      why: AuthStat.TOOWEAK,
    }],
    ["another uid", {
      header: { credential: { ...credential, uid: 0 } as Credential },
    }, { kind: "auth_error", why: AuthStat.BADCRED }],
    ["another machine", {
      header: { credential: { ...credential, machine: "x" } as Credential },
    }, { kind: "auth_error", why: AuthStat.BADCRED }],
    ["another flavor", {
      header: {
        credential: { flavor: "raw", number: 6, body: new Uint8Array() },
      },
    }, { kind: "auth_error", why: AuthStat.BADCRED }],
    ["another program", { header: { program: PROGRAM + 1 } }, {
      kind: "prog_unavail",
    }],
    ["version 4", { header: { version: 4 } }, {
      kind: "prog_mismatch",
      low: 1,
      high: 1,
    }],
    ["RPC version 3", { header: { rpcVersion: 3 } }, {
      kind: "rpc_mismatch",
      low: 2,
      high: 2,
    }],
    ["procedure 2", { header: { procedure: 2 } }, { kind: "proc_unavail" }],
    ["trailing bytes", { trailing: 4 }, { kind: "garbage_args" }],
    ["a bool of 2", { truncate: 2 }, { kind: "garbage_args" }],
    ["another callback_ident in NFSv4.0", {
      minorVersion: 0,
      ident: 1,
      withoutSequence: true,
    }, { kind: "auth_error", why: AuthStat.BADCRED }],
  ];
  for (const [name, fault, expected] of refusals) {
    const { peer, session, sent, send } = holder();
    send(recall(fault));
    assertEquals(outcomeOf(sent[0]!), expected, name);
    assertEquals(peer.violations.length, 1, name);
    assertEquals(session.sequenceids, [0, 0], name);
  }
});

Deno.test("what Linux refuses with a status is refused with it", () => {
  const refusals: [string, Fault, number][] = [
    ["another session", { sessionid: new Uint8Array(16) }, Status.BADSESSION],
    ["slot out of range", { slotid: 2 }, Status.BADSLOT],
    ["high slot out of range", { highestSlotid: 2 }, Status.BAD_HIGH_SLOT],
    ["seqid skipped", { sequenceid: 2 }, Status.SEQ_MISORDERED],
    ["seqid 0", { sequenceid: 0 }, Status.SEQ_MISORDERED],
    ["minor version 2", { minorVersion: 2 }, Status.MINOR_VERS_MISMATCH],
    ["no CB_SEQUENCE", { withoutSequence: true }, Status.OP_NOT_IN_SESSION],
  ];
  for (const [name, fault, status] of refusals) {
    const { peer, session, sent, send } = holder();
    send(recall(fault));
    assertEquals(statusOf(sent[0]!), status, name);
    assert(peer.violations.length > 0, name);
    assertEquals(session.sequenceids, [0, 0], name);
  }
});

Deno.test("a recall of what is not held fails, and is not a fault of the wire", () => {
  for (
    const [fault, status] of [
      [{ filehandle: new Uint8Array(4) }, Status.BADHANDLE],
      [{ stateSeqid: 0 }, Status.BAD_STATEID],
    ] as const
  ) {
    const { peer, session, sent, send } = holder();
    send(recall(fault));
    assertEquals(statusOf(sent[0]!), status);
    assertEquals(session.sequenceids, [1, 0]);
    peer.assertClean();
  }
});

Deno.test("tag and callback_ident on a session are noted though Linux lets them pass", () => {
  const { peer, sent, send } = holder();
  send(recall({ tag: "x", ident: 3 }));
  assertEquals(statusOf(sent[0]!), Status.OK);
  assertEquals(peer.violations.length, 2);
});

Deno.test("a retry gets the kept reply, another request under its seqid does not", () => {
  const { peer, sent, send } = holder();
  send(recall());
  send(recall());
  assertEquals(sent[1]!.slice(4), sent[0]!.slice(4));
  assertEquals(peer.calls.map(({ isRetry }) => isRetry), [false, true]);
  peer.assertClean();
  send(recall({ truncate: 1 }));
  assertEquals(statusOf(sent[2]!), Status.SEQ_FALSE_RETRY);
  assertEquals(peer.violations.length, 1);
});

Deno.test("a silent client has done the work: the retry finds its answer", () => {
  const { peer, sent, send } = holder();
  peer.next({ kind: "silent" }, { kind: "silent", executed: false });
  send(recall());
  assertEquals(sent.length, 0);
  send(recall({ sequenceid: 2 }));
  assertEquals(sent.length, 0);
  send(recall({ sequenceid: 2 }));
  assertEquals(statusOf(sent[0]!), Status.OK);
  peer.assertClean();
});

Deno.test("a slot whose answer is late is busy: DELAY to a retry, a fault to use it", async () => {
  const { peer, sent, send } = holder();
  const { promise, resolve } = Promise.withResolvers<void>();
  peer.next({ kind: "late", until: promise });
  send(recall());
  assertEquals(sent.length, 0);
  send(recall());
  assertEquals(statusOf(sent[0]!), Status.DELAY);
  peer.assertClean();
  send(recall({ sequenceid: 2 }));
  assertEquals(statusOf(sent[1]!), Status.SEQ_MISORDERED);
  assertEquals(peer.violations.length, 1);
  resolve();
  await promise;
  await Promise.resolve();
  assertEquals(statusOf(sent[2]!), Status.OK);
});

Deno.test("the client misbehaves as it is told", () => {
  const { peer, session, sent, send, closed } = holder();
  peer.next(
    { kind: "status", status: Status.DELAY },
    { kind: "status", status: Status.BADSESSION, op: "SEQUENCE" },
    { kind: "denied", why: AuthStat.TOOWEAK },
    { kind: "twice" },
    { kind: "wrong_xid" },
    { kind: "target", highestSlotid: 0 },
    { kind: "close" },
  );
  send(recall());
  assertEquals(statusOf(sent[0]!), Status.DELAY);
  send(recall({ sequenceid: 2 }));
  assertEquals(statusOf(sent[1]!), Status.BADSESSION);
  send(recall({ sequenceid: 2 }));
  assertEquals(outcomeOf(sent[2]!).kind, "auth_error");
  assertEquals(session.sequenceids, [1, 0]);
  send(recall({ sequenceid: 2 }));
  assertEquals(sent[3], sent[4]);
  send(recall({ sequenceid: 3 }));
  assertEquals(new XdrReader(sent[5]!).uint32() === xid, false);
  send(recall({ sequenceid: 4 }));
  assertEquals(session.targetHighestSlotid, 0);
  send(recall({ slotid: 1 }));
  assertEquals(closed(), 1);
  assertEquals(sent.length, 7);
  assert(peer.calls.at(-1)!.isAboveTarget);
  peer.assertClean();
});

Deno.test("a callback that overtakes the reply that it refers to is put off", () => {
  const { peer, sent, send } = holder();
  const outstanding = new Set(["3:8"]);
  peer.addSession(
    new CallbackSession({
      sessionid,
      minorVersion: 1,
      program: PROGRAM,
      security: [{ flavor: "sys", credential: given }],
      channel: {
        headerpadsize: 0,
        maxrequestsize: 4096,
        maxresponsesize: 4096,
        maxresponsesize_cached: 0,
        maxoperations: 2,
        maxrequests: 1,
        rdma_ird: [],
      },
      isOutstanding: (slotid, sequenceid) =>
        outstanding.has(`${slotid}:${sequenceid}`),
    }),
  );
  const record = encodeCall(
    { xid: 1, program: PROGRAM, version: 1, procedure: 1, credential },
    (xdr) => {
      xdr.string("");
      for (const field of [1, 0, 1, 11]) xdr.uint32(field);
      xdr.opaqueFixed(sessionid);
      for (const field of [1, 0, 0, 0, 1]) xdr.uint32(field);
      xdr.opaqueFixed(sessionid);
      for (const field of [1, 8, 3]) xdr.uint32(field);
    },
  );
  send(record);
  assertEquals(statusOf(sent[0]!), Status.DELAY);
  outstanding.clear();
  send(record);
  assertEquals(statusOf(sent[1]!), Status.OK);
  peer.assertClean();
});

Deno.test("an NFSv4.0 listener is dialled, probed and recalled over TCP", async () => {
  await using listener = new CallbackListener({
    v40: { program: PROGRAM, ident: 0x1d },
  });
  listener.peer.delegations.hold(filehandle, {
    type: "read",
    stateid,
    recall: false,
    permissions: { type: 0, flag: 0, mask: 0, who: "" },
  });
  const [, high, low] = listener.universalAddress.match(/\.(\d+)\.(\d+)$/)!;
  const port = Number(high) * 256 + Number(low);
  await using server = await ClientConnection.connect({ port });
  await server.ping({ program: PROGRAM, version: 1 });
  const status = await server.call(
    1,
    (xdr) => {
      writeRecall(xdr, { minorVersion: 0, ident: 0x1d, withoutSequence: true });
    },
    {
      program: PROGRAM,
      version: 1,
      read: (outcome) => {
        assert(outcome.kind === "success");
        return readCallbackResult(outcome.body).status;
      },
    },
  );
  assertEquals(status, Status.OK);
  assertEquals(listener.accepted, 1);
  assertEquals((await listener.peer.waitForCalls(2)).length, 2);
  listener.peer.assertClean();
});
