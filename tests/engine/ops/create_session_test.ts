import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { defaultLimits } from "../../../src/engine/limits.ts";
import { Status } from "../../../src/nfs4/constants.ts";
import { CreateSessionFlag, Direction } from "../../../src/nfs4/sessions.ts";
import { XdrError } from "../../../src/xdr/error.ts";
import type { XdrWriter } from "../../../src/xdr/writer.ts";
import { LEASE } from "../../state/fixture.ts";
import {
  CHANNEL,
  create,
  type CreateOptions,
  establish,
  exchange,
  sequenceOn,
  SessionServer,
  writeGssParms,
  writeSysParms,
} from "./session_peer.ts";

const { CONN_BACK_CHAN, CONN_RDMA, PERSIST } = CreateSessionFlag;

function attempt(options: CreateOptions) {
  const peer = new SessionServer().connect();
  return create(peer, exchange(peer), options);
}

Deno.test("CREATE_SESSION confirms the client and echoes its sequence (RFC 8881 18.36.3)", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const client = exchange(peer);
  const made = create(peer, client);
  assertEquals([made.status, made.sequence], [Status.OK, client.sequence]);
  assertEquals(server.state.clients.find(client.id, 1)?.isConfirmed, true);
  assertEquals(server.events, [
    "session",
    "confirmed",
    "bound 3",
    "backchannel-up",
  ]);
});

Deno.test("CREATE_SESSION that makes no session for want of memory leaves both incarnations as they are (RFC 8881 18.36.4)", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const { session } = create(peer, exchange(peer));
  const next = exchange(peer, { verifier: 2 });
  const { budget, clients, sessions } = server.state;
  const { limit } = budget;
  budget.limit = 1;
  assertEquals(create(peer, next).status, Status.DELAY);
  assertEquals(sessions.find(session)?.isDestroyed, false);
  assertEquals(clients.find(next.id, 1)?.isConfirmed, false);
  budget.limit = limit;
  assertEquals(create(peer, next).status, Status.OK);
  assertEquals(sessions.find(session), undefined);
  assertEquals(clients.find(next.id, 1)?.isConfirmed, true);
});

Deno.test("CREATE_SESSION for an unknown client id is STALE_CLIENTID (RFC 8881 18.36.4)", () => {
  const peer = new SessionServer().connect();
  const unknown = { id: 4711n, sequence: 1 };
  assertEquals(create(peer, unknown).status, Status.STALE_CLIENTID);
});

Deno.test("CREATE_SESSION sent again gets the same answer and makes nothing (RFC 8881 18.36.4)", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const client = exchange(peer);
  const first = create(peer, client);
  const again = create(peer, client);
  assertEquals(again.session, first.session);
  assertEquals(again.result.bytes, first.result.bytes);
  assertEquals(server.state.sessions.size, 1);
});

Deno.test("CREATE_SESSION sent again on a new connection binds that one too", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const client = exchange(peer);
  const { session } = create(peer, client);
  const second = server.connect();
  create(second, client);
  const bound = server.state.sessions.find(session)!.connections;
  assertEquals(bound.get(second.connection)?.direction, Direction.BOTH);
});

Deno.test("CREATE_SESSION that was refused is judged anew, under the same sequence and under the next (RFC 8881 18.36.4)", () => {
  for (const step of [0, 1]) {
    const peer = new SessionServer().connect();
    const client = exchange(peer);
    const refused = create(peer, client, { flags: 0xf });
    assertEquals(refused.status, Status.INVAL);
    assertEquals(
      create(peer, client, { flags: 0xf }).status,
      Status.INVAL,
      "sent again",
    );
    const next = { ...client, sequence: client.sequence + step };
    assertEquals(create(peer, next).status, Status.OK);
  }
});

Deno.test("CREATE_SESSION out of sequence is SEQ_MISORDERED (RFC 8881 18.36.4)", () => {
  const peer = new SessionServer().connect();
  const client = exchange(peer);
  const at = (sequence: number) =>
    create(peer, { id: client.id, sequence: sequence >>> 0 }).status;
  // Before the first one the slot holds a contrived SEQ_MISORDERED.
  assertEquals(at(client.sequence - 1), Status.SEQ_MISORDERED);
  assertEquals(at(client.sequence + 1), Status.SEQ_MISORDERED);
  assertEquals(at(client.sequence), Status.OK);
  assertEquals(at(client.sequence - 1), Status.SEQ_MISORDERED);
  assertEquals(at(client.sequence + 2), Status.SEQ_MISORDERED);
  assertEquals(at(client.sequence + 1), Status.OK);
  assertEquals(at(client.sequence), Status.SEQ_MISORDERED);
});

Deno.test("CREATE_SESSION's sequence wraps through 0 (RFC 8881 18.36.4)", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const client = establish(peer);
  const record = server.state.clients.find(client.id, 1)!;
  record.createSession.sequence = 0xffff_ffff;
  assertEquals(
    create(peer, { id: client.id, sequence: 0 }).status,
    Status.OK,
  );
});

Deno.test("CREATE_SESSION by another principal is CLID_INUSE, confirmed or not, replayed or new, and moves nothing (RFC 8881 18.36.4)", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const stranger = server.connect(1000);
  const nobody = server.connect(-1);
  const client = exchange(peer);
  const next = { ...client, sequence: client.sequence + 1 };
  const refused = () => {
    for (const other of [stranger, nobody]) {
      for (const request of [client, next]) {
        assertEquals(create(other, request).status, Status.CLID_INUSE);
      }
    }
  };
  refused();
  const first = create(peer, client);
  refused();
  assertEquals(server.state.sessions.size, 1);
  assertEquals(create(peer, client).result.bytes, first.result.bytes);
  assertEquals(create(peer, next).status, Status.OK);
});

Deno.test("CREATE_SESSION refuses undefined flags (RFC 8881 18.36.3)", () => {
  assertEquals(attempt({ flags: 8 }).status, Status.INVAL);
  assertEquals(attempt({ flags: -1 }).status, Status.INVAL);
});

Deno.test("CREATE_SESSION grants neither PERSIST nor RDMA, and the backchannel only when asked (RFC 8881 18.36.3)", () => {
  assertEquals(attempt({ flags: PERSIST | CONN_RDMA }).flags, 0);
  assertEquals(attempt({ flags: 7 }).flags, CONN_BACK_CHAN);
  assertEquals(attempt({ flags: 0 }).flags, 0);
});

Deno.test("CREATE_SESSION lowers what is asked and raises nothing (RFC 8881 18.36.3)", () => {
  const high = {
    maxRequestSize: 0xffff_ffff,
    maxResponseSize: 0xffff_ffff,
    maxResponseSizeCached: 0xffff_ffff,
    maxOperations: 0xffff_ffff,
    maxRequests: 0xffff_ffff,
  };
  assertEquals(attempt({ fore: high }).fore, {
    maxRequestSize: defaultLimits.maxRequest,
    maxResponseSize: defaultLimits.maxReply,
    maxResponseSizeCached: defaultLimits.maxCachedReply,
    maxOperations: defaultLimits.maxOperations,
    maxRequests: defaultLimits.maxSlots,
  });
  assertEquals(attempt({}).fore, CHANNEL);
  const low = attempt({ fore: { maxResponseSizeCached: 10 } });
  assertEquals(low.fore.maxResponseSizeCached, 10);
});

Deno.test("CREATE_SESSION changes neither operations nor requests of the backchannel (RFC 8881 18.36.3)", () => {
  const { back } = attempt({ back: { maxOperations: 999, maxRequests: 777 } });
  assertEquals([back.maxOperations, back.maxRequests], [999, 777]);
});

Deno.test("CREATE_SESSION answers TOOSMALL where no request or reply could pass (RFC 8881 18.36.3)", () => {
  const small = [
    { maxRequestSize: 0 },
    { maxRequestSize: 20 },
    { maxResponseSize: 0 },
    { maxResponseSize: 79 },
    { maxOperations: 0 },
  ];
  for (const fore of small) {
    assertEquals(attempt({ fore }).status, Status.TOOSMALL);
  }
  assertEquals(attempt({ fore: { maxResponseSize: 80 } }).status, Status.OK);
});

Deno.test("CREATE_SESSION answers TOOSMALL for a backchannel that can't carry a recall (RFC 8881 18.36.3)", () => {
  const small = [
    { maxRequestSize: 100 },
    { maxResponseSize: 10 },
    { maxOperations: 1 },
  ];
  for (const back of small) {
    assertEquals(attempt({ back }).status, Status.TOOSMALL);
    assertEquals(attempt({ back, flags: 0 }).status, Status.TOOSMALL);
    const unused = { ...back, maxRequests: 0 };
    assertEquals(attempt({ back: unused, flags: 0 }).status, Status.OK);
  }
});

Deno.test("CREATE_SESSION gives a fore channel without slots one, and a backchannel without slots no connection", () => {
  assertEquals(attempt({ fore: { maxRequests: 0 } }).fore.maxRequests, 1);
  const none = attempt({ back: { maxRequests: 0 } });
  assertEquals([none.status, none.flags], [Status.OK, 0]);
});

Deno.test("CREATE_SESSION reads at most one ca_rdma_ird (RFC 8881 18.36.1)", () => {
  assertEquals(attempt({ rdma: [] }).status, Status.OK);
  assertEquals(attempt({ rdma: [5] }).status, Status.OK);
  assertThrows(() => attempt({ rdma: [5, 6] }), XdrError);
});

Deno.test("CREATE_SESSION keeps program and credential for callbacks, AUTH_SYS before AUTH_NONE (RFC 8881 18.36.3)", () => {
  const security = (xdr: XdrWriter) => {
    xdr.uint32(3);
    xdr.uint32(0);
    writeGssParms(xdr);
    writeSysParms(xdr);
  };
  const server = new SessionServer();
  const { session } = establish(server.connect(), { security, program: 9 });
  assertEquals(server.state.sessions.find(session)?.callback, {
    program: 9,
    credential: {
      flavor: 1,
      stamp: 5,
      machineName: "callback",
      uid: 7,
      gid: 11,
      gids: [12, 13],
    },
  });
});

Deno.test("CREATE_SESSION takes AUTH_NONE where that is all (RFC 8881 18.36.3)", () => {
  const server = new SessionServer();
  const { session } = establish(server.connect(), {
    security: (xdr) => xdr.array([0], (out, flavor) => out.uint32(flavor)),
  });
  const { callback } = server.state.sessions.find(session)!;
  assertEquals(callback?.credential, { flavor: 0 });
});

Deno.test("CREATE_SESSION with only RPCSEC_GSS handles is NOENT, for none is known (RFC 8881 18.36.3)", () => {
  const security = (xdr: XdrWriter) => {
    xdr.uint32(1);
    writeGssParms(xdr);
  };
  assertEquals(attempt({ security }).status, Status.NOENT);
  assertEquals(attempt({ security, flags: 0 }).status, Status.OK);
});

Deno.test("CREATE_SESSION without security parameters gets no backchannel", () => {
  const made = attempt({ security: (xdr) => xdr.uint32(0) });
  assertEquals([made.status, made.flags], [Status.OK, 0]);
});

Deno.test("CREATE_SESSION with an unknown callback flavor is BADXDR (RFC 8881 18.33.1)", () => {
  const security = (xdr: XdrWriter) => {
    xdr.uint32(1);
    xdr.uint32(3);
  };
  assertThrows(() => attempt({ security }), XdrError);
});

Deno.test("CREATE_SESSION 10,000 times in a row keeps to the limit, the longest idle goes first", () => {
  const server = new SessionServer({ maxSessionsPerClient: 3 });
  const peer = server.connect();
  const { id, sequence, session } = establish(peer);
  for (let i = 0; i < 10_000; i++) {
    server.clock.advance(1);
    const { status } = create(peer, { id, sequence: sequence + i });
    if (status !== Status.OK) throw new Error(`${status} at ${i}`);
  }
  assertEquals(server.state.sessions.size, 3);
  assertEquals(sequenceOn(peer, session).status, Status.BADSESSION);
});

Deno.test("CREATE_SESSION is NOSPC while all the client's sessions are at work (RFC 8881 18.36.4)", () => {
  const server = new SessionServer({ maxSessionsPerClient: 1 });
  const peer = server.connect();
  const { id, sequence, session } = establish(peer);
  const running = sequenceOn(peer, session);
  assertEquals(create(peer, { id, sequence }).status, Status.NOSPC);
  running.context.slot!.finish(new Uint8Array(12));
  const next = create(peer, { id, sequence: sequence + 1 });
  assertEquals(next.status, Status.OK);
  assertNotEquals(next.session, session);
});

Deno.test("CREATE_SESSION starts the lease", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const client = exchange(peer);
  server.clock.advance(LEASE - 1);
  create(peer, client);
  server.clock.advance(LEASE);
  const record = server.state.clients.find(client.id, 1)!;
  assertEquals(server.state.lease.isExpired(record), false);
  server.clock.advance(1);
  assertEquals(server.state.lease.isExpired(record), true);
});
