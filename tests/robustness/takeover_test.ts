import { assertEquals } from "@std/assert";
import { OPERATIONS } from "../../src/engine/op_table.ts";
import { Status, type StatusCode } from "../../src/nfs4/constants.ts";
import {
  authSys,
  bytesOf,
  callbackCredential,
  LockType,
  op,
  openSession,
  type Request,
  type Session,
  SessionClient,
  type Stateid,
  walk,
} from "../support/client/mod.ts";
import { startServer } from "../support/server.ts";

const tree = { f: "content" };
const stranger = authSys(1000, 1000);
const security = [{ flavor: "sys", credential: callbackCredential }] as const;
/** BIND_CONN_TO_SESSION: CDFC4_BACK_OR_BOTH. */
const BACK_OR_BOTH = 7;

/** What only the session's client may do, and how a stranger is refused who knows all ids. */
function maintenance(
  { id, client }: Session,
): Readonly<Record<string, readonly [StatusCode, Request]>> {
  const { clientid, owner } = client;
  const again = { ...client.sessionArguments(), sequence: client.sequence - 1 };
  const verifier = new Uint8Array(8).fill(9);
  return {
    EXCHANGE_ID: [Status.CLID_INUSE, op.exchangeId({ owner, verifier })],
    CREATE_SESSION: [Status.CLID_INUSE, op.createSession(again)],
    BIND_CONN_TO_SESSION: [
      Status.WRONG_CRED,
      op.bindConnToSession(id, BACK_OR_BOTH),
    ],
    DESTROY_SESSION: [Status.WRONG_CRED, op.destroySession(id)],
    DESTROY_CLIENTID: [Status.WRONG_CRED, op.destroyClientid(clientid)],
  };
}

/** The clientid of who holds a lock, as everybody learns whom it keeps out. */
async function clientidByLock(victim: Session, thief: Session) {
  const { filehandle, stateid } = await victim.open(["f"]);
  const file = op.putfh(filehandle);
  const lock = (openStateid: Stateid, type: number) => {
    const owner = { clientid: 0n, owner: bytesOf("o") };
    return op.lock({ type, locker: { openStateid, owner } });
  };
  await victim.compound([file, lock(stateid, LockType.WRITE)]);
  const mine = await thief.open(["f"], { access: 1 });
  const { last } = await thief.expectStatus(Status.DENIED, [
    file,
    lock(mine.stateid, LockType.READ),
  ]);
  const { denied } = last!.value as { denied: { clientid: bigint } };
  return denied.clientid;
}

Deno.test("who is told a clientid by LOCK can't have the client's session replayed, nor make one", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using victim = await openSession({ port });
  await using thief = await openSession({ port, credential: stranger });
  const clientid = await clientidByLock(victim, thief);
  assertEquals(clientid, victim.client.clientid);
  for (const sequence of [0, 1, 2, 3]) {
    const args = { ...thief.client.sessionArguments({ sequence }), clientid };
    await thief.client.compound([op.createSession(args)], {
      expect: Status.CLID_INUSE,
    });
  }
  // Neither was the client's own next one used up.
  await using other = await victim.client.createSession();
  await other.compound([op.putrootfh()]);
});

Deno.test("every operation that may stand outside of a session refuses another principal", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using victim = await openSession({ port });
  await victim.open(["f"]);
  const requests = maintenance(victim);
  const outside = OPERATIONS.filter((row) => row?.sessionless);
  assertEquals(
    outside.map((row) => row!.name).sort(),
    Object.keys(requests).sort(),
    "a new one is to be judged here, too",
  );
  for (const [expect, request] of Object.values(requests)) {
    // On the victim's own connection: a user of the same host.
    await victim.client.compound([request], { credential: stranger, expect });
  }
  await victim.compound(walk(["f"]));
});

Deno.test("a stranger can't even name a session from elsewhere", async () => {
  await using server = await startServer({ tree });
  const { port } = server;
  await using victim = await openSession({ port });
  await using thief = await SessionClient.connect({
    port,
    credential: stranger,
  });
  const [expect, bind] = maintenance(victim).BIND_CONN_TO_SESSION!;
  await thief.compound([bind], { expect });
  await thief.compound([op.destroySession(victim.id)], {
    expect: Status.CONN_NOT_BOUND_TO_SESSION,
  });
});

Deno.test("any user of a client works in its session, and none but who registered it says where it is called", async () => {
  await using server = await startServer({ tree });
  await using session = await openSession({ port: server.port });
  const user = { credential: stranger };
  const work = [...walk(["f"]), op.getattr(["type"])];
  await session.compound(work, user);
  const change = op.backchannelCtl(0x4000_0001, security);
  await session.compound([change], { ...user, expect: Status.WRONG_CRED });
  await session.compound(work, user);
  await session.compound([change]);
});
