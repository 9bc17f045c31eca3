import { assertEquals, assertThrows } from "@std/assert";
import { backchannelCtl } from "../../../src/engine/ops/backchannel_ctl.ts";
import { bindConnToSession } from "../../../src/engine/ops/bind_conn_to_session.ts";
import { destroyClientid } from "../../../src/engine/ops/destroy_clientid.ts";
import { destroySession } from "../../../src/engine/ops/destroy_session.ts";
import type { AnyOperation } from "../../../src/engine/operation.ts";
import { reclaimComplete } from "../../../src/engine/ops/reclaim_complete.ts";
import { setSsv } from "../../../src/engine/ops/set_ssv.ts";
import { Status } from "../../../src/nfs4/constants.ts";
import {
  ClientDirection,
  CreateSessionFlag,
  Direction,
  SequenceFlag,
} from "../../../src/nfs4/sessions.ts";
import type { FileRef } from "../../../src/vfs/file_handle.ts";
import { XdrError } from "../../../src/xdr/error.ts";
import { LEASE } from "../../state/fixture.ts";
import {
  type CallOptions,
  compoundReply,
  type CreateOptions,
  establish,
  exchange,
  type Outcome,
  type Peer,
  sequenceOn,
  SessionServer,
  writeGssParms,
  writeSysParms,
} from "./session_peer.ts";

const { FORE, BACK, FORE_OR_BOTH, BACK_OR_BOTH } = ClientDirection;

function start(options: CreateOptions = {}) {
  const server = new SessionServer();
  const peer = server.connect();
  return { server, peer, ...establish(peer, options) };
}

function bind(
  peer: Peer,
  session: Uint8Array,
  options: CallOptions & { direction: number; rdma?: boolean },
): Outcome & { direction: number; rdma: boolean } {
  const outcome = peer.call(bindConnToSession, (xdr) => {
    xdr.opaqueFixed(session);
    xdr.uint32(options.direction);
    xdr.bool(options.rdma ?? false);
  }, options);
  if (outcome.status !== Status.OK) {
    return { ...outcome, direction: 0, rdma: false };
  }
  const { result } = outcome;
  assertEquals(result.opaqueFixed(16), session);
  return { ...outcome, direction: result.uint32(), rdma: result.bool() };
}

Deno.test("BIND_CONN_TO_SESSION binds a new connection as asked (RFC 8881 18.34.3)", () => {
  const { server, session } = start();
  const cases = [
    [FORE, Direction.FORE],
    [BACK, Direction.BACK],
    [FORE_OR_BOTH, Direction.BOTH],
    [BACK_OR_BOTH, Direction.BOTH],
  ] as const;
  for (const [direction, expected] of cases) {
    const peer = server.connect();
    const answer = bind(peer, session, { direction });
    assertEquals([answer.status, answer.direction], [Status.OK, expected]);
    const bound = server.state.sessions.find(session)!.connections;
    assertEquals(bound.get(peer.connection)?.direction, expected);
  }
});

Deno.test("BIND_CONN_TO_SESSION of what is bound already has no effect, other channels are INVAL (RFC 8881 18.34.3)", () => {
  const { server, session } = start();
  const peer = server.connect();
  assertEquals(bind(peer, session, { direction: FORE }).status, Status.OK);
  assertEquals(bind(peer, session, { direction: FORE }).status, Status.OK);
  assertEquals(bind(peer, session, { direction: BACK }).status, Status.INVAL);
  const both = bind(peer, session, { direction: FORE_OR_BOTH });
  assertEquals(both.direction, Direction.BOTH);
  assertEquals(bind(peer, session, { direction: FORE }).status, Status.INVAL);
});

Deno.test("BIND_CONN_TO_SESSION gives a connection that SEQUENCE has bound the backchannel as well", () => {
  const { server, session } = start();
  const peer = server.connect();
  sequenceOn(peer, session);
  const answer = bind(peer, session, { direction: BACK_OR_BOTH });
  assertEquals(answer.direction, Direction.BOTH);
});

Deno.test("BIND_CONN_TO_SESSION binds no backchannel that can't carry callbacks (RFC 8881 18.34.3)", () => {
  const { server, session } = start({ flags: 0, back: { maxRequests: 0 } });
  const ask = (direction: number) =>
    bind(server.connect(), session, { direction });
  assertEquals(ask(BACK).status, Status.INVAL);
  assertEquals(ask(BACK_OR_BOTH).status, Status.INVAL);
  assertEquals(ask(FORE_OR_BOTH).direction, Direction.FORE);
});

Deno.test("BIND_CONN_TO_SESSION gives a session its backchannel later (RFC 8881 2.10.3.1)", () => {
  const { server, session } = start({ flags: 0 });
  const answer = bind(server.connect(), session, { direction: BACK });
  assertEquals(answer.direction, Direction.BACK);
  assertEquals(server.state.sessions.find(session)?.isPathUp, true);
});

Deno.test("BIND_CONN_TO_SESSION: without memory for a backchannel DELAY, the fore channel and one that there is are bound all the same (RFC 8881 18.34)", () => {
  const server = new SessionServer({ maxStateBytes: 300_000 });
  const peer = server.connect();
  const { id, session } = establish(peer, { flags: 0 });
  const { account } = server.state.clients.find(id, 1)!;
  const ask = (direction: number) =>
    bind(server.connect(), session, { direction }).status;
  account.count("open", 400);
  assertEquals(ask(BACK), Status.DELAY);
  assertEquals(ask(BACK_OR_BOTH), Status.DELAY);
  assertEquals(ask(FORE), Status.OK);
  account.count("open", -400);
  assertEquals(ask(BACK), Status.OK);
  account.count("open", 400);
  assertEquals(ask(BACK), Status.OK);
});

Deno.test("BIND_CONN_TO_SESSION refuses RDMA and binds all the same (RFC 8881 18.34.3)", () => {
  const { server, session } = start();
  const options = { direction: FORE, rdma: true };
  const answer = bind(server.connect(), session, options);
  assertEquals([answer.status, answer.rdma], [Status.OK, false]);
});

Deno.test("BIND_CONN_TO_SESSION must be alone, behind SEQUENCE too (RFC 8881 18.34.3)", () => {
  const { peer, session } = start();
  const after = sequenceOn(peer, session);
  const answer = bind(peer, session, { direction: FORE, after });
  assertEquals(answer.status, Status.NOT_ONLY_OP);
});

Deno.test("BIND_CONN_TO_SESSION: unknown session BADSESSION, unknown direction BADXDR", () => {
  const { peer, session } = start();
  const unknown = bind(peer, new Uint8Array(16), { direction: FORE });
  assertEquals(unknown.status, Status.BADSESSION);
  for (const direction of [0, 4, 5, 6, 8]) {
    assertThrows(() => bind(peer, session, { direction }), XdrError);
  }
});

function destroy(peer: Peer, session: Uint8Array, options?: CallOptions) {
  return peer.call(
    destroySession,
    (xdr) => xdr.opaqueFixed(session),
    options,
  ).status;
}

Deno.test("DESTROY_SESSION ends the session, its replies and its connections, not the client (RFC 8881 18.37.3)", () => {
  const { server, peer, session, id } = start();
  const request = sequenceOn(peer, session, { cacheThis: true });
  request.context.slot!.finish(compoundReply(Status.OK, 2));
  server.events.length = 0;
  assertEquals(destroy(peer, session), Status.OK);
  assertEquals(server.events, [
    "unbound 3 session-gone",
    "no-session destroyed-session",
  ]);
  assertEquals(server.state.sessions.usage.replayCacheBytes, 0);
  assertEquals(server.state.clients.find(id, 1)?.isConfirmed, true);
  assertEquals(sequenceOn(peer, session).status, Status.BADSESSION);
  assertEquals(destroy(peer, session), Status.BADSESSION);
});

Deno.test("DESTROY_SESSION from a connection that is not bound is CONN_NOT_BOUND_TO_SESSION (RFC 8881 18.37.3)", () => {
  const { server, peer, session } = start();
  const stranger = server.connect(1000);
  assertEquals(
    destroy(stranger, session),
    Status.CONN_NOT_BOUND_TO_SESSION,
  );
  const second = server.connect();
  bind(second, session, { direction: FORE });
  assertEquals(destroy(second, session), Status.OK);
  assertEquals(destroy(peer, session), Status.BADSESSION);
});

Deno.test("DESTROY_SESSION of its own COMPOUND's session must be last (RFC 8881 18.37.3)", () => {
  const { server, peer, session } = start();
  const after = sequenceOn(peer, session);
  assertEquals(
    destroy(peer, session, { after, operationCount: 3 }),
    Status.NOT_ONLY_OP,
  );
  assertEquals(destroy(peer, session, { after }), Status.OK);
  after.context.slot!.finish(compoundReply(Status.OK, 2));
  assertEquals(server.state.sessions.usage, {
    slotsInUse: 0,
    replayCacheBytes: 0,
  });
});

Deno.test("DESTROY_SESSION of another session may stand anywhere behind SEQUENCE (RFC 8881 18.37.3)", () => {
  const { server, peer, session } = start();
  const other = establish(peer, { owner: "other" });
  const after = sequenceOn(peer, session);
  const options = { after, operationCount: 5 };
  assertEquals(destroy(peer, other.session, options), Status.OK);
  assertEquals(server.state.sessions.size, 1);
});

Deno.test("DESTROY_SESSION waits for the requests of the session: DELAY", () => {
  const { peer, session } = start();
  const running = sequenceOn(peer, session);
  assertEquals(destroy(peer, session), Status.DELAY);
  const after = sequenceOn(peer, session, { slot: 1 });
  assertEquals(destroy(peer, session, { after }), Status.DELAY);
  running.context.slot!.finish(compoundReply(Status.OK, 2));
  assertEquals(destroy(peer, session, { after }), Status.OK);
});

function goodbye(peer: Peer, id: bigint, options?: CallOptions) {
  return peer.call(destroyClientid, (xdr) => xdr.uint64(id), options).status;
}

Deno.test("DESTROY_CLIENTID of a client with a session is CLIENTID_BUSY (RFC 8881 18.50.3)", () => {
  const { server, peer, session, id } = start();
  assertEquals(goodbye(peer, id), Status.CLIENTID_BUSY);
  const after = sequenceOn(peer, session);
  assertEquals(goodbye(peer, id, { after }), Status.CLIENTID_BUSY);
  after.context.slot!.finish(compoundReply(Status.OK, 2));
  destroy(peer, session);
  assertEquals(goodbye(peer, id), Status.OK);
  assertEquals(server.events.at(-1), "gone destroyed");
  assertEquals(goodbye(peer, id), Status.STALE_CLIENTID);
});

Deno.test("DESTROY_CLIENTID may be sent by another client's session and for an unconfirmed client (RFC 8881 18.50.3)", () => {
  const { server, peer, session } = start();
  const other = exchange(peer, { owner: "other" });
  const after = sequenceOn(peer, session);
  assertEquals(goodbye(peer, other.id, { after }), Status.OK);
  assertEquals(server.state.clients.size, 1);
});

Deno.test("DESTROY_CLIENTID of an expired lease succeeds (RFC 8881 18.50.3)", () => {
  const { server, peer, id } = start();
  server.clock.advance(LEASE + 1);
  assertEquals(goodbye(peer, id), Status.OK);
  assertEquals(server.state.sessions.size, 0);
});

Deno.test("DESTROY_CLIENTID of an unknown client is STALE_CLIENTID (RFC 8881 15.1.10.2)", () => {
  assertEquals(goodbye(start().peer, 4711n), Status.STALE_CLIENTID);
});

const operation: AnyOperation = reclaimComplete;

function complete(peer: Peer, after: Outcome, oneFs = false, file?: FileRef) {
  return peer.call(
    {
      ...operation,
      run(context, args) {
        context.current = file;
        return operation.run(context, args);
      },
    },
    (xdr) => xdr.bool(oneFs),
    { after },
  ).status;
}

Deno.test("RECLAIM_COMPLETE twice is COMPLETE_ALREADY (RFC 8881 18.51.4)", () => {
  const { server, peer, session, id } = start();
  const after = sequenceOn(peer, session);
  assertEquals(complete(peer, after), Status.OK);
  assertEquals(server.state.clients.find(id, 1)?.isReclaimComplete, true);
  assertEquals(complete(peer, after), Status.COMPLETE_ALREADY);
  assertEquals(server.events.at(-1), "reclaimed");
});

Deno.test("RECLAIM_COMPLETE of one file system needs a filehandle and ends nothing else (RFC 8881 18.51.3)", () => {
  const { server, peer, session, id } = start();
  const after = sequenceOn(peer, session);
  assertEquals(complete(peer, after, true), Status.NOFILEHANDLE);
  assertEquals(complete(peer, after, true, {} as FileRef), Status.OK);
  assertEquals(server.state.clients.find(id, 1)?.isReclaimComplete, false);
});

Deno.test("RECLAIM_COMPLETE clears RESTART_RECLAIM_NEEDED (RFC 8881 18.46.3)", () => {
  const server = new SessionServer({ grace: { durationMs: 90_000 } });
  const peer = server.connect();
  const { session } = establish(peer);
  const after = sequenceOn(peer, session);
  assertEquals(after.flags, SequenceFlag.RESTART_RECLAIM_NEEDED);
  complete(peer, after);
  assertEquals(sequenceOn(peer, session, { slot: 1 }).flags, 0);
});

function control(peer: Peer, after: Outcome, flavors: number[]) {
  return peer.call(backchannelCtl, (xdr) => {
    xdr.uint32(77);
    xdr.array(flavors, (out, flavor) => {
      if (flavor === 1) writeSysParms(out);
      else if (flavor === 6) writeGssParms(out);
      else out.uint32(flavor);
    });
  }, { after }).status;
}

Deno.test("BACKCHANNEL_CTL publishes program and credential as one value (RFC 8881 18.33.3)", () => {
  const { server, peer, session } = start();
  const before = server.state.sessions.find(session)!.callback!;
  const after = sequenceOn(peer, session);
  assertEquals(control(peer, after, [6, 0]), Status.OK);
  const { callback } = server.state.sessions.find(session)!;
  assertEquals(callback, { program: 77, credential: { flavor: 0 } });
  assertEquals(before.program, 0x4000_0000);
});

Deno.test("BACKCHANNEL_CTL with nothing but RPCSEC_GSS is NOENT, with nothing at all INVAL, and changes nothing (RFC 8881 18.33.3)", () => {
  const { server, peer, session } = start();
  const before = server.state.sessions.find(session)!.callback;
  const after = sequenceOn(peer, session);
  assertEquals(control(peer, after, [6]), Status.NOENT);
  assertEquals(control(peer, after, []), Status.INVAL);
  assertEquals(server.state.sessions.find(session)!.callback, before);
});

Deno.test("BACKCHANNEL_CTL without a backchannel is INVAL", () => {
  const { peer, session } = start({ flags: CreateSessionFlag.PERSIST });
  const after = sequenceOn(peer, session);
  assertEquals(control(peer, after, [1]), Status.INVAL);
});

Deno.test("BACKCHANNEL_CTL with malformed parameters is BADXDR", () => {
  const { peer, session } = start();
  const after = sequenceOn(peer, session);
  assertThrows(() => control(peer, after, [2]), XdrError);
  const cut = () => peer.call(backchannelCtl, (xdr) => xdr.uint32(1));
  assertThrows(cut, XdrError);
});

Deno.test("SET_SSV is INVAL for a client without SP4_SSV (RFC 8881 18.47.3)", () => {
  const { peer, session } = start();
  const after = sequenceOn(peer, session);
  const { status } = peer.call(setSsv, (xdr) => {
    xdr.opaque(new Uint8Array(32));
    xdr.opaque(new Uint8Array(20));
  }, { after });
  assertEquals(status, Status.INVAL);
});
