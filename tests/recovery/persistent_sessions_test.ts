import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { SequenceFlag } from "../../src/nfs4/sessions.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { type Disk, hostDisk } from "../../src/backends/sqlite/disk.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { decodeSlot } from "../../src/recovery/session_format.ts";
import { LEASE } from "../state/fixture.ts";
import {
  anonymousStateid,
  CreateMode,
  op,
  SessionFlag,
  walk,
} from "../support/client/mod.ts";
import {
  look,
  mkdir,
  type PersistentClient,
  PersistentFixture,
  type TestRecords,
} from "./persistent_fixture.ts";

const { PERSIST, CONN_BACK_CHAN } = SessionFlag;
const remove = (name: string) => [op.putrootfh(), op.remove(name)];

async function start(flags: number = PERSIST) {
  const server = new PersistentFixture();
  return { server, client: await server.client(flags) };
}

/** sr_status_flags of a request that looks. */
async function flagsOf(client: PersistentClient): Promise<number> {
  return (await client.ok(look)).get("SEQUENCE").statusFlags;
}

Deno.test("persistent session: granted to who asks for it, where there is a store (RFC 8881 18.36.3)", async () => {
  const { server, client } = await start();
  assertEquals(client.flags, PERSIST);
  assertEquals((await server.client(0)).flags, 0);
  const both = await server.client(PERSIST | CONN_BACK_CHAN);
  assertEquals(both.flags, PERSIST | CONN_BACK_CHAN);
});

Deno.test("persistent session: what is sent again after a restart is answered with the same bytes", async () => {
  const { server, client } = await start();
  const made = await client.ok(mkdir("folder"));
  const removed = await client.ok([...remove("folder")], { slot: 3 });
  await client.ok(mkdir("folder"), { slot: 4 });
  server.restart();
  client.reconnect();
  assertEquals((await client.again(mkdir("folder"))).bytes, made.bytes);
  assertEquals(
    (await client.again([...remove("folder")], { slot: 3 })).bytes,
    removed.bytes,
  );
  // Neither was carried out again: the folder of slot 4 is there.
  await client.ok(walk(["folder"]), { slot: 5 });
});

Deno.test("persistent session: its client shares memory with its party after a restart as before", async () => {
  const { server } = await start();
  const before = [...server.state.clients].map(({ party }) => party);
  server.restart();
  const after = [...server.state.clients].map(({ party }) => party);
  assertEquals(after, before);
  assert(after[0] !== "", "a party");
});

Deno.test("persistent session: goes on after a restart, on every slot, also those that nothing is known of", async () => {
  const { server, client } = await start();
  await client.ok(mkdir("a"), { slot: 1 });
  for (let i = 0; i < 5; i++) await client.ok(look, { slot: 1 });
  for (let i = 0; i < 5; i++) await client.ok(look, { slot: 2 });
  server.restart();
  client.reconnect();
  // A retry, and the next one.
  await client.again(look, { slot: 1 });
  await client.ok(look, { slot: 2 });
  // From then on the order is strict again.
  const skipped = await client.send(look, { slot: 2, sequence: 8 });
  assertEquals(skipped.status, Status.SEQ_MISORDERED);
  await client.ok(look, { slot: 2, sequence: 7 });
  server.restart();
  assertEquals(
    (await client.again(mkdir("a"), { slot: 1, sequence: 1 })).status,
    0,
  );
});

Deno.test("persistent session: sequence IDs from before what is known are misordered after a restart", async () => {
  const { server, client } = await start();
  for (const name of ["a", "b", "c"]) await client.ok(mkdir(name));
  const { slots } = server.state.sessions.find(client.session)!;
  const { sequence } = slots.slot(0)!;
  server.restart();
  for (const wrong of [sequence - 1, sequence + 2 ** 22, sequence - 2 ** 31]) {
    const reply = await client.send(look, { sequence: wrong });
    assertEquals(reply.status, Status.SEQ_MISORDERED, `${wrong}`);
  }
  const zero = await client.send(look, { slot: 7, sequence: 0 });
  assertEquals(zero.status, Status.SEQ_MISORDERED);
});

Deno.test("persistent session: another request under the old sequence ID is a false retry after a restart as well (RFC 8881 2.10.6.1.3.1)", async () => {
  const { server, client } = await start();
  await client.ok(mkdir("a"));
  server.restart();
  const other = await client.again(mkdir("b"));
  assertEquals(other.status, Status.SEQ_FALSE_RETRY);
  const stranger = await client.again(mkdir("a"), { uid: 5 });
  assertEquals(stranger.status, Status.SEQ_FALSE_RETRY);
});

Deno.test("persistent session: a change whose answer was not to be kept is not carried out again (RFC 8881 2.10.6.1.3)", async () => {
  const { server, client } = await start();
  await client.ok(mkdir("a"));
  await client.ok(remove("a"), { cacheThis: false });
  await client.ok(mkdir("a"), { slot: 1 });
  server.restart();
  const again = await client.again(remove("a"), { cacheThis: false });
  assertEquals(again.status, Status.RETRY_UNCACHED_REP);
  await client.ok(walk(["a"]));
});

Deno.test("persistent session: what changed nothing leaves nothing behind", async () => {
  const { server, client } = await start();
  const before = server.records.changes;
  await client.ok(look);
  await client.send(remove("nothing"));
  await client.send(mkdir("a/b"));
  assertEquals(server.records.changes, before);
  assertEquals(server.rows("slots"), 0);
});

Deno.test("persistent session: a slot that only looks is written once in a million requests", async () => {
  const { server, client } = await start();
  const slot = server.state.sessions.find(client.session)!.slots.slot(2)!;
  slot.sequence = 2 ** 20 - 2;
  await client.ok(look, { slot: 2, sequence: 2 ** 20 - 1 });
  assertEquals(server.rows("slots"), 0);
  await client.ok(look, { slot: 2 });
  assertEquals(server.rows("slots"), 1);
  server.restart();
  await client.ok(look, { slot: 2, sequence: 2 ** 20 + 2 ** 20 });
});

Deno.test("persistent session: sequence IDs wrap through 0 over a restart", async () => {
  const { server, client } = await start();
  const slot = server.state.sessions.find(client.session)!.slots.slot(0)!;
  slot.sequence = 2 ** 32 - 2;
  await client.ok(mkdir("a"), { sequence: 2 ** 32 - 1 });
  server.restart();
  await client.ok(mkdir("b"), { sequence: 0 });
  server.restart();
  const again = await client.send(mkdir("b"), { sequence: 0 });
  assertEquals(again.status, Status.OK);
  await client.ok(look, { sequence: 1 });
});

Deno.test("persistent session: RESTART_RECLAIM_NEEDED until RECLAIM_COMPLETE (RFC 8881 18.46.3)", async () => {
  const { server, client } = await start();
  assertEquals(await flagsOf(client), 0);
  server.restart();
  client.reconnect();
  const { RESTART_RECLAIM_NEEDED } = SequenceFlag;
  assertEquals(await flagsOf(client), RESTART_RECLAIM_NEEDED);
  const open = op.open({
    owner: client.owner(),
    create: { mode: CreateMode.UNCHECKED, attributes: {} },
    claim: { claim: "null", name: "f" },
  });
  const early = await client.send([op.putrootfh(), open]);
  assertEquals(early.status, Status.GRACE);
  await client.ok([op.reclaimComplete()]);
  assertEquals(await flagsOf(client), 0);
  await client.ok([op.putrootfh(), open]);
});

Deno.test("persistent session: opens are reclaimed on it; what is used before that has to wait (RFC 8881 8.4.2.1)", async () => {
  const { server, client } = await start();
  const owner = client.owner();
  const opened = await client.ok([
    op.putrootfh(),
    op.open({
      ...{ access: 3, owner },
      create: { mode: CreateMode.GUARDED, attributes: {} },
      claim: { claim: "null", name: "f" },
    }),
    op.getfh(),
  ]);
  const { stateid } = opened.get("OPEN");
  const at = op.putfh(opened.get("GETFH").filehandle);
  server.restart();
  client.reconnect();
  const uses = [
    op.read({ stateid }),
    op.write({ stateid, data: "x" }),
    op.setattr({ size: 0n }, stateid),
    op.lock({ locker: { openStateid: stateid, owner } }),
  ];
  for (const use of uses) {
    assertEquals((await client.send([at, use])).status, Status.GRACE);
  }
  const closed = await client.send([at, op.close(stateid)]);
  assertEquals(closed.status, Status.BAD_STATEID);
  const claim = { claim: "previous", delegate: 0 } as const;
  const again = await client.ok([at, op.open({ access: 3, owner, claim })]);
  await client.ok([op.reclaimComplete()]);
  const mine = again.get("OPEN").stateid;
  await client.ok([at, op.write({ stateid: mine, data: "x" })]);
  // Now it is lost, and not to be waited for.
  const late = await client.send([at, op.read({ stateid })]);
  assertEquals(late.status, Status.BAD_STATEID);
});

Deno.test("persistent session: connections are bound anew, the backchannel by BIND_CONN_TO_SESSION (RFC 8881 2.10.3.1)", async () => {
  const { server, client } = await start(PERSIST | CONN_BACK_CHAN);
  assertEquals(await flagsOf(client), 0);
  server.restart();
  client.reconnect();
  const { CB_PATH_DOWN, CB_PATH_DOWN_SESSION } = SequenceFlag;
  const down = CB_PATH_DOWN | CB_PATH_DOWN_SESSION;
  await client.ok([op.reclaimComplete()]);
  assertEquals(await flagsOf(client), down);
  await client.compound([op.bindConnToSession(client.session, 7)]);
  assertEquals(await flagsOf(client), 0);
});

Deno.test("persistent session: a backchannel that came later, and its program, are remembered", async () => {
  const { server, client } = await start();
  server.restart();
  await client.ok([op.reclaimComplete()]);
  assertEquals(await flagsOf(client), 0);
  await client.compound([op.bindConnToSession(client.session, 7)]);
  await client.ok([op.backchannelCtl(0x4000_0009, [{ flavor: "none" }])]);
  server.restart();
  client.reconnect();
  await client.ok([op.reclaimComplete()]);
  assertNotEquals(await flagsOf(client), 0);
  const { callback } = server.state.sessions.find(client.session)!;
  assertEquals(callback, { program: 0x4000_0009, credential: { flavor: 0 } });
});

Deno.test("persistent session: is as it was", async () => {
  const { server, client } = await start(PERSIST | CONN_BACK_CHAN);
  const before = server.state.sessions.find(client.session)!;
  server.restart();
  const after = server.state.sessions.find(client.session)!;
  for (const name of ["fore", "back", "callback", "minorVersion"] as const) {
    assertEquals(after[name], before[name]);
  }
  for (const name of ["id", "owner", "verifier", "principal"] as const) {
    assertEquals(after.client[name], before.client[name]);
  }
  assert(after.client.isConfirmed && !after.client.isReclaimComplete);
});

Deno.test("CREATE_SESSION after a restart: sent again it is answered as before, the next one is another session (RFC 8881 18.36.4)", async () => {
  const { server, client } = await start();
  const { sequence } = client;
  const first = await client.createSession(PERSIST, sequence);
  server.restart();
  client.reconnect();
  const again = await client.createSession(PERSIST, sequence);
  assertEquals(again.bytes, first.bytes);
  const { sessionid } = first.get("CREATE_SESSION");
  const bound = server.state.sessions.find(sessionid)!.connections;
  assertEquals(bound.size, 1, "its connection carries callbacks");
  const next = await client.createSession(PERSIST, sequence + 1);
  assertNotEquals(
    next.get("CREATE_SESSION").sessionid,
    first.get("CREATE_SESSION").sessionid,
  );
  const gap = await client.createSession(PERSIST, sequence + 3);
  assertEquals(gap.status, Status.SEQ_MISORDERED);
});

Deno.test("EXCHANGE_ID after a restart: the same incarnation has its clientid, a new one drops the sessions (RFC 8881 18.35.4)", async () => {
  const { server, client } = await start();
  const { clientid } = client;
  server.restart();
  await client.introduce();
  assertEquals(client.clientid, clientid);
  client.verifier = new Uint8Array(8).fill(9);
  await client.introduce();
  assertNotEquals(client.clientid, clientid);
  await client.ok(look);
  await client.createSession(PERSIST);
  assertEquals((await client.send(look)).status, Status.BADSESSION);
  assertEquals(server.rows("clients"), 1);
  assertEquals(server.rows("sessions"), 1);
});

Deno.test("persistent session: DESTROY_SESSION and DESTROY_CLIENTID leave nothing behind", async () => {
  const { server, client } = await start();
  await client.ok(mkdir("a"));
  await client.compound([op.destroySession(client.session)]);
  assertEquals(server.rows("sessions") + server.rows("slots"), 0);
  server.restart();
  assertEquals((await client.send(look)).status, Status.BADSESSION);
  await client.compound([op.destroyClientid(client.clientid)]);
  assertEquals(server.rows("clients"), 0);
});

Deno.test("persistent session: one that its client abandoned does not keep DESTROY_CLIENTID busy, nor lasts", async () => {
  const { server, client } = await start();
  server.restart();
  client.reconnect();
  const created = await client.createSession(PERSIST);
  const { sessionid } = created.get("CREATE_SESSION");
  const busy = await client.compound([op.destroyClientid(client.clientid)]);
  assertEquals(busy.status, Status.CLIENTID_BUSY);
  assertEquals(server.rows("sessions"), 1);
  server.restart();
  client.reconnect();
  const next = (await client.createSession(PERSIST)).get("CREATE_SESSION");
  const { clock } = server.fixture;
  clock.advance(LEASE / 2);
  // In use, and so not abandoned.
  await client.ok(look, { session: sessionid, slot: 1 });
  clock.advance(LEASE + 1);
  await client.ok(look, { session: next.sessionid, slot: 2 });
  server.state.sweep(clock.now());
  assertEquals(server.rows("sessions"), 2);
  server.restart();
  client.reconnect();
  const last = (await client.createSession(PERSIST)).get("CREATE_SESSION");
  server.fixture.clock.advance(LEASE + 1);
  await client.ok(look, { session: last.sessionid, slot: 3 });
  server.state.sweep(server.fixture.clock.now());
  assertEquals(server.rows("sessions"), 1);
});

Deno.test("persistent session: the oldest gives way to one more than a client may have, also after restarts", async () => {
  const { server, client } = await start();
  let { session } = client;
  for (
    let i = 0;
    i < 3 * server.fixture.services.limits.maxSessionsPerClient;
    i++
  ) {
    server.restart();
    client.reconnect();
    const created = await client.createSession(PERSIST);
    await client.ok(look, { session, slot: 1, sequence: 1 });
    session = created.get("CREATE_SESSION").sessionid;
  }
});

Deno.test("persistent session: ends with a client that stays away", async () => {
  const { server, client } = await start();
  await client.ok(mkdir("a"));
  server.restart();
  const { clock } = server.fixture;
  clock.advance(LEASE + 24 * 60 * 60 * 1000 + 1);
  server.state.sweep(clock.now());
  for (const name of ["clients", "sessions", "slots"] as const) {
    assertEquals(server.rows(name), 0, name);
  }
});

Deno.test("persistent session: slots that were given up begin anew, also after a restart (RFC 8881 2.10.6.1)", async () => {
  const { server, client } = await start();
  for (const name of ["a", "b", "c"]) {
    await client.ok(mkdir(name), { slot: 6 });
  }
  const { slots } = server.state.sessions.find(client.session)!;
  slots.setTarget(2);
  await client.ok(look, { highestSlot: 1 });
  await client.ok(look, { highestSlot: 1 });
  assertEquals(slots.highest, 1);
  slots.setTarget(8);
  await client.ok(look, { slot: 6, sequence: 1 });
  server.restart();
  await client.ok(look, { slot: 6, sequence: 2 });
});

Deno.test("persistent session: EXCLUSIVE4 is INVAL, GUARDED4 and EXCLUSIVE4_1 are not (RFC 8881 18.16.3)", async () => {
  const { client } = await start();
  const verifier = new Uint8Array(8);
  const creates = [
    [{ mode: CreateMode.EXCLUSIVE, verifier }, Status.INVAL],
    [{ mode: CreateMode.GUARDED, attributes: {} }, Status.OK],
    [{ mode: CreateMode.EXCLUSIVE4_1, verifier, attributes: {} }, Status.OK],
  ] as const;
  for (const [create, status] of creates) {
    const claim = { claim: "null", name: `f${create.mode}` } as const;
    const open = op.open({ owner: client.owner(), create, claim });
    const reply = await client.send([op.putrootfh(), open]);
    assertEquals(reply.status, status);
  }
});

Deno.test("a session that did not ask for PERSIST ends with the server, its clientid as well", async () => {
  const { server, client } = await start(0);
  await client.ok(mkdir("a"));
  assertEquals(server.rows("clients") + server.rows("slots"), 0);
  server.restart();
  assertEquals((await client.send(look)).status, Status.BADSESSION);
  assertEquals((await client.createSession(0)).status, Status.STALE_CLIENTID);
});

/** A store whose removals are carried out when the test says so. */
function slowStore() {
  const store = sqlite(":memory:", { mode: 0o777 });
  const fs = store as FileSystem;
  const gates: PromiseWithResolvers<void>[] = [];
  const slow = Object.create(fs) as FileSystem;
  const wrapped = new Proxy(slow, {
    get(_target, name) {
      if (name === "remove") {
        return async (
          ...args: Parameters<NonNullable<FileSystem["remove"]>>
        ) => {
          const gate = Promise.withResolvers<void>();
          gates.push(gate);
          await gate.promise;
          const change = await fs.remove!(...args);
          // Another's commit comes in between.
          await new Promise((resolve) => setTimeout(resolve));
          return change;
        };
      }
      const value = Reflect.get(fs, name);
      return typeof value === "function" ? value.bind(fs) : value;
    },
  });
  return { fs: wrapped, records: store.records, gates };
}

Deno.test("persistent session: a request that was being carried out is never carried out again: the session is lost (RFC 8881 2.10.6.5)", async () => {
  const { fs, records, gates } = slowStore();
  const server = new PersistentFixture({ fs, records });
  const client = await server.client();
  await client.ok(mkdir("a"));
  const answer = client.send(remove("a"));
  await new Promise((resolve) => setTimeout(resolve));
  // Killed here, whatever the disk has.
  server.restart();
  const again = await client.again(remove("a"));
  assertEquals(again.status, Status.BADSESSION);
  assertEquals((await client.send(look)).status, Status.BADSESSION);
  assertEquals(server.rows("sessions"), 0);
  gates[0]!.resolve();
  await answer;
});

Deno.test("persistent session: what a COMPOUND has changed is not committed in its middle without its slot (RFC 8881 2.10.6.5)", async () => {
  const disk: Disk = { ...hostDisk };
  const store = sqlite(":memory:", { mode: 0o777, disk });
  const found: boolean[] = [];
  disk.commit = (statement) => {
    hostDisk.commit(statement);
    // What a crash would leave.
    const isMade = store.lookup(store.root(), "made") !== undefined;
    if (isMade) found.push(store.records.all("slots s").size === 1);
  };
  const { records } = store;
  const server = new PersistentFixture({ fs: store as FileSystem, records });
  const client = await server.client();
  const file = { type: "file" } as const;
  const { node } = store.create(store.root(), "file", file, {
    attributes: { mode: 0o666, uid: 0, gid: 0 },
  });
  store.write(node, 0, new Uint8Array(40_000), "file");
  await store.settle();
  await client.ok([
    ...mkdir("made"),
    ...walk(["file"]),
    // It can't grow before what was cut off is gone for good.
    op.setattr({ size: 20_000n }),
    op.setattr({ size: 50_000n }),
  ]);
  await store.settle();
  assertEquals(found, [true, true]);
  const slots = server.records.all("slots s").values();
  for (const image of slots) assert(decodeSlot(image).isAnswered);
});

Deno.test("persistent session: an answer that came late is kept as any other", async () => {
  const { fs, records, gates } = slowStore();
  const server = new PersistentFixture({ fs, records });
  const client = await server.client();
  await client.ok(mkdir("a"));
  const answer = client.send(remove("a"));
  await new Promise((resolve) => setTimeout(resolve));
  gates[0]!.resolve();
  const { bytes } = await answer;
  server.restart();
  assertEquals((await client.again(remove("a"))).bytes, bytes);
});

/** Records that fail when told to. */
class FullRecords implements TestRecords {
  isFull = false;
  readonly #records = sqlite(":memory:").records;

  get changes(): number {
    return this.#records.changes;
  }

  put(collection: string, key: string, value: Uint8Array): void {
    if (this.isFull) throw new FsError("no-space");
    this.#records.put(collection, key, value);
  }

  delete(collection: string, key: string): void {
    this.#records.delete(collection, key);
  }

  all(collection: string): Map<string, Uint8Array> {
    return this.#records.all(collection);
  }
}

Deno.test("persistent session: ends when its answers can't be kept; one that can't be kept is not made", async () => {
  const records = new FullRecords();
  const server = new PersistentFixture({ records });
  const client = await server.client();
  records.isFull = true;
  const refused = await client.createSession(PERSIST);
  assertEquals(refused.status, Status.NOSPC);
  assertEquals(server.state.sessions.size, 1);
  const slot = server.state.sessions.find(client.session)!.slots.slot(1)!;
  slot.sequence = 2 ** 20;
  await client.ok(look, { slot: 1, sequence: 2 ** 20 + 1 });
  assertEquals((await client.send(look)).status, Status.BADSESSION);
  assertEquals(server.rows("sessions"), 0);
});

Deno.test("persistent session: one that can't be kept does not end the client's former incarnation (RFC 8881 18.36.4)", async () => {
  const records = new FullRecords();
  const server = new PersistentFixture({ records });
  const client = await server.client();
  client.verifier = new Uint8Array(8).fill(9);
  await client.introduce();
  records.isFull = true;
  const refused = await client.createSession(PERSIST);
  assertEquals(refused.status, Status.NOSPC);
  records.isFull = false;
  await client.ok(look);
  assertEquals((await client.createSession(PERSIST)).status, Status.OK);
  assertEquals((await client.send(look)).status, Status.BADSESSION);
});

Deno.test("persistent session: what can't be read is left out, and reported", async () => {
  const lines: string[] = [];
  const note = (message: string) => void lines.push(message);
  const log = { debug: note, info: note, warn: note, error: note };
  const server = new PersistentFixture({ log });
  const client = await server.client();
  await client.ok(mkdir("a"));
  const { records } = server;
  records.put("slots s", "00.1", new Uint8Array(3));
  records.put("sessions s", "00".repeat(16), new Uint8Array(8));
  const [key] = records.all("slots s").keys();
  records.put("slots s", key!.replace(/\d+$/, "99"), new Uint8Array(30));
  server.restart();
  assertEquals(lines.filter((line) => line.includes("is lost")).length, 3);
  assertEquals([server.rows("sessions"), server.rows("slots")], [1, 1]);
  await client.ok(look);
});

Deno.test("persistent session: its connection is bound, and CB_NULL sent, when the answer of CREATE_SESSION is certain", async () => {
  const { server, client } = await start(PERSIST | CONN_BACK_CHAN);
  const { state } = server;
  const bound: string[] = [];
  state.sessions.observe({ connectionBound: () => void bound.push("bound") });
  client.settles = () => void bound.push("certain");
  const args = [PERSIST | CONN_BACK_CHAN, client.sequence] as const;
  await client.createSession(...args);
  assertEquals(bound, ["certain", "bound"]);
  // Asked again over another connection, because the answer was lost.
  client.reconnect();
  await client.createSession(...args);
  assertEquals(bound, ["certain", "bound", "certain", "bound"]);
});

Deno.test("persistent session: a WRITE that is stable is carried out once", async () => {
  const { server, client } = await start();
  const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o666 } };
  const claim = { claim: "null", name: "f" } as const;
  const opened = await client.ok([
    op.putrootfh(),
    op.open({ access: 3, owner: client.owner(), create, claim }),
    op.getfh(),
  ]);
  const at = op.putfh(opened.get("GETFH").filehandle);
  const { stateid } = opened.get("OPEN");
  await client.ok([at, op.close(stateid)]);
  const write = [
    at,
    op.write({ stateid: anonymousStateid, data: "one", stable: 2 }),
  ];
  const written = await client.ok(write);
  server.restart();
  assertEquals((await client.again(write)).bytes, written.bytes);
});
