import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { op, type Stateid, walk } from "../support/client/mod.ts";
import type { StateClient } from "../engine/state_fixture.ts";
import {
  answer,
  delegationOf,
  NOTHING_HELD,
  readDelegation,
  start,
} from "./keeper_fixture.ts";
import { LEASE } from "../state/fixture.ts";

const READ = 1;
const WRITE = 2;
const BOTH = 3;
const WANT_READ = 0x100;
const WANT_WRITE = 0x200;
const WANT_ANY = 0x300;
const WANT_NONE = 0x400;
const WANT_CANCEL = 0x500;
/** OPEN4_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION */
const IN_PLACE = 0x20_0000;

/** Users: whose the file is, and one who may only read it. */
const OWNER = 1000;
const OTHER = 1001;

// OPEN_DELEGATE_NONE_EXT and why.
const NOT_WANTED = "none_ext 0";
const CONTENTION = "none_ext 1";
const RESOURCE = "none_ext 2";
const NO_UPGRADE = "none_ext 5";
const NO_DOWNGRADE = "none_ext 6";
const CANCELLED = "none_ext 7";

Deno.test("a delegation goes to who asks for it, of the type that it asks for", async () => {
  const { fixture } = start();
  for (
    const [access, type] of [
      [READ | WANT_READ, "read"],
      [READ | WANT_ANY, "read"],
      [BOTH | WANT_ANY, "write"],
      [WRITE | WANT_ANY, "write"],
      [BOTH | WANT_READ, "read"],
      // Who only reads is not asked for the file's size, nor for its times.
      [READ | WANT_WRITE, "read"],
    ] as const
  ) {
    const client = await fixture.client(1);
    assertEquals(await delegationOf(client, access), type, `${access}`);
    fixture.services.state.dropClient(
      fixture.services.state.clients.find(client.clientid, 1)!,
      "destroyed",
    );
  }
});

Deno.test("who wants none gets none, and is told that (RFC 8881 18.16.3)", async () => {
  const { fixture } = start();
  const client = await fixture.client(1);
  assertEquals(await delegationOf(client, READ | WANT_NONE), NOT_WANTED);
  assertEquals(await delegationOf(client, READ | WANT_CANCEL), CANCELLED);
});

Deno.test("who says nothing gets one when it comes back to the file", async () => {
  const { fixture } = start();
  const client = await fixture.client(1);
  assertEquals(await delegationOf(client, READ), "none");
  assertEquals(await delegationOf(client, READ), "read");
  assertEquals(await delegationOf(client, READ), "none");
});

Deno.test("who wishes one in place of an open gets it with the first for reading, and comes back for one for writing (RFC 9754)", async () => {
  const { fixture } = start();
  const client = await fixture.client(1);
  assertEquals(await delegationOf(client, READ | IN_PLACE), "read");
  const again = () => delegationOf(client, BOTH | IN_PLACE, "more");
  assertEquals(await again(), RESOURCE);
  assertEquals(await again(), "write");
});

Deno.test("what others have open decides: contention, or one for reading", async () => {
  const { fixture } = start();
  const reader = await fixture.client(1);
  const writer = await fixture.client(1);
  await delegationOf(reader, READ | WANT_NONE);
  assertEquals(await delegationOf(writer, BOTH | WANT_WRITE), CONTENTION);
  assertEquals(await delegationOf(writer, BOTH | WANT_ANY), CONTENTION);
  // Its own writing is no obstacle to reading, the writer's is to the reader.
  assertEquals(await delegationOf(reader, READ | WANT_READ), CONTENTION);
  assertEquals(await delegationOf(writer, READ | WANT_READ), "read");
});

Deno.test("several clients may read under delegations at once", async () => {
  const { fixture, state } = start();
  for (let i = 0; i < 3; i++) await readDelegation(await fixture.client(1));
  assertEquals(state.files.delegations, 3);
});

Deno.test("a delegation is neither upgraded nor downgraded nor granted twice (RFC 8881 18.16.3)", async () => {
  const { fixture } = start();
  const client = await fixture.client(1);
  await readDelegation(client);
  assertEquals(await delegationOf(client, BOTH | WANT_WRITE), NO_UPGRADE);
  assertEquals(await delegationOf(client, READ | WANT_READ), RESOURCE);
  await client.ok(
    "OPEN",
    op.putrootfh(),
    client.openOp("more", { access: BOTH | WANT_WRITE }),
  );
  assertEquals(
    await delegationOf(client, READ | WANT_READ, "more"),
    NO_DOWNGRADE,
  );
});

Deno.test("no delegation without a proven path, nor beyond a client's limit", async () => {
  const { fixture, way } = start({ maxPerClient: 1 });
  const client = await fixture.client(1);
  way.isProven = false;
  assertEquals(await delegationOf(client, READ | WANT_READ), RESOURCE);
  way.isProven = true;
  await readDelegation(client);
  assertEquals(await delegationOf(client, READ | WANT_READ, "more"), RESOURCE);
});

for (const isProven of [true, false]) {
  const how = isProven ? "kept" : "to be returned at once without a path";
  Deno.test(`a reclaimed delegation is ${how} (RFC 8881 10.2.1)`, async () => {
    const { fixture, way, keeper } = start({ graceMs: LEASE });
    way.isProven = isProven;
    const client = await fixture.client(1, { reclaimComplete: false });
    const { delegation } = await client.ok(
      "OPEN",
      ...walk(["file"]),
      client.openOp("", {
        access: READ,
        claim: { claim: "previous", delegate: 1 },
      }),
    );
    if (delegation.type !== "read") throw new Error(delegation.type);
    assertEquals(delegation.recall, !isProven);
    assertEquals(way.sent, []);
    assertEquals(keeper.held.recalls, isProven ? 0 : 1);
  });
}

Deno.test("a delegation for writing is not reclaimed on an export that is read only by now", async () => {
  const { fixture } = start({ graceMs: LEASE, readOnly: true });
  const client = await fixture.client(1, { reclaimComplete: false });
  const { delegation } = await client.ok(
    "OPEN",
    ...walk(["file"]),
    client.openOp("", {
      access: READ,
      claim: { claim: "previous", delegate: 2 },
    }),
  );
  assertEquals(delegation.type.startsWith("none"), true);
});

for (
  const [uid, access, type] of [
    [OWNER, READ, "write"],
    [OWNER, BOTH, "write"],
    [OTHER, READ, "none"],
  ] as const
) {
  const who = uid === OWNER ? "may write the file" : "may only read the file";
  Deno.test(`a delegation for writing is ${type} for who reclaims with access ${access} and ${who}`, async () => {
    const fs = memory({ file: "content" });
    // Its owner goes on after a chmod, as a local program does.
    fs.setattr(fs.lookup(fs.root(), "file")!, { uid: OWNER, mode: 0o444 });
    const { fixture } = start({ graceMs: LEASE, fs });
    const client = await fixture.client(1, { reclaimComplete: false, uid });
    const claim = { claim: "previous", delegate: 2 } as const;
    const { delegation } = await client.ok(
      "OPEN",
      ...walk(["file"]),
      client.openOp("", { access, claim }),
    );
    assertEquals(delegation.type, type);
  });
}

Deno.test("what the program recalls while clients reclaim comes back to be returned, and recall waits for that", async () => {
  const { fixture, state, keeper, clock, way } = start({ graceMs: LEASE });
  const client = await fixture.client(1, { reclaimComplete: false });
  const reclaim = (name: string) =>
    client.ok(
      "OPEN",
      ...walk([name]),
      client.openOp("", {
        access: READ,
        owner: name,
        claim: { claim: "previous", delegate: 1 },
      }),
    );
  const other = (await reclaim("more")).delegation;
  const { namespace } = fixture.services;
  const { node, export: shown } = namespace.root();
  const found = await shown.fs.lookup(node, "file");
  let isRecalled = false;
  const sought = namespace.refer(shown, found!);
  const recall = keeper.recallFile(sought).then(() => isRecalled = true);
  const { delegation } = await reclaim("file");
  if (delegation.type !== "read" || other.type !== "read") {
    throw new Error(delegation.type);
  }
  assertEquals([delegation.recall, other.recall], [true, false]);
  const more = await shown.fs.lookup(node, "more");
  keeper.recallFile(namespace.refer(shown, more!));
  assertEquals(way.sent.length, 1, "what is reclaimed already, at once");
  clock.advance(LEASE);
  state.sweep(clock.now());
  keeper.sweep();
  assertEquals(isRecalled, false);
  await giveBack(client, delegation.stateid);
  await recall;
});

/** A delegation that another client's open has recalled. */
async function recalled(options: Parameters<typeof start>[0] = {}) {
  const started = start(options);
  const holder = await started.fixture.client(1);
  const other = await started.fixture.client(1);
  const stateid = await readDelegation(holder);
  const write = () => other.openStatus("file", { access: WRITE });
  assertEquals(await write(), "DELAY");
  const renew = () => holder.call();
  return { ...started, holder, other, stateid, write, renew };
}

type Held = Awaited<ReturnType<typeof recalled>>;

function giveBack(client: StateClient, stateid: Stateid) {
  return client.status(...walk(["file"]), op.delegreturn(stateid));
}

Deno.test("a recall goes out once, however many are in conflict", async () => {
  const { way, write, holder, stateid, keeper } = await recalled();
  await write();
  assertEquals(way.sent.length, 1);
  answer(way.sent[0]!, Status.OK);
  await write();
  assertEquals(way.sent.length, 1);
  assertEquals(way.sent[0]!.wanted!(), true);
  assertEquals(await giveBack(holder, stateid), "OK");
  assertEquals(way.sent[0]!.wanted!(), false);
  assertEquals(await write(), "OK");
  assertEquals(keeper.held, NOTHING_HELD);
});

Deno.test("revocation comes with the lease time, not a moment before (RFC 8881 10.4.5)", async () => {
  const { clock, keeper, write, renew, state, way } = await recalled();
  answer(way.sent[0]!, Status.OK);
  clock.advance(LEASE - 1);
  await renew();
  keeper.sweep();
  assertEquals(await write(), "DELAY");
  clock.advance(1);
  keeper.sweep();
  assertEquals(await write(), "OK");
  assertEquals(state.files.delegations, 0);
});

Deno.test("what the client does not know yet is sent again, ever later, and not for ever", async () => {
  const { clock, way, keeper } = await recalled({ resend: 100 });
  const sentAt: number[] = [];
  const start = clock.now();
  for (let sent = 1; way.sent.length >= sent; sent++) {
    sentAt.push(clock.now() - start);
    answer(way.sent[sent - 1]!, Status.BADHANDLE);
    for (let i = 0; i < 60 && way.sent.length === sent; i++) clock.advance(100);
  }
  assertEquals(
    sentAt,
    [0, 100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300],
  );
  assertEquals(keeper.held.timers, 0);
});

Deno.test("a client's own refusal is not asked again", async () => {
  const { clock, way, keeper } = await recalled();
  answer(way.sent[0]!, Status.SERVERFAULT);
  clock.advance(LEASE / 2);
  keeper.sweep();
  assertEquals(way.sent.length, 1);
});

Deno.test("what found no way goes out again when one is there, or after a while", async () => {
  const { clock, way, keeper, state, holder } = await recalled({
    retryAfter: 5_000,
  });
  const lost = { kind: "failed", reason: "no answer" } as const;
  way.sent[0]!.done(lost);
  keeper.sweep();
  assertEquals(way.sent.length, 1);
  keeper.regained(state.clients.find(holder.clientid, 1)!);
  assertEquals(way.sent.length, 2);
  way.sent[1]!.done(lost);
  clock.advance(5_000);
  keeper.sweep();
  assertEquals(way.sent.length, 3);
  // Delivered: neither a new path nor time sends it once more.
  answer(way.sent[2]!, Status.OK);
  clock.advance(5_000);
  keeper.sweep();
  keeper.regained(state.clients.find(holder.clientid, 1)!);
  assertEquals(way.sent.length, 3);
});

Deno.test("a full queue is tried again when there may be room", async () => {
  const { clock, keeper, way } = await recalled({});
  way.sent[0]!.done({ kind: "full" });
  clock.advance(500);
  assertEquals(way.sent.length, 1);
  keeper.sweep();
  assertEquals(way.sent.length, 2);
});

Deno.test("a file that was fought over gets its next delegation after a while", async () => {
  const { clock, holder, stateid } = await recalled({ contention: 10_000 });
  assertEquals(await giveBack(holder, stateid), "OK");
  assertEquals(await delegationOf(holder, READ | WANT_READ), CONTENTION);
  clock.advance(10_000);
  assertEquals(await delegationOf(holder, READ | WANT_READ), "read");
});

for (
  const [ending, end] of Object.entries<
    (held: Held) => number | Promise<number>
  >({
    "returns late": async ({ holder, stateid, clock }) => {
      clock.advance(LEASE / 2);
      assertEquals(await giveBack(holder, stateid), "OK");
      return LEASE / 2;
    },
    "is deprived of": async ({ holder, stateid, clock, keeper, renew }) => {
      clock.advance(LEASE - 1);
      await renew();
      clock.advance(1);
      keeper.sweep();
      assertEquals(await delegationOf(holder, READ | WANT_READ), RESOURCE);
      assertEquals(await holder.status(op.freeStateid(stateid)), "OK");
      return LEASE;
    },
    "holds until it starts anew": ({ holder, clock, state }) => {
      clock.advance(LEASE - 1);
      const client = state.clients.find(holder.clientid, 1)!;
      state.dropClient(client, "replaced");
      return LEASE - 1;
    },
  })
) {
  Deno.test(`who ${ending} what others wait for gets no delegation for twenty times as long, by another name neither (RFC 8881 10.4)`, async () => {
    const held = await recalled({ contention: 0 });
    const { fixture, clock } = held;
    const waited = await end(held);
    // By the party and the user, whatever it calls itself.
    const comeBack = async () =>
      await delegationOf(await fixture.client(1), READ | WANT_READ, "more");
    assertEquals(
      await comeBack(),
      RESOURCE,
    );
    clock.advance(20 * waited - 1);
    assertEquals(
      await comeBack(),
      RESOURCE,
    );
    clock.advance(1);
    assertEquals(
      await comeBack(),
      "read",
    );
  });
}

Deno.test("who returns in time what others wait for gets its next delegation at once", async () => {
  const { clock, holder, stateid } = await recalled({ contention: 0 });
  clock.advance(LEASE / 30);
  assertEquals(await giveBack(holder, stateid), "OK");
  assertEquals(await delegationOf(holder, READ | WANT_READ), "read");
});

Deno.test("what the program recalls is granted to no client for a while, whether it was out or not", async () => {
  const { fixture, keeper, state, clock } = start({ contention: 10_000 });
  await delegationOf(await fixture.client(2), READ | WANT_NONE);
  const [file] = [...state.clients].flatMap(({ states }) =>
    [...states.all.values()].map((each) => each.file.file)
  );
  await keeper.recallFile(file!);
  const client = await fixture.client(1);
  assertEquals(await delegationOf(client, READ | WANT_READ), CONTENTION);
  clock.advance(10_000);
  assertEquals(await delegationOf(client, READ | WANT_READ), "read");
});

Deno.test("nobody waits for a keeper that is closed", async () => {
  const { fixture, keeper, state } = start();
  await readDelegation(await fixture.client(1));
  const [file] = [...state.clients].flatMap(({ states }) =>
    [...states.all.values()].map((each) => each.file.file)
  );
  const free = keeper.recallFile(file!);
  keeper.close();
  await free;
  assertEquals(keeper.held, NOTHING_HELD);
});

Deno.test("nor does who asks a closed keeper for a file that is still out", async () => {
  const { fixture, keeper, state } = start();
  await readDelegation(await fixture.client(1));
  const [file] = [...state.clients].flatMap(({ states }) =>
    [...states.all.values()].map((each) => each.file.file)
  );
  keeper.close();
  await keeper.recallFile(file!);
  assertEquals(keeper.held, NOTHING_HELD);
});
