import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { readDelegation, start } from "../delegations/keeper_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import {
  anonymousStateid,
  bypassStateid,
  op,
  type Request,
} from "../support/client/mod.ts";
import { Locker, read } from "./locker.ts";
import { AT_FILE, StateFixture } from "./state_fixture.ts";

// What takes nothing from a client: a request that is refused, and one that only asks.

const BOTH = 3;
const WANT_WRITE = 0x200;
const STRANGER = 1000;

/** A file that only root may read and write, under root's delegation for writing. */
async function held() {
  const fs = memory({ file: "content" });
  fs.setattr(fs.lookup(fs.root(), "file")!, { mode: 0o600 });
  const started = start({ fs });
  const { fixture, clock } = started;
  const holder = await fixture.client(1);
  const open = holder.openOp("file", { access: BOTH | WANT_WRITE });
  const { delegation } = await holder.ok("OPEN", op.putrootfh(), open);
  if (delegation.type !== "write") throw new Error(delegation.type);
  const stranger = await fixture.client(1, { uid: STRANGER });
  /** The holder sleeps for longer than its lease. */
  const lapse = () => clock.advance(LEASE + 1);
  return { ...started, holder, stranger, lapse };
}

const refused: Readonly<Record<string, Request>> = {
  READ: op.read({ stateid: anonymousStateid }),
  "READ that bypasses locks": op.read({ stateid: bypassStateid }),
  WRITE: op.write({ stateid: anonymousStateid, data: "x" }),
  "SETATTR of size": op.setattr({ size: 1n }),
  "SETATTR of mode": op.setattr({ mode: 0o666 }),
};

for (const [name, request] of Object.entries(refused)) {
  Deno.test(`${name} without the right to it recalls nothing, and ends no client whose lease ran out (RFC 8881 8.4.3)`, async () => {
    const { way, holder, stranger, lapse } = await held();
    const status = name.endsWith("mode") ? "PERM" : "ACCESS";
    const attempt = () => stranger.status(...AT_FILE, request);
    assertEquals(await attempt(), status);
    assertEquals(way.sent, []);
    lapse();
    assertEquals(await stranger.status(), "OK");
    assertEquals(await attempt(), status);
    assertEquals(await holder.status(), "OK");
  });
}

Deno.test("a READ around an open of the same client that its user has no right to ends no client either", async () => {
  const fs = memory({ file: "content" });
  fs.setattr(fs.lookup(fs.root(), "file")!, { mode: 0o622 });
  const fixture = new StateFixture({ fs });
  const stranger = await fixture.client(1, { uid: STRANGER });
  const stateid = await stranger.open("file", { access: 2 });
  const holder = await fixture.client(1);
  await holder.open("file", { access: 1, deny: 1 });
  fixture.clock.advance(LEASE + 1);
  const read = op.read({ stateid });
  assertEquals(await stranger.status(...AT_FILE, read), "ACCESS");
  assertEquals(await holder.status(), "OK");
});

Deno.test("a READ that is refused for want of rights does not tell of an open in its way", async () => {
  const fs = memory({ file: "content" });
  fs.setattr(fs.lookup(fs.root(), "file")!, { mode: 0o600 });
  const fixture = new StateFixture({ fs });
  const holder = await fixture.client(1);
  await holder.open("file", { access: BOTH, deny: BOTH });
  const stranger = await fixture.client(1, { uid: STRANGER });
  const read = op.read({ stateid: anonymousStateid });
  assertEquals(await stranger.status(...AT_FILE, read), "ACCESS");
  const root = await fixture.client(1);
  assertEquals(await root.status(...AT_FILE, read), "LOCKED");
});

Deno.test("a stat of what a client without a lease may have written is answered with what is known, and ends no client", async () => {
  const { holder, stranger, state, lapse, way } = await held();
  lapse();
  const look = stranger.ok("GETATTR", ...AT_FILE, op.getattr(["size"]));
  assertEquals((await look).attributes.size, 7n);
  assertEquals(way.sent, []);
  assertEquals(await holder.status(), "OK");
  assertEquals(state.files.delegations, 1);
});

Deno.test("LOCKT looks past the locks of clients without a lease, and leaves them theirs", async () => {
  const fixture = new StateFixture();
  const lapsed = await fixture.client(1);
  const alive = await fixture.client(1);
  const locker = await Locker.of(lapsed);
  for (const offset of [0n, 2n, 4n]) await locker.lock({ offset, length: 1n });
  await (await Locker.of(alive)).lock({ offset: 3n, length: 1n });
  fixture.clock.advance(LEASE + 1);
  assertEquals(await alive.status(), "OK");
  const asker = await Locker.of(await fixture.client(1));
  assertEquals(await asker.test({ offset: 0n, length: 3n }), "OK");
  assertEquals(
    await asker.test({ offset: 0n, length: 4n }),
    "DENIED 3+1 write",
  );
  assertEquals(await lapsed.status(), "OK");
  assertEquals(
    await asker.test({ offset: 0n, length: 3n }),
    "DENIED 0+1 write",
  );
});

Deno.test("LOCKT looks past so many locks and no more: whose they are ends", async () => {
  const fixture = new StateFixture();
  const lapsed = await fixture.client(1);
  const lockers = [
    await Locker.of(lapsed, { name: "a" }),
    await Locker.of(lapsed, { name: "b" }),
  ];
  for (let i = 0; i < 300; i++) {
    await lockers[i % 2]!.lock({ offset: BigInt(2 * i), length: 1n });
  }
  fixture.clock.advance(LEASE + 1);
  const asker = await Locker.of(await fixture.client(1));
  assertEquals(await asker.test({ offset: 0n, length: 100n }), "OK");
  assertEquals(await lapsed.status(), "OK");
  fixture.clock.advance(LEASE + 1);
  assertEquals(await asker.client.status(), "OK");
  // Some of what it had is yet to be cleared away.
  assertEquals(
    await asker.test({ offset: 0n, length: 600n }),
    `${Status.DELAY}`,
  );
  assertEquals(await asker.test({ offset: 0n, length: 600n }), "OK");
  assertEquals(await lapsed.status(), "BADSESSION");
});

Deno.test("a request ends some of hundreds of clients whose leases ran out, and is put off with DELAY", async () => {
  const { fixture, clock } = start({ fs: memory({ file: "content" }) });
  for (let i = 0; i < 100; i++) {
    await readDelegation(await fixture.client(1));
  }
  // It reads the file, and is in no client's way.
  const reader = await fixture.client(1);
  await reader.open("file", { access: 1 });
  clock.advance(LEASE + 1);
  const writer = await fixture.client(1);
  const open = () => writer.openStatus("file", { access: BOTH });
  const answers: string[] = [];
  do {
    answers.push(await open());
    await new Promise((resolve) => setTimeout(resolve, 10));
  } while (answers.at(-1) === "DELAY");
  // The others are ended meanwhile: a client asks again after a tenth of a second.
  assertEquals([answers[0], answers.at(-1)], ["DELAY", "OK"]);
  assertEquals(fixture.services.state.files.delegations, 0);
  assertEquals(await reader.status(), "OK");
});

// NFSv4.0: a LOCK that waits while its owner is released.

const RANGE = { offset: 0n, length: 1n };

/** A file system in which the next look at the file waits. */
function slowOnce() {
  const fs = memory({ file: "content" });
  const gate = Promise.withResolvers<void>();
  const { getattr } = fs;
  const file = fs.lookup(fs.root(), "file");
  let isSlow = false;
  fs.getattr = (...args) => {
    const told = getattr.apply(fs, args);
    if (!isSlow || args[0] !== file) return told;
    isSlow = false;
    return gate.promise.then(() => told) as never;
  };
  const slowDown = () => {
    isSlow = true;
  };
  return { fs, slowDown, goOn: gate.resolve };
}

/** A client whose lock owner has a stateid and no lock, and stands with two LOCKs behind a slow look. */
async function twoLocks() {
  const { fs, slowDown, goOn } = slowOnce();
  const fixture = new StateFixture({ fs });
  const client = await fixture.client(0);
  const locker = await Locker.of(client);
  await locker.lock(RANGE);
  await locker.unlock(RANGE);
  const other = { access: 3, seqid: 1, owner: "other" };
  const openStateid = await client.open("file", other);
  slowDown();
  const first = client.status(...AT_FILE, locker.lockOp(read(8n, 1n)));
  await nextTurn();
  const owner = client.owner("locker");
  const request = op.lock({
    ...RANGE,
    locker: { openStateid, openSeqid: 3, lockSeqid: 3, owner },
  });
  const second = client.call(...AT_FILE, request);
  await nextTurn();
  return { fixture, client, owner, first, second, goOn };
}

Deno.test("NFSv4.0: a LOCK that waits while its owner is released has a lock that is good, by an owner that is new", async () => {
  const { fixture, client, owner, first, second, goOn } = await twoLocks();
  assertEquals(await client.status(op.releaseLockowner(owner)), "OK");
  goOn();
  assertEquals(await first, "BAD_STATEID");
  const { stateid } = (await second).get("LOCK");
  const rival = await Locker.of(await fixture.client(1));
  assertEquals(await rival.lock(RANGE), "DENIED 0+1 write");
  const unlock = op.locku({ ...RANGE, stateid, seqid: 4 });
  assertEquals(await client.status(...AT_FILE, unlock), "OK");
  assertEquals(await rival.lock(RANGE), "OK");
});
