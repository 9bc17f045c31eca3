import { assert, assertEquals, assertRejects } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import { Status } from "../../src/nfs4/constants.ts";
import {
  authSys,
  bytesOf,
  hex,
  NfsError,
  op,
  openSession,
  SessionClient,
  type Stateid,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { startServer } from "../support/server.ts";

const tree = { f: "content", g: "other", d: { f: "inner" } };
const stranger = authSys(1000, 1000);

/** Each way of changing one bit, and some other changes. */
function* changed(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = bytes.slice();
    copy[bit >> 3]! ^= 1 << (bit & 7);
    yield copy;
  }
}

Deno.test("a filehandle with any bit changed, cut or made longer is BADHANDLE", async () => {
  await using server = await startServer({ tree });
  await using session = await openSession({ port: server.port });
  const reply = await session.compound([...walk(["f"]), op.getfh()]);
  const { filehandle } = reply.get("GETFH");
  const longer = new Uint8Array(filehandle.length + 4);
  longer.set(filehandle);
  const handles = [
    ...changed(filehandle),
    filehandle.slice(0, -1),
    filehandle.slice(0, 4),
    longer,
    new Uint8Array(0),
    new Uint8Array(128).fill(0xff),
  ];
  await Promise.all(handles.map(async (handle) => {
    const ops = [op.putfh(handle), op.getattr(["type"])];
    const { status } = await session.compound(ops, { expect: "any" });
    assert(
      status === Status.BADHANDLE || status === Status.STALE,
      `${status} for ${hex(handle)}`,
    );
    // Nothing that it did not make is known to the server.
    assertEquals(status, Status.BADHANDLE);
  }));
});

Deno.test("a filehandle of another server is BADHANDLE: it has another key", async () => {
  await using one = await startServer({ tree });
  await using two = await startServer({ tree });
  await using there = await openSession({ port: one.port });
  await using here = await openSession({ port: two.port });
  const reply = await there.compound([...walk(["d"]), op.getfh()]);
  const { filehandle } = reply.get("GETFH");
  await here.expectStatus(Status.BADHANDLE, [op.putfh(filehandle)]);
});

Deno.test("a filehandle of one export names nothing in another", async () => {
  const a = memory({ f: "a" });
  const b = memory({ f: "b" });
  await using server = await serve([{ path: "/a", fs: a }, {
    path: "/b",
    fs: b,
  }], { port: 0 });
  await using session = await openSession({ port: server.port });
  const handles = await Promise.all(["a", "b"].map(async (name) => {
    const ops = [...walk([name, "f"]), op.getfh()];
    return (await session.compound(ops)).get("GETFH").filehandle;
  }));
  const random = new SeededRandom(11);
  // Pieces of one put into the other.
  for (let i = 0; i < 200; i++) {
    const mixed = handles[0]!.slice();
    const from = random.below(mixed.length);
    const to = from + 1 + random.below(mixed.length - from);
    mixed.set(handles[1]!.subarray(from, to), from);
    const known = handles.some((each) => hex(each) === hex(mixed));
    const status = known ? Status.OK : Status.BADHANDLE;
    await session.expectStatus(status, [op.putfh(mixed)]);
  }
});

Deno.test("stateids of another client and changed ones are BAD_STATEID in every operation", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using owner = await openSession({ port });
  await using thief = await openSession({ port });
  const { filehandle, stateid } = await owner.open(["f"]);
  const locker = {
    openStateid: stateid,
    owner: { clientid: 0n, owner: bytesOf("o") },
  };
  const file = op.putfh(filehandle);
  const locked = await owner.compound([file, op.lock({ locker })]);
  const lock = locked.get("LOCK").stateid;
  const uses = (id: Stateid) => [
    op.read({ stateid: id }),
    op.write({ stateid: id, data: "stolen" }),
    op.setattr({ size: 0n }, id),
    op.close(id),
    op.openDowngrade({ stateid: id, access: 1 }),
    op.lock({ locker: { ...locker, openStateid: id } }),
    op.lock({ locker: { lockStateid: id } }),
    op.locku({ stateid: id }),
    op.delegreturn(id),
    op.freeStateid(id),
  ];
  for (const id of [stateid, lock]) {
    for (const use of uses(id)) {
      await thief.expectStatus(Status.BAD_STATEID, [file, use]);
    }
    const tested = await thief.compound([op.testStateid([id])]);
    assertEquals(tested.get("TEST_STATEID").statuses, [Status.BAD_STATEID]);
  }
  const forged = [...changed(stateid.other)].map((other) => ({
    ...stateid,
    other,
  }));
  for (const id of forged) {
    await owner.expectStatus(Status.BAD_STATEID, [
      file,
      op.read({ stateid: id }),
    ]);
  }
  // Nothing of it was lost by all that.
  await owner.compound([
    file,
    op.read({ stateid }),
    op.read({ stateid: lock }),
  ]);
});

Deno.test("NFSv4.0: stateids of NFSv4.1 and forged ones are refused, and those of another file", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using v41 = await openSession({ port });
  await using v40 = await V40Client.connect({ port });
  await v40.register();
  const foreign = await v41.open(["g"], { access: 1 });
  const { filehandle, stateid } = await v40.open(["f"], { access: 1 });
  const file = op.putfh(filehandle);
  const other = op.putfh(foreign.filehandle);
  for (
    const [put, id] of [
      [other, foreign.stateid],
      [file, foreign.stateid],
      [other, stateid],
    ] as const
  ) {
    const read = op.read({ stateid: id });
    await v40.expectStatus(Status.BAD_STATEID, [put, read]);
  }
  for (const other of changed(stateid.other)) {
    const read = op.read({ stateid: { ...stateid, other } });
    // The first four bytes tell of the server's start.
    const isStale = hex(other.slice(0, 4)) !== hex(stateid.other.slice(0, 4));
    const status = isStale ? Status.STALE_STATEID : Status.BAD_STATEID;
    await v40.expectStatus(status, [file, read]);
  }
  await v40.compound([file, op.read({ stateid })]);
});

Deno.test("stateids, session ids and client ids don't follow from each other", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) {
    await using session = await openSession({ port });
    const { stateid } = await session.open(["f"], { access: 1 });
    ids.push(
      hex(session.id.slice(0, 8)),
      hex(session.id.slice(8)),
      hex(stateid.other.slice(4)),
      session.client.clientid.toString(16).padStart(16, "0"),
    );
  }
  assertEquals(new Set(ids).size, ids.length);
  // 64 bits each: of two of them, half are different, give or take.
  let different = 0;
  for (let i = 1; i < ids.length; i++) {
    const bits = BigInt(`0x${ids[i]}`) ^ BigInt(`0x${ids[i - 1]}`);
    different += bits.toString(2).replaceAll("0", "").length;
  }
  const mean = different / (ids.length - 1);
  assert(mean > 28 && mean < 36, `${mean} of 64 bits differ`);
});

Deno.test("a session id with any bit changed is BADSESSION", async () => {
  await using server = await startServer({ tree });
  await using session = await openSession({ port: server.port });
  const { client } = session;
  for (const sessionid of changed(session.id)) {
    const sequence = op.sequence({
      sessionid,
      sequenceid: 1,
      slotid: 0,
      highestSlotid: 0,
    });
    for (
      const request of [
        sequence,
        op.destroySession(sessionid),
        op.bindConnToSession(sessionid, 3),
      ]
    ) {
      await client.compound([request], { expect: Status.BADSESSION });
    }
  }
  await session.compound([op.putrootfh()]);
});

Deno.test("DESTROY_SESSION, CREATE_SESSION and EXCHANGE_ID by a stranger are refused", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using session = await openSession({ port });
  const { client } = session;
  await session.open(["f"]);
  await using thief = await SessionClient.connect({
    port,
    owner: client.owner,
    credential: stranger,
  });
  await thief.compound([op.destroySession(session.id)], {
    expect: Status.CONN_NOT_BOUND_TO_SESSION,
  });
  const verifier = new Uint8Array(8).fill(9);
  const usurp = () => thief.exchangeId({ verifier });
  assertEquals(
    (await assertRejects(usurp, NfsError)).status,
    Status.CLID_INUSE,
  );
  const update = () => thief.exchangeId({ flags: 0x4000_0000 });
  assertEquals(
    (await assertRejects(update, NfsError)).status,
    Status.PERM,
  );
  await thief.compound([op.destroyClientid(client.clientid)], {
    expect: Status.WRONG_CRED,
  });
  await session.compound([op.putrootfh()]);
});

Deno.test("an unconfirmed client id is confirmed by nobody but who asked for it", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using client = await SessionClient.connect({ port });
  await client.exchangeId();
  const args = client.sessionArguments();
  await client.compound([op.createSession(args)], {
    credential: stranger,
    expect: Status.CLID_INUSE,
  });
  const session = await client.createSession();
  await session.compound([op.putrootfh()]);
});

Deno.test("NFSv4.0: SETCLIENTID and its confirmation by a stranger are refused", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using client = await V40Client.connect({ port });
  await client.register();
  const { filehandle, stateid } = await client.open(["f"], { access: 1 });
  await using thief = await V40Client.connect({
    port,
    id: client.id,
    credential: stranger,
  });
  const verifier = new Uint8Array(8).fill(9);
  const usurp = op.setclientid(thief.setclientidArguments({ verifier }));
  const refused = await thief.expectStatus(Status.CLID_INUSE, [usurp]);
  // Where the client is reached is not for a stranger to know.
  assertEquals(refused.last!.value, { netid: "", address: "" });
  const again = op.setclientid(client.setclientidArguments({ verifier }));
  const set = (await client.compound([again])).get("SETCLIENTID");
  await thief.expectStatus(Status.CLID_INUSE, [
    op.setclientidConfirm(set.clientid, set.verifier),
  ]);
  for (const confirm of changed(set.verifier)) {
    await client.expectStatus(Status.STALE_CLIENTID, [
      op.setclientidConfirm(set.clientid, confirm),
    ]);
  }
  await client.compound([op.putfh(filehandle), op.read({ stateid })]);
});

Deno.test("NFSv4.0: a client id that was not given out is STALE_CLIENTID", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using client = await V40Client.connect({ port });
  await client.register();
  await using v41 = await openSession({ port });
  const ids = [0n, 1n, client.clientid ^ 1n, v41.client.clientid];
  for (const clientid of ids) {
    const owner = { clientid, owner: bytesOf("o") };
    for (
      const request of [
        op.renew(clientid),
        op.open({ owner, claim: { claim: "null", name: "f" } }),
        op.releaseLockowner(owner),
      ]
    ) {
      await client.expectStatus(Status.STALE_CLIENTID, [
        op.putrootfh(),
        request,
      ]);
    }
    const lockt = [...walk(["f"]), op.lockt({ owner })];
    await client.expectStatus(Status.STALE_CLIENTID, lockt);
  }
});

Deno.test("a user's opens give another user of the same client no right", async () => {
  await using server = await startServer({ tree });
  await using session = await openSession({ port: server.port });
  const { filehandle, stateid } = await session.open(["f"]);
  const file = op.putfh(filehandle);
  await session.compound([file, op.setattr({ mode: 0o600 })]);
  const other = { credential: stranger };
  for (
    const request of [
      op.read({ stateid }),
      op.write({ stateid, data: "x" }),
      op.setattr({ mode: 0o666 }),
    ]
  ) {
    await session.expectStatus(
      [Status.ACCESS, Status.PERM],
      [file, request],
      other,
    );
  }
});

Deno.test("a READ of a handle alone passes the permissions of no folder, but those of the file", async () => {
  await using server = await startServer({ tree });
  await using session = await openSession({ port: server.port });
  const reply = await session.compound([
    ...walk(["d"]),
    op.setattr({ mode: 0o700 }),
    op.lookup("f"),
    op.getfh(),
    op.setattr({ mode: 0o600 }),
  ]);
  const file = op.putfh(reply.get("GETFH").filehandle);
  const other = { credential: stranger };
  await session.expectStatus(Status.ACCESS, [file, op.read()], other);
  await session.expectStatus(Status.ACCESS, walk(["d", "f"]), other);
});
