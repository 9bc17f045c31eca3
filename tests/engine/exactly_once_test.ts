import type { RpcCall } from "../../src/rpc/message.ts";
import { assertEquals } from "@std/assert";
import { compound } from "../../src/engine/compound.ts";
import { Op, Status } from "../../src/nfs4/constants.ts";
import { type Credential, UNKNOWN } from "../../src/rpc/auth.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import { PLAIN, type Seal } from "../../src/rpc/security.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { XdrWriter } from "../../src/xdr/writer.ts";
import {
  establish,
  type Peer,
  SessionServer,
  writeSysSecurity,
} from "./ops/session_peer.ts";

const ROOT: Credential = sysCredential({ uid: 0, gid: 0, gids: [] });

type Write = (xdr: XdrWriter) => void;

/** One operation, ready to be sent. */
function op(number: number, write: Write = () => {}): Write {
  return (xdr) => {
    xdr.uint32(number);
    write(xdr);
  };
}

function sequence(
  session: Uint8Array,
  options: { sequence?: number; slot?: number; cacheThis?: boolean } = {},
): Write {
  return op(Op.SEQUENCE, (xdr) => {
    xdr.opaqueFixed(session);
    xdr.uint32(options.sequence ?? 1);
    xdr.uint32(options.slot ?? 0);
    xdr.uint32(options.slot ?? 0);
    xdr.bool(options.cacheThis ?? false);
  });
}

const oneFs = op(Op.RECLAIM_COMPLETE, (xdr) => xdr.bool(true));
const reclaimComplete = op(Op.RECLAIM_COMPLETE, (xdr) => xdr.bool(false));
const backchannelCtl = op(Op.BACKCHANNEL_CTL, (xdr) => {
  xdr.uint32(1);
  writeSysSecurity(xdr);
});

class Compounds {
  readonly server = new SessionServer();
  readonly peer: Peer = this.server.connect();
  readonly session = establish(this.peer).session;

  /** Bytes of the COMPOUND4res. */
  async send(
    operations: Write[],
    options: { tag?: string; credential?: Credential; seal?: Seal } = {},
  ): Promise<Uint8Array> {
    const request = new XdrWriter();
    request.string(options.tag ?? "tag");
    request.uint32(1);
    request.array(operations, (xdr, write) => write(xdr));
    const reply = new XdrWriter();
    const call: RpcCall = {
      xid: 1,
      program: 100003,
      version: 4,
      procedure: 1,
      credential: options.credential ?? ROOT,
      seal: options.seal ?? PLAIN,
      body: new XdrReader(request.slice()),
    };
    const { connection } = this.peer;
    await compound(this.server.services, call, { reply, connection });
    call.reliance?.settled();
    return reply.slice();
  }

  /** Status of the COMPOUND and its number of results. */
  async status(operations: Write[]): Promise<[number, number]> {
    const xdr = new XdrReader(await this.send(operations));
    const status = xdr.uint32();
    xdr.opaque(1024);
    return [status, xdr.uint32()];
  }
}

Deno.test("a retry of a kept answer gets the same bytes and is not carried out (RFC 8881 2.10.6.1)", async () => {
  const compounds = new Compounds();
  const { session } = compounds;
  const request = [sequence(session, { cacheThis: true }), reclaimComplete];
  const first = await compounds.send(request);
  assertEquals(new XdrReader(first).uint32(), Status.OK);
  assertEquals(await compounds.send(request, { tag: "another" }), first);
  const again = [sequence(session, { sequence: 2 }), reclaimComplete];
  assertEquals(
    await compounds.status(again),
    [Status.COMPLETE_ALREADY, 2],
  );
});

Deno.test("a retry of an answer that was not kept is RETRY_UNCACHED_REP at its second operation (RFC 8881 2.10.6.1.3)", async () => {
  const compounds = new Compounds();
  const request = [sequence(compounds.session), backchannelCtl, backchannelCtl];
  assertEquals(await compounds.status(request), [Status.OK, 3]);
  assertEquals(
    await compounds.status(request),
    [Status.RETRY_UNCACHED_REP, 2],
  );
});

Deno.test("a retry of an illegal operation is OP_ILLEGAL again, kept or not (RFC 8881 2.10.6.1.3)", async () => {
  const compounds = new Compounds();
  const request = [sequence(compounds.session), op(9999)];
  const first = await compounds.send(request);
  assertEquals(new XdrReader(first).uint32(), Status.OP_ILLEGAL);
  assertEquals(await compounds.send(request), first);
});

Deno.test("a retry of a lone SEQUENCE is answered anew (RFC 8881 2.10.6.1.1)", async () => {
  const compounds = new Compounds();
  const request = [sequence(compounds.session)];
  const first = await compounds.send(request);
  assertEquals(await compounds.send(request), first);
  const next = [sequence(compounds.session, { sequence: 2 })];
  assertEquals(await compounds.status(next), [Status.OK, 1]);
});

Deno.test("an error behind SEQUENCE advances the slot and is kept (RFC 8881 2.10.6.1.3)", async () => {
  const compounds = new Compounds();
  const { session } = compounds;
  const request = [sequence(session, { cacheThis: true }), oneFs];
  const first = await compounds.send(request);
  assertEquals(new XdrReader(first).uint32(), Status.NOFILEHANDLE);
  assertEquals(await compounds.send(request), first);
  const next = [sequence(session, { sequence: 2 })];
  assertEquals(await compounds.status(next), [Status.OK, 1]);
});

Deno.test("a false retry is refused by SEQUENCE, its principal's and its operations' (RFC 8881 2.10.6.1.3.1)", async () => {
  const compounds = new Compounds();
  const { session } = compounds;
  const head = sequence(session, { cacheThis: true });
  await compounds.send([head, backchannelCtl]);
  assertEquals(
    await compounds.status([head, reclaimComplete]),
    [Status.SEQ_FALSE_RETRY, 1],
  );
  const other = await compounds.send([head, backchannelCtl], {
    credential: UNKNOWN,
  });
  assertEquals(new XdrReader(other).uint32(), Status.SEQ_FALSE_RETRY);
});

Deno.test("what the verifier takes, and sealing adds, counts for ca_maxresponsesize", async () => {
  const compounds = new Compounds();
  const head = sequence(compounds.session);
  const { maxResponseSize } = compounds.server.state.sessions
    .find(compounds.session)!.fore;
  const seals: Seal[] = [
    { ...PLAIN, headerSize: maxResponseSize - 50 },
    { ...PLAIN, overhead: maxResponseSize - 50 },
  ];
  for (const seal of seals) {
    const reply = await compounds.send([head, reclaimComplete], { seal });
    assertEquals(new XdrReader(reply).uint32(), Status.REP_TOO_BIG);
  }
  const reply = await compounds.send([head, reclaimComplete]);
  assertEquals(new XdrReader(reply).uint32(), Status.OK);
});

Deno.test("DESTROY_SESSION of the COMPOUND's own session is answered, its retry is BADSESSION (RFC 8881 18.37.3)", async () => {
  const compounds = new Compounds();
  const { session } = compounds;
  const destroy = op(Op.DESTROY_SESSION, (xdr) => xdr.opaqueFixed(session));
  const request = [sequence(session, { cacheThis: true }), destroy];
  assertEquals(
    await compounds.status([...request, reclaimComplete]),
    [Status.NOT_ONLY_OP, 2],
  );
  const last = [sequence(session, { sequence: 2 }), destroy];
  assertEquals(await compounds.status(last), [Status.OK, 2]);
  assertEquals(await compounds.status(last), [Status.BADSESSION, 1]);
});

Deno.test("operations of sessions stand where the RFC allows them (RFC 8881 2.10.6.4, 18.46.3)", async () => {
  const compounds = new Compounds();
  const { session } = compounds;
  const bind = op(Op.BIND_CONN_TO_SESSION, (xdr) => {
    xdr.opaqueFixed(session);
    xdr.uint32(3);
    xdr.bool(false);
  });
  const goodbye = op(Op.DESTROY_CLIENTID, (xdr) => xdr.uint64(1n));
  const cases: [Write[], number, number][] = [
    [[reclaimComplete], Status.OP_NOT_IN_SESSION, 1],
    [[backchannelCtl], Status.OP_NOT_IN_SESSION, 1],
    [[goodbye, goodbye], Status.NOT_ONLY_OP, 1],
    [[bind, bind], Status.NOT_ONLY_OP, 1],
    [[bind], Status.OK, 1],
    [[sequence(session), bind], Status.NOT_ONLY_OP, 2],
    [
      [sequence(session, { sequence: 2 }), sequence(session)],
      Status.SEQUENCE_POS,
      2,
    ],
    [[sequence(session, { sequence: 3 }), goodbye], Status.STALE_CLIENTID, 2],
  ];
  for (const [operations, status, results] of cases) {
    assertEquals(await compounds.status(operations), [status, results]);
  }
});

Deno.test("a COMPOUND of NFSv4.1 has no RENEW (RFC 8881 17)", async () => {
  const compounds = new Compounds();
  const renew = op(Op.RENEW, (xdr) => xdr.uint64(1n));
  const request = [sequence(compounds.session), renew];
  assertEquals(await compounds.status(request), [Status.NOTSUPP, 2]);
});
