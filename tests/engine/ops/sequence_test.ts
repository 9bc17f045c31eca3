import { assertEquals, assertThrows } from "@std/assert";
import { sequence } from "../../../src/engine/ops/sequence.ts";
import { Status } from "../../../src/nfs4/constants.ts";
import {
  CreateSessionFlag,
  Direction,
  SequenceFlag,
} from "../../../src/nfs4/sessions.ts";
import { XdrError } from "../../../src/xdr/error.ts";
import { bytes, LEASE } from "../../state/fixture.ts";
import {
  compoundReply,
  type CreateOptions,
  establish,
  type Outcome,
  type Peer,
  sequenceOn,
  type SequenceOptions,
  SessionServer,
} from "./session_peer.ts";

function start(options: CreateOptions = {}) {
  const server = new SessionServer();
  const peer = server.connect();
  const client = establish(peer, options);
  const send = (request: SequenceOptions = {}, from: Peer = peer) =>
    sequenceOn(from, client.session, request);
  return { server, peer, send, ...client };
}

/** Ends a request as the engine does. */
function end(outcome: Outcome, reply = compoundReply(Status.OK, 3)): void {
  outcome.context.slot!.finish(reply);
}

Deno.test("SEQUENCE echoes session, sequence and slot, and tells the slots (RFC 8881 18.46.3)", () => {
  const answer = start().send({ slot: 3 });
  assertEquals(answer.status, Status.OK);
  assertEquals([answer.highest, answer.target, answer.flags], [7, 7, 0]);
});

Deno.test("SEQUENCE of an unknown session is BADSESSION (RFC 8881 15.1.11.1)", () => {
  const { peer, session } = start();
  assertEquals(sequenceOn(peer, new Uint8Array(16)).status, Status.BADSESSION);
  // The table's key is part of the id only: the rest counts as well.
  const similar = session.slice();
  similar[15]! ^= 1;
  assertEquals(sequenceOn(peer, similar).status, Status.BADSESSION);
});

Deno.test("SEQUENCE on a slot that was not granted is BADSLOT (RFC 8881 15.1.11.2)", () => {
  const { send } = start();
  assertEquals(send({ slot: 8 }).status, Status.BADSLOT);
  assertEquals(send({ slot: 0xffff_ffff }).status, Status.BADSLOT);
  assertEquals(send({ slot: 7 }).status, Status.OK);
});

Deno.test("SEQUENCE starts with 1 on each slot (RFC 8881 18.36.4)", () => {
  const { send } = start();
  assertEquals(send({ sequence: 0 }).status, Status.SEQ_MISORDERED);
  assertEquals(send({ sequence: 2 }).status, Status.SEQ_MISORDERED);
  end(send());
  assertEquals(send({ sequence: 3 }).status, Status.SEQ_MISORDERED);
  assertEquals(send({ sequence: 0 }).status, Status.SEQ_MISORDERED);
  assertEquals(send({ sequence: 2 }).status, Status.OK);
  assertEquals(send({ sequence: 1, slot: 1 }).status, Status.OK);
});

Deno.test("SEQUENCE wraps through 0 (RFC 8881 2.10.6.1)", () => {
  const { server, session, send } = start();
  end(send());
  server.state.sessions.find(session)!.slots.slot(0)!.sequence = 0xffff_ffff;
  assertEquals(send({ sequence: 1 }).status, Status.SEQ_MISORDERED);
  const wrapped = send({ sequence: 0, cacheThis: true });
  assertEquals(wrapped.status, Status.OK);
  end(wrapped);
  assertEquals(send({ sequence: 0 }).context.replay !== undefined, true);
  assertEquals(send({ sequence: 1 }).status, Status.OK);
});

Deno.test("SEQUENCE answers a retry with the same bytes, on whatever connection (RFC 8881 2.10.6.1)", () => {
  const { server, send } = start();
  const rest = bytes("CREATE x");
  const reply = compoundReply(Status.OK, 3, 7);
  end(send({ cacheThis: true, rest }), reply);
  const retry = send({ rest }, server.connect());
  assertEquals(retry.status, Status.OK);
  assertEquals(retry.context.replay, reply);
  assertEquals(retry.context.slot, undefined);
  assertEquals(server.state.sessions.counts.replays, 1);
});

Deno.test("SEQUENCE keeps a longer reply after a shorter one, and the reverse", () => {
  const { send } = start();
  const sizes = [300, 40, 2_000];
  sizes.forEach((size, i) => {
    const reply = new Uint8Array(size).fill(i);
    reply.fill(0, 0, 12);
    end(send({ sequence: i + 1, cacheThis: true }), reply);
    assertEquals(send({ sequence: i + 1 }).context.replay, reply);
  });
});

Deno.test("SEQUENCE of a request that still runs is DELAY (RFC 8881 2.10.6.2)", () => {
  const { server, send } = start();
  const running = send({ cacheThis: true });
  assertEquals(send({}, server.connect()).status, Status.DELAY);
  assertEquals(send({ sequence: 2 }).status, Status.SEQ_MISORDERED);
  // The connection is lost; the slot is busy until the request ends.
  server.state.connectionClosed(running.context.connection);
  assertEquals(send({}, server.connect()).status, Status.DELAY);
  end(running);
  assertEquals(send({}, server.connect()).context.replay?.length, 120);
});

Deno.test("SEQUENCE finds an answer that was not kept: RETRY_UNCACHED_REP for the second operation (RFC 8881 2.10.6.1.3)", () => {
  const { send } = start();
  const rest = bytes("READ");
  end(send({ rest }));
  const retry = send({ rest });
  assertEquals(retry.status, Status.OK);
  assertEquals(retry.context.isUncachedRetry, true);
  assertEquals(retry.context.replay, undefined);
  assertEquals(retry.context.slot, undefined);
});

Deno.test("SEQUENCE forgets a kept answer with the next request on the slot", () => {
  const { send } = start();
  end(send({ cacheThis: true }));
  end(send({ sequence: 2 }));
  assertEquals(send({ sequence: 2 }).context.isUncachedRetry, true);
});

Deno.test("SEQUENCE keeps what failed at the second operation, asked or not (RFC 8881 2.10.6.1.3)", () => {
  const { send } = start();
  const reply = compoundReply(Status.OP_ILLEGAL, 2);
  end(send(), reply);
  assertEquals(send().context.replay, reply);
});

Deno.test("SEQUENCE tells a changed request under the same sequence: SEQ_FALSE_RETRY (RFC 8881 2.10.6.1.3.1)", () => {
  const { send } = start();
  end(send({ cacheThis: true, rest: bytes("REMOVE a") }));
  const changed = [
    { rest: bytes("REMOVE b") },
    { rest: bytes("REMOVE a....") },
    { rest: bytes("") },
  ];
  for (const { rest } of changed) {
    assertEquals(send({ rest }).status, Status.SEQ_FALSE_RETRY);
  }
  assertEquals(send({ rest: bytes("REMOVE a") }).status, Status.OK);
});

Deno.test("SEQUENCE takes another user's retry for a false one (RFC 8881 2.10.6.1.3.1)", () => {
  const { send } = start();
  end(send({ cacheThis: true }));
  assertEquals(send({ uid: 1000 }).status, Status.SEQ_FALSE_RETRY);
  assertEquals(send({ uid: -1 }).status, Status.SEQ_FALSE_RETRY);
  assertEquals(send().status, Status.OK);
});

Deno.test("SEQUENCE that fails changes neither slot nor lease (RFC 8881 18.46.3)", () => {
  const { server, send, id } = start();
  const reply = compoundReply(Status.OK, 3, 1);
  end(send({ cacheThis: true }), reply);
  const client = server.state.clients.find(id, 1)!;
  const { renewedAt } = client;
  server.clock.advance(1_000);
  const failures = [
    send({ sequence: 3 }),
    send({ uid: 1000 }),
    send({ slot: 9 }),
    send({ sequence: 2, operationCount: 17 }),
  ];
  assertEquals(
    failures.map(({ status }) => status),
    [
      Status.SEQ_MISORDERED,
      Status.SEQ_FALSE_RETRY,
      Status.BADSLOT,
      Status.TOO_MANY_OPS,
    ],
  );
  assertEquals(client.renewedAt, renewedAt);
  assertEquals(send().context.replay, reply);
  assertEquals(send({ sequence: 2 }).status, Status.OK);
});

Deno.test("SEQUENCE refuses more operations than negotiated (RFC 8881 18.36.3)", () => {
  const { send } = start({ fore: { maxOperations: 4 } });
  assertEquals(send({ operationCount: 5 }).status, Status.TOO_MANY_OPS);
  assertEquals(send({ operationCount: 4 }).status, Status.OK);
});

Deno.test("SEQUENCE refuses a request larger than negotiated (RFC 8881 18.36.3)", () => {
  const { send } = start({ fore: { maxRequestSize: 256 } });
  assertEquals(
    send({ rest: new Uint8Array(257) }).status,
    Status.REQ_TOO_BIG,
  );
  assertEquals(send({ rest: new Uint8Array(100) }).status, Status.OK);
});

Deno.test("SEQUENCE limits the reply to the session's, or to the cache's when it is to be kept (RFC 8881 2.10.6.4)", () => {
  const { send } = start();
  const plain = send();
  assertEquals(plain.context.replyLimit, 65_536);
  assertEquals(plain.context.replyLimitStatus, Status.REP_TOO_BIG);
  const kept = send({ slot: 1, cacheThis: true });
  assertEquals(kept.context.replyLimit, 4_096);
  assertEquals(kept.context.replyLimitStatus, Status.REP_TOO_BIG_TO_CACHE);
});

Deno.test("SEQUENCE whose own answer can't be kept fails and leaves the slot (RFC 8881 2.10.6.1.2)", () => {
  const { send } = start({ fore: { maxResponseSizeCached: 10 } });
  assertEquals(send({ cacheThis: true }).status, Status.REP_TOO_BIG_TO_CACHE);
  assertEquals(send().status, Status.OK);
});

Deno.test("SEQUENCE renews the lease, a retry too (RFC 8881 8.3)", () => {
  const { server, send, id } = start();
  const client = server.state.clients.find(id, 1)!;
  for (const sequence of [1, 1, 2]) {
    server.clock.advance(LEASE - 1);
    const answer = send({ sequence });
    if (answer.context.slot !== undefined) end(answer);
    assertEquals(client.renewedAt, server.clock.now());
  }
});

Deno.test("SEQUENCE binds the fore channel of its connection (RFC 8881 2.10.3.1)", () => {
  const { server, session, send } = start();
  const other = server.connect();
  end(send({}, other));
  const bound = server.state.sessions.find(session)!.connections;
  assertEquals(bound.get(other.connection)?.direction, Direction.FORE);
});

Deno.test("SEQUENCE raises CB_PATH_DOWN when the last connection of the backchannel is lost, until there is another (RFC 8881 18.46.3)", () => {
  const { server, peer, session, send } = start();
  assertEquals(send().flags, 0);
  server.state.connectionClosed(peer.connection);
  const second = server.connect();
  assertEquals(
    send({ slot: 1 }, second).flags,
    SequenceFlag.CB_PATH_DOWN | SequenceFlag.CB_PATH_DOWN_SESSION,
  );
  const { sessions } = server.state;
  sessions.bind(sessions.find(session)!, second.connection, Direction.BOTH);
  assertEquals(send({ slot: 2 }, second).flags, 0);
});

Deno.test("SEQUENCE raises no CB_PATH_DOWN for a client that wants no callbacks", () => {
  assertEquals(start({ flags: 0 }).send().flags, 0);
  assertEquals(start({ flags: CreateSessionFlag.PERSIST }).send().flags, 0);
});

Deno.test("SEQUENCE raises only CB_PATH_DOWN_SESSION while another session has a backchannel (RFC 8881 18.46.3)", () => {
  const server = new SessionServer();
  const [first, second] = [server.connect(), server.connect()];
  const client = establish(first);
  const record = server.state.clients.find(client.id, 1)!;
  const other = server.state.sessions.create(record, [...record.sessions][0]!);
  if (typeof other === "number") throw new Error(`${other}`);
  server.state.sessions.bind(other, second.connection, Direction.BOTH);
  server.state.connectionClosed(first.connection);
  assertEquals(
    sequenceOn(second, client.session).flags,
    SequenceFlag.CB_PATH_DOWN_SESSION,
  );
  assertEquals(sequenceOn(second, other.id).flags, 0);
});

Deno.test("SEQUENCE raises BACKCHANNEL_FAULT while callbacks fail (RFC 8881 18.46.3)", () => {
  const { server, session, send } = start();
  const { sessions } = server.state;
  sessions.setBackchannelFault(sessions.find(session)!, true);
  assertEquals(
    send().flags,
    SequenceFlag.BACKCHANNEL_FAULT | SequenceFlag.CB_PATH_DOWN,
  );
  sessions.setBackchannelFault(sessions.find(session)!, false);
  assertEquals(send({ slot: 1 }).flags, 0);
});

Deno.test("SEQUENCE raises RECALLABLE_STATE_REVOKED until the client has freed it (RFC 8881 18.46.3)", () => {
  const { server, send, id } = start();
  const { states } = server.state.clients.find(id, 1)!;
  states.revoked++;
  assertEquals(send().flags, SequenceFlag.RECALLABLE_STATE_REVOKED);
  states.revoked--;
  assertEquals(send({ slot: 1 }).flags, 0);
});

Deno.test("SEQUENCE asks for fewer slots and retires them when the client complies (RFC 8881 2.10.6.1)", () => {
  const { server, session, send } = start();
  const { slots } = server.state.sessions.find(session)!;
  end(send({ slot: 5, highestSlot: 5 }));
  slots.setTarget(2);
  const told = send({ highestSlot: 5 });
  assertEquals([told.highest, told.target], [7, 1]);
  end(told);
  // Not yet: the client may not have seen the answer.
  end(send({ sequence: 2, slot: 5, highestSlot: 5 }));
  const complied = send({ sequence: 2, highestSlot: 1 });
  assertEquals([complied.highest, complied.target], [1, 1]);
  end(complied);
  assertEquals(send({ sequence: 3, slot: 5 }).status, Status.BADSLOT);
  slots.setTarget(8);
  assertEquals(send({ sequence: 3 }).highest, 7);
  // A slot that was retired starts anew.
  assertEquals(send({ sequence: 1, slot: 5 }).status, Status.OK);
});

Deno.test("SEQUENCE retires no slot that is busy", () => {
  const { server, session, send } = start();
  const running = send({ slot: 5, highestSlot: 5 });
  server.state.sessions.find(session)!.slots.setTarget(1);
  end(send());
  end(send({ sequence: 2 }));
  assertEquals(send({ slot: 5 }).status, Status.DELAY);
  end(running);
  assertEquals(send({ sequence: 3 }).highest, 0);
});

Deno.test("SEQUENCE counts itself, its failures by status and the slots in use", () => {
  const { server, send } = start();
  const running = send({ cacheThis: true });
  send({ slot: 99 });
  send({ sequence: 7 });
  send({ sequence: 7 });
  const { counts, usage } = server.state.sessions;
  assertEquals(counts.total, 4);
  assertEquals([...counts.errors], [
    [Status.BADSLOT, 1],
    [Status.SEQ_MISORDERED, 2],
  ]);
  assertEquals(usage, { slotsInUse: 1, replayCacheBytes: 0 });
  end(running);
  assertEquals(usage, { slotsInUse: 0, replayCacheBytes: 256 });
});

Deno.test("SEQUENCE cut short or with a bool of 2 is BADXDR (RFC 8881 18.46.1)", () => {
  const { peer } = start();
  const send = (words: number[]) =>
    peer.call(sequence, (xdr) => words.forEach((word) => xdr.uint32(word)));
  assertThrows(() => send([0, 0, 0]), XdrError);
  assertThrows(() => send([0, 0, 0, 0, 1, 0, 0]), XdrError);
  assertThrows(() => send([0, 0, 0, 0, 1, 0, 0, 2]), XdrError);
});
