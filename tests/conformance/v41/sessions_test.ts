/** CREATE_SESSION, DESTROY_SESSION and DESTROY_CLIENTID, by whom and in what order. */

import { assert, assertEquals } from "@std/assert";
import { Op, Status } from "../../../src/nfs4/constants.ts";
import {
  argumentBytes,
  callbackCredential,
  type CallbackSecurity,
  type ChannelAttributes,
  op,
  sameBytes,
} from "../../support/client/mod.ts";
import { Fixture, stranger } from "./fixture.ts";

/** What every channel of these tests has unless told otherwise. */
const channel: ChannelAttributes = {
  headerpadsize: 0,
  maxrequestsize: 8192,
  maxresponsesize: 8192,
  maxresponsesize_cached: 8192,
  maxoperations: 128,
  maxrequests: 8,
  rdma_ird: [],
};

const none: readonly CallbackSecurity[] = [{ flavor: "none" }];

Deno.test("CREATE_SESSION may come behind SEQUENCE, for this client or another (RFC 8881 18.36.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ reclaimComplete: false });
  const other = await fixture.client();
  await other.exchangeId();
  for (const client of [session.client, other]) {
    const args = client.sessionArguments({ flags: 0 });
    const reply = await session.compound([op.createSession(args)]);
    const { sessionid } = reply.get("CREATE_SESSION");
    const first = op.sequence({
      sessionid,
      sequenceid: 1,
      slotid: 0,
      highestSlotid: 0,
    });
    await client.compound([first, op.putrootfh()]);
  }
});

Deno.test("CREATE_SESSION is replayed alone and behind any SEQUENCE (RFC 8881 18.36.4)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ reclaimComplete: false });
  const { client } = session;
  const alone = op.createSession(client.sessionArguments({ flags: 0 }));
  const first = (await client.compound([alone])).get("CREATE_SESSION");
  const behind = (await session.compound([alone])).get("CREATE_SESSION");
  assertEquals(behind, first);
  const next = client.sequence + 1;
  const args = client.sessionArguments({ flags: 0, sequence: next });
  const second = (await session.compound([op.createSession(args)]))
    .get("CREATE_SESSION");
  const again = await client.compound([op.createSession(args)]);
  assertEquals(again.get("CREATE_SESSION"), second);
  assert(!sameBytes(first.sessionid, second.sessionid));
});

Deno.test("CREATE_SESSION out of sequence is SEQ_MISORDERED, for no client STALE_CLIENTID (RFC 8881 18.36.4)", async () => {
  await using fixture = await Fixture.open();
  const client = await fixture.client();
  await client.exchangeId();
  const attempt = (step: number) => {
    const sequence = (client.sequence + step) >>> 0;
    const args = client.sessionArguments({ sequence, flags: 0 });
    return client.compound([op.createSession(args)], { expect: "any" });
  };
  const outcomes = [];
  for (const step of [-1, 0, 2, -1]) {
    outcomes.push((await attempt(step)).status);
  }
  const { OK, SEQ_MISORDERED } = Status;
  assertEquals(outcomes, [SEQ_MISORDERED, OK, SEQ_MISORDERED, SEQ_MISORDERED]);
  const unknown = { ...client.sessionArguments(), clientid: 0x1234_5678_9abcn };
  await client.compound([op.createSession(unknown)], {
    expect: Status.STALE_CLIENTID,
  });
});

Deno.test("CREATE_SESSION by another principal is CLID_INUSE, before the client is confirmed and after (RFC 8881 18.36.4)", async () => {
  await using fixture = await Fixture.open();
  const client = await fixture.client();
  await client.exchangeId();
  const request = op.createSession(client.sessionArguments({ flags: 0 }));
  const refused = {
    credential: stranger,
    expect: Status.CLID_INUSE,
  };
  await client.compound([request], refused);
  const made = await client.compound([request]);
  await client.compound([request], refused);
  const replayed = await client.compound([request]);
  assertEquals(
    replayed.get("CREATE_SESSION"),
    made.get("CREATE_SESSION"),
  );
});

Deno.test("CREATE_SESSION reads every kind of callback security, and refuses odd flags (RFC 8881 18.33.1, 18.36.3)", async () => {
  await using fixture = await Fixture.open();
  const gss = {
    flavor: "gss",
    service: 3,
    fromServer: new Uint8Array(18).fill(1),
    fromClient: new Uint8Array(13).fill(2),
  } as const;
  const sys = { flavor: "sys", credential: callbackCredential } as const;
  const gids = { ...callbackCredential, gids: [13, 17, 19, 23, 29] };
  const lists: (readonly CallbackSecurity[])[] = [
    [],
    none,
    [{ flavor: "none" }, { flavor: "sys", credential: gids }, gss],
    [{ flavor: "none" }, gss, sys],
  ];
  for (const security of lists) {
    const session = await fixture.session({ security });
    await session.compound([op.putrootfh()]);
  }
  const client = await fixture.client();
  await client.exchangeId();
  const args = client.sessionArguments({ flags: 0xf });
  await client.compound([op.createSession(args)], { expect: Status.INVAL });
});

Deno.test("CREATE_SESSION takes one ca_rdma_ird and no second (RFC 8881 18.36.1)", async () => {
  await using fixture = await Fixture.open();
  for (const rdma_ird of [[], [57]]) {
    await fixture.session({ fore: { rdma_ird }, back: { rdma_ird } });
  }
  const client = await fixture.client();
  await client.exchangeId();
  const args = {
    ...client.sessionArguments(),
    fore: { ...channel, rdma_ird: [13, 57] },
  };
  await client.compound([op.createSession(args)], { expect: Status.BADXDR });
});

Deno.test("CREATE_SESSION answers TOOSMALL for channels that can carry nothing, 1,000 times if need be, and then makes a session (RFC 8881 18.36.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ reclaimComplete: false });
  const { client } = session;
  const attempt = (
    fore: Partial<ChannelAttributes>,
    back: Partial<ChannelAttributes>,
  ) =>
    op.createSession({
      ...client.sessionArguments({ flags: 0, security: [] }),
      fore: { ...channel, ...fore },
      back: { ...channel, ...back },
    });
  const small = [{ maxresponsesize: 0 }, { maxrequestsize: 20 }];
  for (const size of small) {
    await client.compound([attempt(size, size)], { expect: Status.TOOSMALL });
  }
  const crippled = attempt({}, { maxrequestsize: 10, maxoperations: 1 });
  for (let i = 0; i < 1000; i++) {
    await session.expectStatus(Status.TOOSMALL, [crippled]);
  }
  await client.compound([attempt({}, {})]);
});

Deno.test("CREATE_SESSION grants fewer slots than 500, and no session is answered beyond its sizes (RFC 8881 2.10.6.4, 18.36.3)", async () => {
  await using fixture = await Fixture.open();
  const many = await fixture.session({
    fore: { ...channel, maxrequests: 500 },
  });
  assert(many.fore.maxrequests < 500);
  const tight = await fixture.session({
    fore: {
      ...channel,
      maxrequestsize: 400,
      maxresponsesize: 400,
      maxresponsesize_cached: 400,
    },
  });
  const attributes = [
    "supported_attrs",
    "fsid",
    "filehandle",
    "change",
  ] as const;
  const requests = [op.putrootfh(), ...Array(6).fill(op.getattr(attributes))];
  await tight.expectStatus(Status.REP_TOO_BIG, requests, { cacheThis: false });
  const uncached = await fixture.session({
    fore: { ...channel, maxresponsesize_cached: 10 },
    reclaimComplete: false,
  });
  await uncached.expectStatus(Status.REP_TOO_BIG_TO_CACHE, [], {
    cacheThis: true,
  });
  await uncached.compound([], { cacheThis: false });
});

Deno.test("a client has several sessions, and those that are left go on (RFC 8881 2.10.3)", async () => {
  await using fixture = await Fixture.open();
  const first = await fixture.session();
  const second = await first.client.createSession();
  await first.compound([]);
  await second.compound([]);
  await first.destroy();
  await first.expectStatus(Status.BADSESSION, []);
  await second.compound([op.putrootfh(), op.getfh()]);
});

Deno.test("CREATE_SESSION and DESTROY_SESSION stand alone or at the end (RFC 8881 18.36.3, 18.37.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const { client } = session;
  const create = op.createSession(client.sessionArguments());
  const destroy = op.destroySession(session.id);
  const sequence = op.sequence({
    sessionid: session.id,
    sequenceid: 1,
    slotid: 5,
    highestSlotid: 5,
  });
  for (
    const ops of [
      [create, op.putrootfh()],
      [destroy, op.putrootfh()],
      [sequence, destroy, op.putrootfh()],
    ]
  ) {
    await client.compound(ops, { expect: Status.NOT_ONLY_OP });
  }
  await session.compound([]);
});

Deno.test("DESTROY_SESSION comes from a connection of the session, which SEQUENCE makes it (RFC 8881 18.37.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const connection = await session.client.newConnection();
  const destroy = [op.destroySession(session.id)];
  await session.client.compound(destroy, {
    connection,
    expect: Status.CONN_NOT_BOUND_TO_SESSION,
  });
  await session.compound([], { connection });
  await session.client.compound(destroy, { connection });
  await session.expectStatus(Status.BADSESSION, []);
});

Deno.test("DESTROY_CLIENTID ends a client without sessions, from in and outside of one (RFC 8881 18.50.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const destroy = (clientid: bigint) => op.destroyClientid(clientid);
  const outside = await fixture.client();
  await outside.exchangeId();
  await outside.destroyClientid();
  await outside.destroyClientid({ expect: Status.STALE_CLIENTID });
  const inside = await fixture.client();
  await inside.exchangeId();
  await session.compound([destroy(inside.clientid)]);
  await session.expectStatus(Status.STALE_CLIENTID, [destroy(0n)]);
  const own = session.client.clientid;
  await session.expectStatus(Status.CLIENTID_BUSY, [destroy(own)]);
  await session.client.destroyClientid({ expect: Status.CLIENTID_BUSY });
  await outside.compound([destroy(0n)], { expect: Status.STALE_CLIENTID });
  await outside.compound([destroy(0n), op.reclaimComplete()], {
    expect: Status.NOT_ONLY_OP,
  });
});

Deno.test("BIND_CONN_TO_SESSION binds a new connection in each direction (RFC 8881 18.34.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const directions = [[1, 1], [2, 2], [3, 3], [7, 3]] as const;
  for (const [asked, granted] of directions) {
    const connection = await session.client.newConnection();
    const bound = await session.bind(connection, asked);
    assertEquals(bound.direction, granted);
    assertEquals(bound.sessionid, session.id);
    await session.compound([], { connection });
  }
  const unknown = new Uint8Array(16).fill(0x42);
  await session.client.compound([op.bindConnToSession(unknown, 1)], {
    expect: Status.BADSESSION,
  });
});

Deno.test("no operation but those of 18.46.3 comes without a session: OP_NOT_IN_SESSION", async () => {
  await using fixture = await Fixture.open();
  const { client } = await fixture.session();
  for (const request of [op.putrootfh(), op.reclaimComplete(), op.getfh()]) {
    await client.compound([request], { expect: Status.OP_NOT_IN_SESSION });
  }
  const args = argumentBytes(
    op.createSession(client.sessionArguments()),
  );
  await client.compound([op.raw(Op.CREATE_SESSION, args.subarray(0, 20))], {
    expect: Status.BADXDR,
  });
});
