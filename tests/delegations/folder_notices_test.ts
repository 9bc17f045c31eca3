/** What holders of folders are told by CB_NOTIFY (RFC 8881 20.4). */

import { assert, assertEquals } from "@std/assert";
import type {
  CallbackOutcome,
  CallbackRequest,
} from "../../src/backchannel/callback_request.ts";
import {
  BATCH,
  BATCH_MS,
  FolderNotices,
  MAX_UNHEARD,
} from "../../src/delegations/folder_notices.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import type { Awaitable } from "../../src/base/awaitable.ts";
import type { Delegation } from "../../src/state/delegations.ts";
import { MAX_TOLD } from "../../src/state/file_states.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import type { StateClient } from "../engine/state_fixture.ts";
import {
  type Attributes,
  op,
  readAttributes,
  type Request,
  type Stateid,
  walk,
} from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { answer, start } from "./keeper_fixture.ts";

const TREE = { tree: { "d/f": "content", "d/g": "", "o/h": "", file: "" } };
const REMOVE = 2;
const ADD = 3;
const RENAME = 4;
const ALL = [REMOVE, ADD, RENAME];
const SIZE_AND_MODE = [4, 33];
const FOLDER = 2;
/** Of the holders of a folder who are told: those of a party that is alone. */
const SHARE = MAX_TOLD / 2;

const at = (...names: string[]) => walk(names);
const make = (name: string) => op.create({ type: FOLDER, name });

async function hold(
  client: StateClient,
  { kinds = ALL, attributes = [], folder = at("d") }: {
    readonly kinds?: readonly number[];
    readonly attributes?: readonly number[];
    readonly folder?: readonly Request[];
  } = {},
) {
  const ask = op.getDirDelegation(kinds, attributes);
  return await client.ok("GET_DIR_DELEGATION", ...folder, ask);
}

async function stateidOf(granted: ReturnType<typeof hold>): Promise<Stateid> {
  const { stateid } = await granted;
  assert(stateid !== undefined, "no delegation");
  return stateid;
}

/** An entry as the notice has it. */
interface Told {
  readonly name: string;
  readonly attributes: Attributes;
  readonly cookie: bigint | undefined;
}

function readEntry(xdr: XdrReader): Omit<Told, "cookie"> {
  return { name: xdr.string(255), attributes: readAttributes(xdr) };
}

function readRemoved(xdr: XdrReader): Told {
  return { ...readEntry(xdr), cookie: xdr.uint64() };
}

function readAdded(xdr: XdrReader) {
  const [replaced] = xdr.array(1, readRemoved);
  const entry = readEntry(xdr);
  const [cookie] = xdr.array(1, (xdr) => xdr.uint64());
  const [previous] = xdr.array(1, readRemoved);
  return { ...entry, cookie, replaced, previous, isLast: xdr.bool() };
}

/** Reads a notify4 to its last byte. */
function readNotice(bytes: Uint8Array) {
  const xdr = new XdrReader(bytes);
  const mask = xdr.array(3, (xdr) => xdr.uint32());
  const values = new XdrReader(xdr.opaque(65536));
  assertEquals(xdr.remaining, 0);
  const read = () => {
    switch (mask.join()) {
      case `${1 << REMOVE}`:
        return { removed: readRemoved(values) };
      case `${1 << ADD}`:
        return { added: readAdded(values) };
      case `${1 << RENAME}`:
        return { from: readRemoved(values), to: readAdded(values) };
    }
    throw new Error(`mask ${mask}`);
  };
  const notice = read();
  assertEquals(values.remaining, 0);
  return notice;
}

function noticesOf({ operations }: CallbackRequest) {
  assertEquals(operations.map(({ row }) => row.name), ["CB_NOTIFY"]);
  const { changes } = operations[0]!.args as {
    changes: readonly Uint8Array[];
  };
  return changes.map(readNotice);
}

/** The names that they are about. */
function namesIn(request: CallbackRequest): string[] {
  return noticesOf(request).map(({ removed, added, to }) =>
    (removed ?? added ?? to)!.name
  );
}

/** A holder of d that is told, and another client. */
async function told(options: Parameters<typeof start>[0] = TREE) {
  const started = start(options);
  const { fixture } = started;
  const holder = await fixture.client(1);
  const other = await fixture.client(2);
  const cookies = async () => {
    const { entries } = await other.ok("READDIR", ...at("d"), op.readdir({}));
    return new Map(entries.map(({ name, cookie }) => [name, cookie]));
  };
  return { ...started, holder, other, cookies };
}

Deno.test("what is told is what was asked for and can be: entries, and some of their attributes", async () => {
  const { holder } = await told();
  const every = [0, 1, 2, 3, 4, 5];
  // mode, size, and what needs the file system's room, or is set only.
  const granted = await hold(holder, {
    kinds: every,
    attributes: [4, 33, 42, 54],
  });
  assertEquals(granted.notifications, ALL);
  assertEquals(granted.childAttributes, SIZE_AND_MODE);
  assertEquals(granted.directoryAttributes, []);
});

Deno.test("a file system that can't say where an entry is, has no holder told", async () => {
  const { tree } = TREE;
  const fs = Object.assign(memory(tree) as FileSystem, { place: undefined });
  const { holder } = await told({ fs });
  const granted = await hold(holder);
  assert(granted.stateid !== undefined);
  assertEquals(granted.notifications, []);
});

Deno.test("where names are hidden no holder is told: an entry has no place in what it has listed", async () => {
  const { holder } = await told({ ...TREE, hide: ["._*"] });
  const granted = await hold(holder);
  assert(granted.stateid !== undefined);
  assertEquals(granted.notifications, []);
});

Deno.test("who may not search the folder is told no attributes", async () => {
  const { fixture, holder } = await told();
  await holder.ok("SETATTR", ...at("d"), op.setattr({ mode: 0o744 }));
  const reader = await fixture.client(1, { uid: 9 });
  const granted = await hold(reader, { attributes: SIZE_AND_MODE });
  assertEquals(granted.notifications, ALL);
  assertEquals(granted.childAttributes, []);
});

Deno.test("CREATE is told with place and attributes, and recalls nothing", async () => {
  const { holder, other, way, clock, cookies } = await told();
  await hold(holder, { attributes: SIZE_AND_MODE });
  const made = op.create({
    type: FOLDER,
    name: "n",
    attributes: { mode: 0o750 },
  });
  assertEquals(await other.status(...at("d"), made), "OK");
  assertEquals(way.sent, []);
  clock.advance(BATCH_MS);
  const placed = await cookies();
  const [notice] = noticesOf(way.sent[0]!);
  const { attributes, ...added } = notice!.added!;
  assertEquals(added, {
    name: "n",
    cookie: placed.get("n"),
    replaced: undefined,
    previous: { name: "g", attributes: {}, cookie: placed.get("g") },
    isLast: true,
  });
  assertEquals(Object.keys(attributes), ["size", "mode"]);
  assertEquals(attributes.mode, 0o750);
});

Deno.test("LINK and OPEN that creates are told as an entry that comes", async () => {
  const { holder, other, way, clock } = await told();
  await hold(holder);
  const linked = [...at("file"), op.savefh(), ...at("d"), op.link("l")];
  assertEquals(await other.status(...linked), "OK");
  const opened = op.open({
    access: 3 | 0x400,
    owner: other.owner(),
    create: { mode: 0, attributes: { mode: 0o644 } },
    claim: { claim: "null", name: "new" },
  });
  assertEquals(await other.status(...at("d"), opened), "OK");
  clock.advance(BATCH_MS);
  const notices = noticesOf(way.sent[0]!);
  assertEquals(notices.map(({ added }) => added?.name), ["l", "new"]);
});

Deno.test("REMOVE is told with the cookie that the entry had", async () => {
  const { holder, other, way, clock, cookies } = await told();
  await hold(holder);
  const before = await cookies();
  assertEquals(await other.status(...at("d"), op.remove("f")), "OK");
  clock.advance(BATCH_MS);
  assertEquals(noticesOf(way.sent[0]!), [
    { removed: { name: "f", attributes: {}, cookie: before.get("f") } },
  ]);
});

Deno.test("RENAME within is told as one, with what it replaces", async () => {
  const { holder, other, way, clock, cookies } = await told();
  await hold(holder);
  const before = await cookies();
  const moved = [...at("d"), op.savefh(), op.rename("f", "g")];
  assertEquals(await other.status(...moved), "OK");
  clock.advance(BATCH_MS);
  const after = await cookies();
  assertEquals(noticesOf(way.sent[0]!), [{
    from: { name: "f", attributes: {}, cookie: before.get("f") },
    to: {
      name: "g",
      attributes: {},
      cookie: after.get("g"),
      replaced: { name: "g", attributes: {}, cookie: before.get("g") },
      previous: undefined,
      isLast: true,
    },
  }]);
});

Deno.test("RENAME to another folder is told to the one as going, to the other as coming", async () => {
  const { holder, other, way, clock } = await told();
  await hold(holder);
  await hold(holder, { folder: at("o") });
  const moved = [...at("d"), op.savefh(), ...at("o"), op.rename("f", "n")];
  assertEquals(await other.status(...moved), "OK");
  clock.advance(BATCH_MS);
  const [out, into] = way.sent.map((sent) => noticesOf(sent)[0]!);
  assertEquals([out?.removed?.name, into?.added?.name], ["f", "n"]);
});

Deno.test("what a holder does itself it is told too (RFC 8881 10.9.2)", async () => {
  const { holder, way, clock } = await told();
  await hold(holder);
  assertEquals(await holder.status(...at("d"), make("n")), "OK");
  clock.advance(BATCH_MS);
  assertEquals(namesIn(way.sent[0]!), ["n"]);
});

const NOT_ASKED_FOR: readonly [number[], Request[]][] = [
  [[REMOVE, RENAME], [...at("d"), make("n")]],
  [[ADD, RENAME], [...at("d"), op.remove("f")]],
  [[ADD, REMOVE], [...at("d"), op.savefh(), op.rename("f", "n")]],
  [[ADD, RENAME], [
    ...at("d"),
    op.savefh(),
    ...at("o"),
    op.rename("f", "n"),
  ]],
  [[REMOVE, RENAME], [
    ...at("o"),
    op.savefh(),
    ...at("d"),
    op.rename("h", "n"),
  ]],
  [ALL, [...at("d"), op.setattr({ mode: 0o700 })]],
  [ALL, [op.putrootfh(), op.savefh(), op.rename("d", "n")]],
];

for (const [kinds, requests] of NOT_ASKED_FOR) {
  const what = requests.at(-1)!.name;
  Deno.test(`who is told ${kinds} is asked to return the folder for ${what} that is none of them`, async () => {
    const { holder, other, way } = await told();
    await hold(holder, { kinds });
    assertEquals(await other.status(...requests), "DELAY");
    const names = way.sent.flatMap((sent) =>
      sent.operations.map(({ row }) => row.name)
    );
    assertEquals(names, ["CB_RECALL"]);
  });
}

Deno.test("of two holders the one is told, and the other recalled", async () => {
  const { fixture, holder, other, way, clock } = await told();
  await hold(holder);
  const plain = await fixture.client(1);
  const stateid = await stateidOf(hold(plain, { kinds: [] }));
  assertEquals(await other.status(...at("d"), make("n")), "DELAY");
  assertEquals(way.sent[0]!.operations[0]!.row.name, "CB_RECALL");
  assertEquals(await plain.status(...at("d"), op.delegreturn(stateid)), "OK");
  assertEquals(await other.status(...at("d"), make("n")), "OK");
  clock.advance(BATCH_MS);
  assertEquals(namesIn(way.sent[1]!), ["n"]);
  assertEquals(way.sent.length, 2);
});

Deno.test("changes go out together, in order, and the next ones when those are answered", async () => {
  const heard: (readonly number[])[] = [];
  const observer = {
    granted: () => {},
    recalled: () => {},
    ended: () => {},
    notified: (types: readonly number[]) => void heard.push(types),
  };
  const { holder, other, way, clock, keeper } = await told({
    ...TREE,
    observer,
  });
  await hold(holder);
  await other.call(...at("d"), make("a"));
  clock.advance(BATCH_MS / 2);
  await other.call(...at("d"), make("b"));
  await other.call(...at("d"), op.remove("a"));
  clock.advance(BATCH_MS / 2);
  assertEquals(way.sent.map(namesIn), [["a", "b", "a"]]);
  await other.call(...at("d"), make("c"));
  clock.advance(BATCH_MS);
  assertEquals(way.sent.length, 1);
  answer(way.sent[0]!, 0);
  assertEquals(namesIn(way.sent[1]!), ["c"]);
  answer(way.sent[1]!, 0);
  assertEquals(keeper.held.notices, 0);
  assertEquals(heard, [[ADD, ADD, REMOVE], [ADD]]);
});

Deno.test("a full batch does not wait", async () => {
  const { holder, other, way } = await told();
  await hold(holder);
  for (let i = 0; i < BATCH; i++) await other.call(...at("d"), make(`${i}`));
  assertEquals(namesIn(way.sent[0]!).length, BATCH);
});

const UNHEARD: readonly [string, CallbackOutcome][] = [
  ["refuses it", { kind: "answered", results: [{ status: 10004 }] }],
  ["does not answer", { kind: "failed", reason: "no answer" }],
  ["has no room for so much", { kind: "too-big" }],
  ["ends the session", { kind: "stopped" }],
];

for (const [what, outcome] of UNHEARD) {
  Deno.test(`a holder that ${what} is asked to return the folder`, async () => {
    const { holder, other, way, clock, keeper, state } = await told();
    const stateid = await stateidOf(hold(holder));
    await other.call(...at("d"), make("n"));
    clock.advance(BATCH_MS);
    way.sent[0]!.done(outcome);
    assertEquals(way.sent[1]!.operations[0]!.row.name, "CB_RECALL");
    assertEquals(keeper.held.notices, 0);
    assertEquals(await other.status(...at("d"), make("m")), "DELAY");
    await holder.ok("DELEGRETURN", ...at("d"), op.delegreturn(stateid));
    assertEquals(state.files.delegations, 0);
    assertEquals(await other.status(...at("d"), make("m")), "OK");
  });
}

Deno.test("a holder that does not keep up is asked to return the folder", async () => {
  const { holder, other, way, keeper } = await told();
  await hold(holder);
  const changes = [make("n"), ...at("d"), op.remove("n"), ...at("d")];
  for (let i = 0; i < MAX_UNHEARD / 2; i++) {
    await other.call(...at("d"), ...changes);
  }
  assertEquals(keeper.held.notices, MAX_UNHEARD);
  assertEquals(way.sent.length, 1);
  assertEquals(await other.status(...at("d"), make("n")), "OK");
  assertEquals(way.sent[1]!.operations[0]!.row.name, "CB_RECALL");
  assertEquals(keeper.held.notices, BATCH);
});

Deno.test("so many holders of a folder are told, and of a party no more than its share", async () => {
  const { fixture } = await told();
  for (let i = 0; i <= SHARE; i++) {
    const granted = await hold(await fixture.client(1));
    assertEquals(granted.notifications, i < SHARE ? ALL : []);
  }
  const connection = testConnection({ party: "user 1000" });
  const granted = await hold(await fixture.client(1, { connection }));
  assertEquals(granted.notifications, ALL);
});

Deno.test("who returns a folder makes room for another that is told", async () => {
  const { fixture, holder } = await told();
  const stateid = await stateidOf(hold(holder));
  for (let i = 1; i < SHARE; i++) await hold(await fixture.client(1));
  await holder.ok("DELEGRETURN", ...at("d"), op.delegreturn(stateid));
  const granted = await hold(await fixture.client(1));
  assertEquals(granted.notifications, ALL);
});

Deno.test("a client that ends is neither told nor asked for anything", async () => {
  const { fixture, state, holder, other, way, keeper } = await told();
  await hold(holder);
  await other.call(...at("d"), make("n"));
  way.hasRoom = false;
  holder.verifier = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  await holder.register(true);
  assertEquals([state.files.delegations, keeper.held.notices], [0, 0]);
  assertEquals([way.sent.length, fixture.counts.files], [0, 0]);
});

/** A delegation that is told over a session which takes callbacks of so many bytes. */
function toldOver(maxRequestSize: number): Delegation {
  const session = { back: { maxRequestSize } };
  return {
    ...{ client: { party: "" }, seqid: 1, other: new Uint8Array(12) },
    ...{ file: { file: { handle: Uint8Array.of(1) } }, notices: { session } },
  } as unknown as Delegation;
}

function notifier() {
  const clock = new FakeClock();
  const sent: (readonly Uint8Array[])[] = [];
  const unheard: Delegation[] = [];
  const done: CallbackRequest["done"][] = [];
  const notices = new FolderNotices({
    clock,
    unheard: (delegation) => unheard.push(delegation),
    router: {
      sendOver(_session, { operations, done: end }) {
        const { changes } = operations[0]!.args as { changes: Uint8Array[] };
        sent.push(changes);
        done.push(end);
      },
    },
  });
  const add = (held: Delegation, bytes: Awaitable<Uint8Array>) =>
    notices.add(held, { type: ADD, bytes });
  const ok = () =>
    done.shift()!({ kind: "answered", results: [{ status: 0 }] });
  return { clock, sent, unheard, notices, add, ok };
}

Deno.test("a callback takes no more than the session, and what never fits is recalled", () => {
  const { clock, sent, unheard, add, ok, notices } = notifier();
  const held = toldOver(1_024 + 100);
  for (let i = 0; i < 3; i++) add(held, new Uint8Array(40));
  clock.advance(BATCH_MS);
  assertEquals(sent.map((changes) => changes.length), [2]);
  ok();
  assertEquals(sent.map((changes) => changes.length), [2, 1]);
  ok();
  add(held, new Uint8Array(101));
  clock.advance(BATCH_MS);
  assertEquals([unheard, sent.length, notices.size], [[held], 2, 0]);
});

Deno.test("what waits for attributes keeps its place", async () => {
  const { clock, sent, add, ok } = notifier();
  const held = toldOver(10_000);
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  add(held, Uint8Array.of(1));
  add(held, promise);
  add(held, Uint8Array.of(3));
  clock.advance(BATCH_MS);
  ok();
  assertEquals(sent, [[Uint8Array.of(1)]]);
  resolve(Uint8Array.of(2));
  await promise;
  assertEquals(sent[1], [Uint8Array.of(2), Uint8Array.of(3)]);
});

Deno.test("what is to be told goes out before a recall", async () => {
  const { holder, other, way } = await told();
  await hold(holder);
  await other.call(...at("d"), make("n"));
  const set = op.setattr({ mode: 0o700 });
  assertEquals(await other.status(...at("d"), set), "DELAY");
  assertEquals(namesIn(way.sent[0]!), ["n"]);
  assertEquals(way.sent[1]!.operations[0]!.row.name, "CB_RECALL");
});

Deno.test("what is to be told goes out before the answer to DELEGRETURN", async () => {
  const { holder, other, way, keeper } = await told();
  const stateid = await stateidOf(hold(holder));
  await other.call(...at("d"), make("n"));
  await holder.ok("DELEGRETURN", ...at("d"), op.delegreturn(stateid));
  assertEquals(way.sent.map(namesIn), [["n"]]);
  answer(way.sent[0]!, 0);
  assertEquals(keeper.held.notices, 0);
  assertEquals(way.sent.length, 1);
});

Deno.test("what has failed is not told", async () => {
  const { holder, other, way, clock } = await told();
  await hold(holder);
  const failed = [...at("d"), op.create({ type: FOLDER, name: "f" })];
  assertEquals(await other.status(...failed), "EXIST");
  clock.advance(BATCH_MS);
  assertEquals(way.sent, []);
});
