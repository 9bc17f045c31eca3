import { assert, assertEquals } from "@std/assert";
import { Share, Status } from "../../src/nfs4/constants.ts";
import {
  CALLBACK_PROGRAM,
  callbackCredential,
  CallbackPeer,
  type ClientConnection,
  op,
  SequenceStatus,
  type Session,
  SessionFlag,
} from "../support/client/mod.ts";
import {
  eventually,
  Fixture,
  giveBack,
  type Held,
  hold,
  isDelegated,
  proceed,
  recalled,
  write,
} from "./fixture.ts";

const BACK = 2;
const FORE_OR_BOTH = 3;
const { CB_PATH_DOWN, CB_PATH_DOWN_SESSION, BACKCHANNEL_FAULT } =
  SequenceStatus;

/** Connections that the recalls of a client came on. */
function ways(session: Session): (ClientConnection | undefined)[] {
  return session.client.callbacks.calls
    .filter(({ compound }) => compound !== undefined)
    .map(({ connection }) => connection);
}

Deno.test("loss of the last connection stops delegations and is told; rebinding brings them and the recall back", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f");
  const fore = await holder.client.newConnection();
  // A request on another connection binds that for requests only.
  await holder.compound([], { connection: fore });
  holder.connection.close();
  holder.connection = fore;
  await eventually("the flags", async () => {
    await holder.compound([]);
    return holder.statusFlags === (CB_PATH_DOWN | CB_PATH_DOWN_SESSION);
  });
  assertEquals(
    (await fixture.metrics()).get('backchannel_sessions{path="down"}'),
    1,
  );
  for (let i = 0; i < 3; i++) {
    assertEquals(await isDelegated(holder, "g"), false);
  }
  assertEquals((await write(other, "f")).status, Status.DELAY);
  const back = await holder.client.newConnection();
  const bound = await holder.bind(back, BACK);
  assertEquals(bound.direction, BACK);
  await recalled(holder, held);
  assertEquals(ways(holder), [back]);
  await holder.compound([]);
  assertEquals(holder.statusFlags, 0);
  await giveBack(holder, held);
  await proceed(() => write(other, "f"));
  await hold(holder, "g");
});

Deno.test("three connections: the one with the latest request is preferred, then the next", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const first = holder.connection;
  const second = await holder.client.newConnection();
  const third = await holder.client.newConnection();
  await holder.bind(second, FORE_OR_BOTH);
  await holder.bind(third, FORE_OR_BOTH);
  const held = await hold(holder, "f");
  for (const connection of [third, first, second]) {
    await holder.compound([], { connection });
  }
  holder.client.callbacks.next({ kind: "close", executed: false });
  await write(other, "f");
  await holder.client.callbacks.waitForCalls(5);
  await eventually("the second way", () => ways(holder).length === 2);
  assertEquals(ways(holder), [second, first]);
  holder.connection = third;
  await giveBack(holder, held);
  await proceed(() => write(other, "f"));
});

Deno.test("two sessions on one connection: each gets its own recalls, no XID is used twice", async () => {
  await using fixture = await Fixture.open();
  const first = await fixture.session();
  const { client } = first;
  const second = await client.createSession({ back: { maxrequests: 3 } });
  const other = await fixture.session();
  const held = [await hold(first, "f"), await hold(second, "g")];
  // The session that was used last is preferred: each gets one.
  await first.compound([]);
  await new Promise((resolve) => setTimeout(resolve, 2));
  await write(other, "f");
  await recalled(first, held[0]!);
  await second.compound([]);
  await write(other, "g");
  await recalled(second, held[1]!);
  const sessions = client.callbacks.calls.flatMap(({ compound }) =>
    compound?.ops[0]?.op === "SEQUENCE" ? [compound.ops[0].args.sessionid] : []
  );
  assertEquals(sessions, [first.id, second.id]);
  const xids = client.callbacks.calls.map(({ header }) => header.xid);
  assertEquals(new Set(xids).size, xids.length);
  await giveBack(first, held[0]!);
  await giveBack(second, held[1]!);
});

Deno.test("a recall that one session does not answer goes out over the other one", async () => {
  await using fixture = await Fixture.open({
    callbacks: { replyTimeout: 50, backoff: [60_000] },
  });
  const silent = await fixture.session();
  const { client } = silent;
  const connection = await client.newConnection();
  const lively = await client.createSession({ connection });
  const other = await fixture.session();
  const held = await hold(silent, "f");
  await silent.compound([]);
  client.callbacks.next({ kind: "silent", executed: false });
  await write(other, "f");
  await eventually("both ways", () => ways(silent).length === 2);
  assertEquals(ways(silent), [silent.connection, connection]);
  await giveBack(lively, held);
  await proceed(() => write(other, "f"));
});

Deno.test("a silent session holds up no recall of its client, and is found out", async () => {
  const names = Array.from({ length: 8 }, (_, n) => `f${n}`);
  await using fixture = await Fixture.open({
    tree: Object.fromEntries(names.map((name) => [name, "text"])),
    callbacks: { replyTimeout: 50, backoff: [10] },
  });
  const lively = await fixture.session();
  const { client } = lively;
  const connection = await client.newConnection();
  const silent = await client.createSession({ connection });
  const other = await fixture.session();
  const held: Held[] = [];
  for (const name of names) held.push(await hold(lively, name));
  connection.onCall = () => {};
  // The one that was used last is tried first.
  await silent.compound([]);
  for (const name of names) await write(other, name);
  await eventually(
    "all recalls",
    () => client.callbacks.recalls.length === names.length,
  );
  await eventually("the fault", async () => {
    await silent.compound([]);
    return (silent.statusFlags & BACKCHANNEL_FAULT) !== 0;
  });
  assertEquals(lively.statusFlags & BACKCHANNEL_FAULT, 0);
  const metrics = await fixture.metrics();
  assertEquals(metrics.get('backchannel_sessions{path="down"}'), 1);
  for (const each of held) await giveBack(lively, each);
});

Deno.test("a session that has left a callback without an answer is asked last", async () => {
  await using fixture = await Fixture.open({
    callbacks: { replyTimeout: 50, backoff: [60_000] },
  });
  const lively = await fixture.session();
  const { client } = lively;
  const connection = await client.newConnection();
  const silent = await client.createSession({ connection });
  const other = await fixture.session();
  let unanswered = 0;
  for (const name of ["f", "g"]) {
    const held = await hold(lively, name);
    connection.onCall = () => void unanswered++;
    await silent.compound([]);
    await write(other, name);
    await recalled(lively, held);
    await giveBack(lively, held);
  }
  assertEquals(unanswered, 1);
});

for (const mend of ["BACKCHANNEL_CTL", "BIND_CONN_TO_SESSION"]) {
  Deno.test(`${mend} on the connection that is bound already ends BACKCHANNEL_FAULT`, async () => {
    await using fixture = await Fixture.open({
      callbacks: { replyTimeout: 50, backoff: [1] },
    });
    const holder = await fixture.session();
    const other = await fixture.session();
    const held = await hold(holder, "f");
    holder.client.callbacks.next({ kind: "denied", why: 5 });
    await write(other, "f");
    await eventually("the fault", async () => {
      await holder.compound([]);
      return (holder.statusFlags & BACKCHANNEL_FAULT) !== 0;
    });
    if (mend === "BACKCHANNEL_CTL") {
      await holder.backchannelCtl(CALLBACK_PROGRAM, [{
        flavor: "sys",
        credential: callbackCredential,
      }]);
    } else await holder.bind(holder.connection, FORE_OR_BOTH);
    await recalled(holder, held);
    await holder.compound([]);
    assertEquals(holder.statusFlags, 0);
    await giveBack(holder, held);
    await proceed(() => write(other, "f"));
  });
}

Deno.test("a callback that exhausts its attempts is BACKCHANNEL_FAULT until a path works again", async () => {
  await using fixture = await Fixture.open({
    callbacks: { replyTimeout: 20, backoff: [1] },
  });
  const holder = await fixture.session();
  const other = await fixture.session();
  const held = await hold(holder, "f");
  holder.client.callbacks.always({ kind: "silent", executed: false });
  await write(other, "f");
  await eventually("the fault", async () => {
    await holder.compound([]);
    return (holder.statusFlags & BACKCHANNEL_FAULT) !== 0;
  });
  assertEquals(holder.statusFlags, BACKCHANNEL_FAULT | CB_PATH_DOWN);
  for (let i = 0; i < 3; i++) {
    assertEquals(await isDelegated(holder, "g"), false);
  }
  assertEquals(
    (await fixture.metrics()).get("backchannel_callback_failures_total"),
    1,
  );
  holder.client.callbacks.always({ kind: "answer" });
  await holder.bind(await holder.client.newConnection(), BACK);
  await recalled(holder, held);
  await holder.compound([]);
  assertEquals(holder.statusFlags, 0);
  await giveBack(holder, held);
  await proceed(() => write(other, "f"));
});

Deno.test("a session without a back channel gets no delegation and no callback", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session({ flags: 0 });
  assertEquals(session.flags & SessionFlag.CONN_BACK_CHAN, 0);
  for (let i = 0; i < 4; i++) {
    assertEquals(await isDelegated(session, "f"), false);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assertEquals(session.client.callbacks.calls, []);
});

Deno.test("a destroyed session takes its binding and its callbacks with it", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  await hold(session, "f");
  await session.destroy();
  const metrics = await fixture.metrics();
  const reason = 'sessions_destroyed_total{reason="destroyed-session"}';
  assertEquals(metrics.get(reason), 1);
  assertEquals(metrics.get("sessions_active"), 0);
  assertEquals(metrics.get("sessions_duration_seconds_count"), 1);
  assertEquals(metrics.get("connections_bound"), 0);
  const unbound = 'connections_unbind_total{reason="session-gone"}';
  assertEquals(metrics.get(unbound), 1);
  assertEquals(metrics.get('backchannel_sessions{path="up"}'), 0);
  assert(metrics.get('delegations_active{type="read"}') === 1);
});

Deno.test("a session's back channel is trusted from its binding on, until CB_NULL fails", async () => {
  await using fixture = await Fixture.open({
    callbacks: { replyTimeout: 100, backoff: [10] },
  });
  const callbacks = new CallbackPeer();
  callbacks.onNull({ kind: "silent" });
  const session = await fixture.session({ callbacks });
  const WANT_READ = 0x100;
  const access = Share.ACCESS_READ | WANT_READ;
  const first = await session.open(["f"], { access });
  assertEquals(first.delegation.type, "read");
  await eventually("distrust", async () => {
    const { filehandle, delegation } = await session.open(["g"], { access });
    if (delegation.type !== "read") return true;
    const { stateid } = delegation;
    await session.compound([op.putfh(filehandle), op.delegreturn(stateid)]);
    return false;
  });
});
