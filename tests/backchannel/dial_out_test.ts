import { assert, assertEquals, assertRejects } from "@std/assert";
import { heardErrors } from "../support/heard_errors.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import {
  CALLBACK_OPERATIONS,
  callbackOperation,
  type CBRecallArgs,
} from "../../src/backchannel/callback_ops.ts";
import type { CallbackOutcome } from "../../src/backchannel/callback_request.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { CallbackChannel } from "../../src/backchannel/callback_channel.ts";
import { AUTH_NONE } from "../../src/rpc/call_credential.ts";
import { CallTurns } from "../../src/rpc/call_turns.ts";
import { DialOut } from "../../src/backchannel/dial_out.ts";
import { Client } from "../../src/state/client.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import {
  op,
  openRequests,
  type Request,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { CallbackListener } from "../support/client/mod.ts";
import { startServer, type TestServerOptions } from "../support/server.ts";
import {
  eventually,
  Fixture,
  giveBack,
  type Held,
  hold,
  proceed,
  recalled,
  write,
} from "./fixture.ts";

/** A v4.0 client that is registered. */
async function register(
  fixture: Fixture,
  changes: Parameters<V40Client["register"]>[0] = {},
): Promise<V40Client> {
  const client = await V40Client.connect({ port: fixture.server.port });
  await client.register(changes);
  return client;
}

/** An OPEN for writing by a v4.0 client. */
async function write40(client: V40Client, name: string) {
  const owner = client.owner("writer");
  const { clientid } = client;
  const requests = openRequests([name], {
    access: 2,
    owner: "writer",
    clientid,
    seqid: owner.seqid,
  });
  const reply = await client.expectStatus([Status.OK, Status.DELAY], requests);
  owner.settle(reply.results.find(({ name }) => name === "OPEN")!.status);
  return reply;
}

/** Waits for the recall of a v4.0 client's delegation. */
async function recalled40(client: V40Client, held: Held): Promise<void> {
  await eventually(
    "the recall",
    () =>
      client.listener.peer.recalls.some(({ stateid }) =>
        String(stateid.other) === String(held.stateid.other)
      ),
  );
}

Deno.test("callback routing: v4.1 by backchannel, v4.0 by dial-out", async () => {
  await using fixture = await Fixture.open();
  const holder41 = await fixture.session();
  await using holder40 = await register(fixture);
  const other = await fixture.session();
  const held41 = await hold(holder41, "f");
  const held40 = await hold(holder40, "g");
  assertEquals((await write(other, "f")).status, Status.DELAY);
  assertEquals((await write(other, "g")).status, Status.DELAY);
  await recalled(holder41, held41);
  await recalled40(holder40, held40);
  assertEquals(holder41.client.callbacks.recalls.length, 1);
  assertEquals(holder40.listener.peer.recalls.length, 1);
  await giveBack(holder41, held41);
  await giveBack(holder40, held40);
  await proceed(() => write(other, "f"));
  await proceed(() => write(other, "g"));
  holder40.listener.peer.assertClean();
  const metrics = await fixture.metrics();
  assertEquals(metrics.get("backchannel_callbacks_total"), 2);
  assertEquals(metrics.get("delegation_recall_seconds_count"), 2);
  const label = 'delegations_recalled_total{type="read",reason="open"}';
  assertEquals(metrics.get(label), 2);
});

Deno.test("one NFSv4.0 client's delegation gives way to another's open", async () => {
  await using fixture = await Fixture.open();
  await using holder = await register(fixture);
  await using other = await register(fixture);
  const held = await hold(holder, "f");
  assertEquals((await write40(other, "f")).status, Status.DELAY);
  await recalled40(holder, held);
  await giveBack(holder, held);
  await proceed(() => write40(other, "f"));
  holder.listener.peer.assertClean();
});

Deno.test("an NFSv4.0 client gets no delegation before it has answered CB_NULL, and one connection for all callbacks", async () => {
  await using fixture = await Fixture.open();
  await using client = await V40Client.connect({ port: fixture.server.port });
  const late = Promise.withResolvers<void>();
  client.listener.peer.onNull({ kind: "late", until: late.promise });
  await client.register();
  for (let i = 0; i < 4; i++) {
    const { delegation } = await client.open(["f"], { access: 1 });
    assertEquals(delegation.type, "none");
  }
  late.resolve();
  const held = await hold(client, "f");
  const other = await fixture.session();
  await write(other, "f");
  await recalled40(client, held);
  assertEquals(client.listener.accepted, 1);
  await giveBack(client, held);
  client.listener.peer.assertClean();
});

Deno.test("a callback that fails is CB_PATH_DOWN to RENEW, and goes out again on a new connection", async () => {
  await using fixture = await Fixture.open();
  await using client = await register(fixture);
  const held = await hold(client, "f");
  client.listener.peer.always({ kind: "close", executed: false });
  const other = await fixture.session();
  await write(other, "f");
  await client.listener.peer.waitForCalls(4);
  const renew = () => client.expectStatus("any", [op.renew(client.clientid)]);
  await eventually(
    "CB_PATH_DOWN",
    async () => (await renew()).status === Status.CB_PATH_DOWN,
  );
  // SETCLIENTID once more says where callbacks go: the path is up again.
  client.listener.peer.always({ kind: "answer" });
  await client.register();
  await eventually(
    "a path that is up",
    async () => (await renew()).status === Status.OK,
  );
  await eventually(
    "the recall",
    () =>
      client.listener.peer.calls.some(({ status, compound }) =>
        compound !== undefined && status === Status.OK
      ),
  );
  await giveBack(client, held);
  await proceed(() => write(other, "f"));
});

const strangers: Record<string, Partial<Parameters<typeof register>[1]>> = {
  "another host": { netid: "tcp", address: "192.0.2.7.8.1" },
  "no address": { netid: "tcp", address: "nowhere" },
  "another transport": { netid: "udp", address: "127.0.0.1.8.1" },
  "port 0": { netid: "tcp", address: "127.0.0.1.0.0" },
};
for (const [what, address] of Object.entries(strangers)) {
  Deno.test(`a client can't make the server dial ${what}`, async () => {
    await using fixture = await Fixture.open();
    await using client = await register(fixture, address);
    for (let i = 0; i < 5; i++) {
      const { delegation } = await client.open(["f"], { access: 1 });
      assertEquals(delegation.type, "none");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await client.compound([op.renew(client.clientid)]);
    assertEquals(client.listener.accepted, 0);
  });
}

Deno.test("the operator decides which addresses are dialled", async () => {
  const asked: unknown[] = [];
  const options: TestServerOptions = {
    allowCallbackAddress: (address, { peer }) => {
      asked.push([address.hostname, peer]);
      return false;
    },
  };
  await using server = await startServer({ tree: { f: "x" }, ...options });
  await using client = await V40Client.connect({ port: server.port });
  await client.register();
  const ops: Request[] = [...walk(["f"]), op.getattr(["size"])];
  await client.compound(ops);
  assertEquals(asked, [["127.0.0.1", "127.0.0.1"]]);
  assertEquals(client.listener.accepted, 0);
});

/** A client of a party, whose callbacks go to a listener. */
function clientOf(listener: CallbackListener, party = "one"): Client {
  const client = new Client({
    id: 1n,
    protocol: 0,
    owner: Uint8Array.of(1),
    verifier: new Uint8Array(8),
    principal: "sys:0",
    party,
    account: new StateBudget().account(party),
    renewedAt: 0,
  });
  client.registration = {
    confirm: new Uint8Array(8),
    callback: {
      program: 0x4000_0000,
      netid: listener.netid,
      address: listener.universalAddress,
      ident: 7,
      peer: "127.0.0.1",
      local: { hostname: "127.0.0.1", port: 2049 },
    },
  };
  return client;
}

/** Recalls a delegation of a client; resolves to what became of that. */
function sendCBRecall(
  dialOut: DialOut,
  client: Client,
  recall: CBRecallArgs,
): Promise<CallbackOutcome> {
  return new Promise((done) =>
    dialOut.send(client, {
      operations: [callbackOperation(CALLBACK_OPERATIONS.CB_RECALL, recall)],
      done,
    })
  );
}

/** A dial-out without a server, and a client whose listener it dials. */
function dialled(
  listener: CallbackListener,
  options: Partial<ConstructorParameters<typeof DialOut>[0]> = {},
) {
  const dialOut = new DialOut({
    clock: systemClock,
    random: (length) => new Uint8Array(length),
    replyTimeout: 100,
    backoff: [1],
    ...options,
  });
  const client = clientOf(listener);
  dialOut.callbackConfirmed(client);
  return { dialOut, client };
}

const peer40 = { v40: { program: 0x4000_0000, ident: 7 } };
const recallArgs = {
  stateid: { seqid: 1, other: new Uint8Array(12).fill(3) },
  truncate: false,
  handle: Uint8Array.of(1, 2, 3),
};

Deno.test("what a client sends over a connection that was dialled has turns as all else", async () => {
  let shares = 0;
  class Turns extends CallTurns {
    override join(party: string) {
      shares++;
      return super.join(party);
    }
  }
  await using listener = new CallbackListener(peer40);
  const callTurns = new Turns(() => Promise.resolve());
  const { dialOut, client } = dialled(listener, { callTurns });
  await eventually("CB_NULL", () => dialOut.isUp(client));
  assertEquals(shares, 1);
  await dialOut.close();
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`sendCBRecall dials ${hostname}, and says what the client answered`, async () => {
    await using listener = new CallbackListener(peer40, hostname);
    const { dialOut, client } = dialled(listener);
    await eventually("CB_NULL", () => dialOut.isUp(client));
    assertEquals(await sendCBRecall(dialOut, client, recallArgs), {
      kind: "answered",
      // This client has no such delegation.
      results: [{ status: Status.BADHANDLE }],
    });
    listener.peer.assertClean();
    await dialOut.close();
    assertEquals(dialOut.held, { paths: 0, connections: 0, jobs: 0 });
  });
}

Deno.test("sendCBRecall gives up after three attempts, and the client is down", async () => {
  const listener = new CallbackListener(peer40);
  const { dialOut, client } = dialled(listener);
  await eventually("CB_NULL", () => dialOut.isUp(client));
  await listener[Symbol.asyncDispose]();
  assertEquals(await sendCBRecall(dialOut, client, recallArgs), {
    kind: "failed",
    reason: "no answer in 3 attempts",
  });
  assertEquals(dialOut.isUp(client), false);
  assertEquals(client.isCallbackPathDown, true);
  await dialOut.close();
});

Deno.test("a connection that nobody uses is closed, and made again when it is needed", async () => {
  await using listener = new CallbackListener(peer40);
  const { dialOut, client } = dialled(listener, { idleTimeout: -1 });
  await eventually("CB_NULL", () => dialOut.isUp(client));
  dialOut.sweep();
  await eventually("its end", () => listener.openConnections === 0);
  assertEquals(dialOut.held.connections, 0);
  await sendCBRecall(dialOut, client, recallArgs);
  assertEquals(listener.accepted, 2);
  await dialOut.close();
});

Deno.test("what is down is tried again after a while", async () => {
  await using listener = new CallbackListener(peer40);
  listener.peer.onNull({ kind: "close" });
  let isExpired = true;
  let regained = 0;
  const { dialOut, client } = dialled(listener, {
    probeInterval: -1,
    isExpired: () => isExpired,
    regained: () => regained++,
  });
  await listener.peer.waitForCalls(1);
  await eventually("the failure", () => client.isCallbackPathDown);
  // Nobody is looked for who has not been heard of for a lease.
  dialOut.sweep();
  assertEquals(dialOut.held.jobs, 0);
  isExpired = false;
  listener.peer.onNull({ kind: "answer" });
  await eventually("CB_NULL", () => {
    dialOut.sweep();
    return dialOut.isUp(client);
  });
  assertEquals([regained, client.isCallbackPathDown], [1, false]);
  await dialOut.close();
});

Deno.test("a crowd that comes at once takes no more connections than there may be, and each client has its turn", async () => {
  await using listener = new CallbackListener(peer40);
  const { dialOut, client } = dialled(listener, { maxConnections: 4 });
  const clients = [client];
  for (let i = 0; i < 10; i++) {
    clients.push(clientOf(listener));
    dialOut.callbackConfirmed(clients.at(-1)!);
    assertEquals(dialOut.held.connections, 1);
  }
  await eventually("all", () => clients.every((each) => dialOut.isUp(each)));
  // Of the same party half of them.
  assertEquals(dialOut.held.connections, 2);
  await dialOut.close();
});

Deno.test("clients that leave CB_NULL without an answer keep no recall from another's", async () => {
  await using listener = new CallbackListener(peer40);
  await using silent = new CallbackListener(peer40);
  silent.peer.onNull({ kind: "silent" });
  const { dialOut, client } = dialled(listener, {
    maxConnections: 8,
    replyTimeout: 60_000,
  });
  await eventually("CB_NULL", () => dialOut.isUp(client));
  for (let i = 0; i < 20; i++) dialOut.callbackConfirmed(clientOf(silent));
  await eventually("the silent ones", () => silent.openConnections === 2);
  const outcome = await sendCBRecall(dialOut, client, recallArgs);
  assertEquals(outcome.kind, "answered");
  await dialOut.close();
});

Deno.test("that the server may dial no more says nothing of a client", async () => {
  await using listener = new CallbackListener(peer40);
  const { dialOut, client } = dialled(listener, { maxConnections: 1 });
  const other = clientOf(listener);
  dialOut.callbackConfirmed(other);
  await eventually("both", () => dialOut.isUp(client) && dialOut.isUp(other));
  const release = Promise.withResolvers<void>();
  listener.peer.next({ kind: "late", until: release.promise });
  const first = sendCBRecall(dialOut, other, recallArgs);
  await listener.peer.waitForCalls(3);
  assertEquals(await sendCBRecall(dialOut, client, recallArgs), {
    kind: "full",
  });
  assertEquals([dialOut.isUp(client), client.isCallbackPathDown], [
    true,
    false,
  ]);
  release.resolve();
  assertEquals((await first).kind, "answered");
  assertEquals(
    (await sendCBRecall(dialOut, client, recallArgs)).kind,
    "answered",
  );
  await dialOut.close();
});

Deno.test("behind many paths that are down each has its turn", async () => {
  await using listener = new CallbackListener(peer40);
  await using dead = new CallbackListener(peer40);
  dead.peer.onNull({ kind: "close" });
  listener.peer.onNull({ kind: "close" });
  const { dialOut, client } = dialled(dead, { probeInterval: -1 });
  for (let i = 0; i < 200; i++) dialOut.callbackConfirmed(clientOf(dead));
  const last = clientOf(listener);
  dialOut.callbackConfirmed(last);
  await eventually("the failures", () => dialOut.held.jobs === 0);
  assertEquals([client, last].map((each) => each.isCallbackPathDown), [
    true,
    true,
  ]);
  listener.peer.onNull({ kind: "answer" });
  for (let sweeps = 0; sweeps < 4; sweeps++) {
    dialOut.sweep();
    await eventually("its end", () => dialOut.held.jobs <= 1);
  }
  assertEquals(dialOut.isUp(last), true);
  await dialOut.close();
});

Deno.test("a client that goes while it is dialled harms nobody, and one that comes again and again has one connection", async () => {
  await using listener = new CallbackListener(peer40);
  const { dialOut, client } = dialled(listener);
  for (let i = 0; i < 10; i++) dialOut.callbackConfirmed(client);
  await eventually("CB_NULL", () => dialOut.isUp(client));
  await eventually("one connection", () => dialOut.held.connections === 1);
  assertEquals(dialOut.held.paths, 1);
  await dialOut.close();
  assertEquals(dialOut.held, { paths: 0, connections: 0, jobs: 0 });
});

Deno.test("what goes wrong in the server itself while it dials is logged, and not taken for the client's silence", async () => {
  await using listener = new CallbackListener(peer40);
  const { log, errors } = heardErrors();
  const { connect } = Deno;
  const ours = new TypeError("ours");
  Deno.connect = (() => Promise.reject(ours)) as () => Promise<never>;
  try {
    const { dialOut, client } = dialled(listener, {
      log,
      regained: () => {
        throw ours;
      },
    });
    await eventually("CB_NULL", () => errors.length === 1);
    assertEquals(await sendCBRecall(dialOut, client, recallArgs), {
      kind: "error",
    });
    assertEquals(errors, [ours, ours]);
    assertEquals(dialOut.isUp(client), false);
    Deno.connect = connect;
    await sendCBRecall(dialOut, client, recallArgs);
    assertEquals(errors, [ours, ours, ours]);
    await dialOut.close();
    assertEquals(dialOut.held, { paths: 0, connections: 0, jobs: 0 });
  } finally {
    Deno.connect = connect;
  }
});

Deno.test("a client that registers another address is recalled there, not when the wait for the old one is over", async () => {
  const gone = new CallbackListener(peer40);
  await using listener = new CallbackListener(peer40);
  const clock = new FakeClock();
  const { dialOut, client } = dialled(gone, { clock, backoff: [60_000] });
  await eventually("CB_NULL", () => dialOut.isUp(client));
  await gone[Symbol.asyncDispose]();
  const outcome = sendCBRecall(dialOut, client, recallArgs);
  await eventually("the failure", () => client.isCallbackPathDown);
  const { netid, universalAddress: address } = listener;
  Object.assign(client.registration!.callback, { netid, address });
  dialOut.callbackConfirmed(client);
  assertEquals(await outcome, { kind: "stopped" });
  await eventually("CB_NULL", () => dialOut.isUp(client));
  await dialOut.close();
});

Deno.test("a callback that can't be sent fails, and its time limit has nothing to end", async () => {
  const broken = new Error("broken");
  const channel = new CallbackChannel({
    sendCall: () => {
      throw broken;
    },
  }, 1);
  const time = new AbortController();
  const target = {
    program: 1,
    credential: AUTH_NONE,
    minorVersion: 0,
    callbackIdent: 0,
  } as const;
  await assertRejects(
    () => channel.probe(target, time.signal),
    Error,
    "broken",
  );
  assertEquals(channel.pending.size, 0);
  // Nobody would hear of it: an unheard rejection ends the process.
  time.abort();
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("a client that calls on the connection it was dialled on, and takes no answer, is not read from for long", async () => {
  await using fixture = await Fixture.open();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = await V40Client.connect({ port: fixture.server.port });
  const { port } = listener.addr;
  await client.register({ address: `127.0.0.1.${port >> 8}.${port & 255}` });
  const dialled = await listener.accept();
  // Of another version of RPC each: the shortest that is answered.
  const calls = new Uint8Array(16 * 4096);
  const view = new DataView(calls.buffer);
  for (let at = 0; at < calls.length; at += 16) {
    view.setUint32(at, 0x8000_000c);
    view.setUint32(at + 12, 3);
  }
  let sent = 0;
  const flooded = (async () => {
    while (true) sent += await dialled.write(calls);
  })().catch(() => {});
  let before = -1;
  while (sent !== before) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  dialled.close();
  await flooded;
  listener.close();
  const MIB = 1024 * 1024;
  // Most of it waits in the sockets; 16 MiB of answers stand for 9 of calls.
  assert(sent < 12 * MIB, `${sent / MIB} MiB were read or wait in sockets`);
});

Deno.test("however many paths to clients of one party are down, those to another's are tried, and those that never were", async () => {
  await using silent = new CallbackListener(peer40);
  await using elsewhere = new CallbackListener(peer40);
  await using fresh = new CallbackListener(peer40);
  silent.peer.onNull({ kind: "silent" });
  const { dialOut } = dialled(silent, {
    maxConnections: 8,
    probeInterval: -1,
    replyTimeout: 20,
  });
  for (let i = 0; i < 40; i++) dialOut.callbackConfirmed(clientOf(silent));
  await eventually("the failures", () => dialOut.held.jobs === 0);
  dialOut.sweep();
  const late = [clientOf(elsewhere, "another"), clientOf(fresh)];
  const before = silent.accepted;
  for (const client of late) dialOut.callbackConfirmed(client);
  await eventually("both", () => late.every((each) => dialOut.isUp(each)));
  assert(silent.accepted - before < 10, "not behind all the others");
  await dialOut.close();
});

Deno.test("the server does not dial itself", async () => {
  await using listener = new CallbackListener(peer40);
  const { dialOut } = dialled(listener);
  for (const netid of ["tcp", "tcp6"]) {
    for (const hostname of ["127.0.0.1", "127.0.0.2", "::1"]) {
      const client = clientOf(listener);
      const callback = {
        ...client.registration!.callback,
        netid,
        address: `${hostname}.8.1`,
      };
      Object.assign(client.registration!, { callback });
      dialOut.callbackConfirmed(client);
      assertEquals(client.isCallbackPathDown, true);
    }
  }
  assertEquals(dialOut.held.paths, 1);
  await dialOut.close();
});

Deno.test("a connection over which CB_NULL was refused is not kept", async () => {
  await using listener = new CallbackListener(peer40);
  listener.peer.onNull({ kind: "accepted", stat: 1 });
  const { dialOut, client } = dialled(listener);
  await eventually("the refusal", () => client.isCallbackPathDown);
  await eventually("its end", () => listener.openConnections === 0);
  assertEquals(dialOut.held.connections, 0);
  await dialOut.close();
});
