/** Delegations of folders without notifications (RFC 8881 10.9, 18.39). */

import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import type { FileRef } from "../../src/vfs/file_handle.ts";
import type { StateClient } from "../engine/state_fixture.ts";
import {
  bytesOf,
  currentStateid,
  op,
  type OpenCreate,
  type Request,
  type Stateid,
  walk,
} from "../support/client/mod.ts";
import { LEASE } from "../state/fixture.ts";
import { answer, start } from "./keeper_fixture.ts";

const TREE = {
  tree: { "d/f": "content", "d/g": "", "d/e/x": "", "o/h": "", file: "" },
};
const UNAVAILABLE = { unavailable: false };
const NO_DELEGATION = 0x400;
const CONTENTION_MS = 10_000;

const at = (...names: string[]) => walk(names);

/** What GET_DIR_DELEGATION of a folder answers. */
function ask(client: StateClient, folder = at("d")) {
  const asked = op.getDirDelegation();
  return client.ok("GET_DIR_DELEGATION", ...folder, asked);
}

async function hold(client: StateClient, folder = at("d")): Promise<Stateid> {
  const answered = await ask(client, folder);
  assert(answered.stateid !== undefined, "no delegation");
  return answered.stateid;
}

function giveBack(client: StateClient, stateid: Stateid, folder = at("d")) {
  return client.status(...folder, op.delegreturn(stateid));
}

Deno.test("a client is trusted with a folder, by a stateid of its own and READDIR's verifier", async () => {
  const { fixture, state } = start(TREE);
  for (const version of [1, 2] as const) {
    const client = await fixture.client(version);
    const granted = await ask(client);
    assert(granted.stateid !== undefined);
    const { verifier } = await client.ok("READDIR", ...at("d"), op.readdir({}));
    assertEquals(granted.verifier, verifier);
    assertEquals(granted.notifications, []);
    const { seqid } = granted.stateid;
    assertEquals([seqid, state.files.delegations], [1, version]);
  }
});

Deno.test("GET_DIR_DELEGATION leaves its stateid as the current one", async () => {
  const { fixture, state } = start(TREE);
  const client = await fixture.client(1);
  const returned = op.delegreturn(currentStateid);
  await client.ok("DELEGRETURN", ...at("d"), op.getDirDelegation(), returned);
  assertEquals(state.files.delegations, 0);
});

Deno.test("who has one of the folder keeps that, and is given no other (RFC 8881 18.39.3)", async () => {
  const { fixture, state } = start(TREE);
  const client = await fixture.client(1);
  const stateid = await hold(client);
  assertEquals(await ask(client), UNAVAILABLE);
  assertEquals(await giveBack(client, stateid), "OK");
  assertEquals(fixture.counts.files, 0);
  await hold(client);
  assertEquals(state.files.delegations, 1);
});

Deno.test("only folders are delegated so: NOTDIR", async () => {
  const { fixture } = start(TREE);
  const client = await fixture.client(1);
  const request = [...at("file"), op.getDirDelegation()];
  assertEquals(await client.status(...request), "NOTDIR");
});

Deno.test("who may not list the folder gets none, and no error", async () => {
  const { fixture } = start(TREE);
  const owner = await fixture.client(1);
  await owner.ok("SETATTR", ...at("d"), op.setattr({ mode: 0o711 }));
  assertEquals(await ask(await fixture.client(1, { uid: 9 })), UNAVAILABLE);
});

Deno.test("none without a proven path, beyond a client's limit, or in the grace period", async () => {
  const { fixture, way } = start({ ...TREE, maxPerClient: 1 });
  const client = await fixture.client(1);
  way.isProven = false;
  assertEquals(await ask(client), UNAVAILABLE);
  way.isProven = true;
  await hold(client);
  assertEquals(await ask(client, at("o")), UNAVAILABLE);
  const early = start({ ...TREE, graceMs: 1_000 });
  assertEquals(await ask(await early.fixture.client(1)), UNAVAILABLE);
});

const GUARDED: readonly [string, Partial<FileSystem>, boolean][] = [
  ["watch alone", { watch: () => {} }, false],
  ["a guard of files alone", { guard: () => undefined }, false],
  ["a guard that can't be had", { guardFolder: () => undefined }, false],
  ["a guard of folders", { guardFolder: () => noGuard }, true],
];
const noGuard = { [Symbol.dispose]: () => {} };

for (const [what, methods, isGranted] of GUARDED) {
  Deno.test(`a file system with ${what}: ${isGranted ? "one" : "none"}`, async () => {
    const fs = memory(TREE.tree) as FileSystem;
    const { fixture } = start({ fs: Object.assign(fs, methods) });
    const granted = await ask(await fixture.client(1));
    assertEquals(granted.unavailable === undefined, isGranted);
  });
}

Deno.test("the guard ends with the delegation", async () => {
  let guards = 0;
  const guardFolder = () => {
    guards++;
    return { [Symbol.dispose]: () => void guards-- };
  };
  const fs = Object.assign(memory(TREE.tree) as FileSystem, { guardFolder });
  const { fixture } = start({ fs });
  const client = await fixture.client(1);
  const stateid = await hold(client);
  assertEquals(guards, 1);
  await giveBack(client, stateid);
  assertEquals(guards, 0);
});

const created: OpenCreate = { mode: 0, attributes: { mode: 0o644 } };
const openNew = (client: StateClient) =>
  op.open({
    access: 3 | NO_DELEGATION,
    owner: client.owner(),
    create: created,
    claim: { claim: "null", name: "new" },
  });

/** What changes the folder d, by the reason of its recall. */
const DOORS: readonly [
  string,
  string,
  (client: StateClient) => readonly Request[],
][] = [
  ["OPEN that creates", "create", (client) => [...at("d"), openNew(client)]],
  ["CREATE", "create", () => [...at("d"), op.create({ type: 2, name: "n" })]],
  [
    "LINK",
    "link",
    () => [...at("file"), op.savefh(), ...at("d"), op.link("l")],
  ],
  ["REMOVE", "remove", () => [...at("d"), op.remove("f")]],
  ["RENAME within", "rename", () => [
    ...at("d"),
    op.savefh(),
    op.rename("f", "n"),
  ]],
  ["RENAME out of it", "rename", () => [
    ...at("d"),
    op.savefh(),
    ...at("o"),
    op.rename("f", "n"),
  ]],
  ["RENAME into it", "rename", () => [
    ...at("o"),
    op.savefh(),
    ...at("d"),
    op.rename("h", "n"),
  ]],
  ["RENAME over one of its entries", "rename", () => [
    ...at("o"),
    op.savefh(),
    ...at("d"),
    op.rename("h", "g"),
  ]],
  ["RENAME of the folder itself", "rename", () => [
    op.putrootfh(),
    op.savefh(),
    op.rename("d", "n"),
  ]],
  ["SETATTR of the folder", "setattr", () => [
    ...at("d"),
    op.setattr({ mode: 0o700 }),
  ]],
];

for (const [what, reason, requests] of DOORS) {
  Deno.test(`${what} by another client is put off until the folder is returned`, async () => {
    const recalled: string[] = [];
    const observer = {
      granted: () => {},
      ended: () => {},
      recalled: (type: string, reason: string) =>
        recalled.push(`${type} ${reason}`),
    };
    const { fixture, way, clock } = start({ ...TREE, observer });
    const holder = await fixture.client(1);
    const other = await fixture.client(2);
    const stateid = await hold(holder);
    assertEquals(await other.status(...requests(other)), "DELAY");
    assertEquals(recalled, [`directory ${reason}`]);
    assertEquals(way.sent[0]!.operations[0]!.row.name, "CB_RECALL");
    const { handle } = way.sent[0]!.operations[0]!.args as {
      handle: Uint8Array;
    };
    const { filehandle } = await holder.ok("GETFH", ...at("d"), op.getfh());
    assertEquals(handle, filehandle);
    assertEquals(await ask(await fixture.client(1)), UNAVAILABLE, "recalled");
    answer(way.sent[0]!, 0);
    assertEquals(await giveBack(holder, stateid), "OK");
    assertEquals(await other.status(...requests(other)), "OK");
    const folder = what.includes("itself") ? at("n") : at("d");
    assertEquals(await ask(holder, folder), UNAVAILABLE, "fought over");
    clock.advance(CONTENTION_MS);
    await hold(holder, folder);
  });

  Deno.test(`the holder itself does ${what}, and keeps the folder`, async () => {
    const { fixture, way, state } = start(TREE);
    const holder = await fixture.client(1);
    await hold(holder);
    assertEquals(await holder.status(...requests(holder)), "OK");
    assertEquals([way.sent.length, state.files.delegations], [0, 1]);
  });
}

Deno.test("NFSv4.0 recalls folders as well", async () => {
  const { fixture, way } = start(TREE);
  await hold(await fixture.client(1));
  const other = await fixture.client(0);
  const request = [...at("d"), op.remove("f")];
  assertEquals(await other.status(...request), "DELAY");
  assertEquals(way.sent.length, 1);
});

Deno.test("what changes no entry recalls no folder: WRITE, GETATTR, READDIR, LOOKUP, RENAME of a name to itself, an attribute of an entry", async () => {
  const { fixture, way } = start(TREE);
  await hold(await fixture.client(1));
  const other = await fixture.client(1);
  for (
    const requests of [
      [...at("d", "f"), op.write({ data: "x" })],
      [...at("d", "f"), op.setattr({ mode: 0o600 })],
      [...at("d"), op.getattr(["size", "change"])],
      [...at("d"), op.readdir({})],
      [...at("d"), op.lookup("none")],
      [...at("d", "e"), op.remove("x")],
      [...at("d"), op.savefh(), op.rename("f", "f")],
      [op.putrootfh(), op.create({ type: 2, name: "n" })],
    ]
  ) {
    const status = await other.status(...requests);
    assert(status === "OK" || status === "NOENT", status);
  }
  assertEquals(way.sent, []);
});

Deno.test("RENAME recalls both folders at once", async () => {
  const { fixture, way } = start(TREE);
  const holder = await fixture.client(1);
  await hold(holder, at("d"));
  await hold(holder, at("o"));
  const other = await fixture.client(1);
  const moved = [...at("d"), op.savefh(), ...at("o"), op.rename("f", "n")];
  assertEquals(await other.status(...moved), "DELAY");
  assertEquals(way.sent.length, 2);
});

Deno.test("a folder that another client removes is recalled first, and may be returned", async () => {
  const { fixture, state } = start(TREE);
  const holder = await fixture.client(1);
  const other = await fixture.client(1);
  await other.ok("REMOVE", ...at("d", "e"), op.remove("x"));
  const stateid = await hold(holder, at("d", "e"));
  const removed = [...at("d"), op.remove("e")];
  assertEquals(await other.status(...removed), "DELAY");
  assertEquals(await giveBack(holder, stateid, at("d", "e")), "OK");
  assertEquals(await other.status(...removed), "OK");
  assertEquals(state.files.delegations, 0);
});

for (
  const [what, last] of [
    ["removes", [...at("d"), op.remove("e")]],
    ["replaces", [
      op.putrootfh(),
      op.savefh(),
      ...at("d"),
      op.rename("i", "e"),
    ]],
  ] as const
) {
  Deno.test(`with a folder that its holder ${what} its delegation goes`, async () => {
    const { fixture, state, way } = start(TREE);
    const holder = await fixture.client(1);
    await holder.ok("REMOVE", ...at("d", "e"), op.remove("x"));
    const made = op.create({ type: 2, name: "i" });
    await holder.ok("CREATE", op.putrootfh(), made);
    const stateid = await hold(holder, at("d", "e"));
    assertEquals(await holder.status(...last), "OK");
    assertEquals([state.files.delegations, way.sent.length], [0, 0]);
    const { statuses } = await holder.ok(
      "TEST_STATEID",
      op.testStateid([stateid]),
    );
    assertEquals(statuses, [10025]);
  });
}

Deno.test("a folder that is not returned within a lease is revoked, and its stateid freed by FREE_STATEID", async () => {
  const { fixture, way, keeper, clock, state } = start(TREE);
  const holder = await fixture.client(1);
  const other = await fixture.client(1);
  const stateid = await hold(holder);
  const removed = [...at("d"), op.remove("f")];
  assertEquals(await other.status(...removed), "DELAY");
  answer(way.sent[0]!, 0);
  for (let passed = 0; passed <= LEASE; passed += LEASE / 2) {
    await holder.call(op.putrootfh());
    await other.call(op.putrootfh());
    clock.advance(LEASE / 2);
    keeper.sweep();
  }
  assertEquals(state.files.delegations, 0);
  const tested = await holder.ok("TEST_STATEID", op.testStateid([stateid]));
  assertEquals(tested.statuses, [10087]);
  assertEquals(await giveBack(holder, stateid), "DELEG_REVOKED");
  assertEquals(await ask(holder), UNAVAILABLE);
  await holder.ok("FREE_STATEID", op.freeStateid(stateid));
  assertEquals(await other.status(...removed), "OK");
});

Deno.test("a client that ends takes its folders with it", async () => {
  const { fixture, state } = start(TREE);
  const holder = await fixture.client(1);
  await hold(holder);
  holder.verifier = bytesOf("rebooted");
  await holder.register(true);
  assertEquals(state.files.delegations, 0);
});

Deno.test("a folder that something else is about to change is recalled", async () => {
  const { fixture, way, keeper } = start(TREE);
  const holder = await fixture.client(1);
  const stateid = await hold(holder);
  const { filehandle } = await holder.ok("GETFH", ...at("d"), op.getfh());
  const { namespace } = fixture.services;
  const folder = await namespace.resolve(filehandle);
  const recalled = keeper.recallFile(folder as FileRef);
  await Promise.resolve();
  assertEquals(way.sent.length, 1);
  await giveBack(holder, stateid);
  await recalled;
});
