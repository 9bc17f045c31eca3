import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { serve } from "../../src/server.ts";
import type { ServeOptions } from "../../src/server/options.ts";
import {
  type FileAttributes,
  type FileSystem,
  FsError,
} from "../../src/vfs/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import {
  anonymousStateid,
  op,
  openSession,
  type Request,
  type Session,
  walk,
} from "../support/client/mod.ts";
import { getRoot } from "./fixture.ts";

const SECRET = 0x5e;
const SIZE = 65_536;
const uncached = { cacheThis: false };

type Method = (this: FileSystem, ...args: never[]) => unknown;

/** A tree of secrets beside one file system whose methods are not all its own. */
async function fixture(
  changed: Record<string, Method>,
  options: ServeOptions = {},
) {
  const secret = memory({ secret: new Uint8Array(SIZE).fill(SECRET) });
  const inner = memory({ f: "content", d: { e: "" } }) as FileSystem;
  const linked = inner.create!(inner.root(), "l", {
    type: "symlink",
    target: "f",
  }, { attributes: { mode: 0o777, uid: 0, gid: 0 } });
  assert(!(linked instanceof Promise));
  const fs = new Proxy(inner, {
    get(target, name) {
      const own = Object.hasOwn(changed, name)
        ? changed[name as string]
        : Reflect.get(target, name);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
  const server = await serve([{ path: "/s", fs: secret }, {
    path: "/h",
    fs,
  }], { port: 0, ...options });
  const session = await openSession({ port: server.port, minorVersion: 2 });
  return {
    session,
    /** Leaves the secret in whatever memory is used again. */
    async soil() {
      for (let i = 0; i < 4; i++) {
        const read = op.read({ count: SIZE });
        const reply = await session.compound(
          [...walk(["s", "secret"]), read],
          uncached,
        );
        assertEquals(reply.get("READ").data[0], SECRET);
      }
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

function readAll(session: Session, count = SIZE, expect?: "any") {
  const request = [...walk(["h", "f"]), op.read({ count })];
  return session.compound(request, { ...uncached, ...expect && { expect } });
}

/** How a read can go wrong without saying so. */
const reads: Record<string, Method> = {
  "more bytes than there was room for": (_file, _offset, target) => {
    const { length } = target as Uint8Array;
    return { bytes: length * 1000, eof: false };
  },
  "bytes that were not put there": (_file, _offset, target) => ({
    bytes: (target as Uint8Array).length,
    eof: true,
  }),
  // deno-lint-ignore require-await
  "the same, later": async (_file, _offset, target) => ({
    bytes: (target as Uint8Array).length,
    eof: true,
  }),
};

for (const [what, read] of Object.entries(reads)) {
  Deno.test(`a read that returns ${what} shows zeros, never what was in the memory`, async () => {
    await using hostile = await fixture({ read });
    for (const count of [1, 100, 5000, SIZE]) {
      await hostile.soil();
      const reply = await readAll(hostile.session, count);
      const { data } = reply.get("READ");
      assertEquals(data.length, count);
      assert(data.every((byte) => byte === 0), `${count} bytes`);
    }
  });
}

Deno.test("a read that returns no number of bytes is IO", async () => {
  for (const bytes of [NaN, -1, 1.5, "1", undefined]) {
    const read = () => ({ bytes, eof: true });
    await using hostile = await fixture({ read });
    const request = [...walk(["h", "f"]), op.read({ count: 10 })];
    await hostile.session.expectStatus(Status.IO, request);
  }
});

/** Gives memory to a worker: its views are empty from then on. */
function giveAway({ buffer }: Uint8Array): void {
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

for (const waits of [false, true]) {
  const when = waits ? "after a wait" : "at once";

  Deno.test(`a read that gives its target away ${when} is IO, and other requests lose nothing`, async () => {
    for (const count of [100, SIZE, 4 * SIZE]) {
      const give = function (this: FileSystem, ...args: never[]) {
        const given = Reflect.apply(this.read, this, args);
        giveAway(args[2]!);
        return given;
      };
      const later: Method = async function (...args) {
        await undefined;
        return give.apply(this, args);
      };
      await using hostile = await fixture({ read: waits ? later : give });
      const { session } = hostile;
      const bad = readAll.bind(undefined, session, count, "any");
      const good = () => session.compound(getRoot, uncached);
      const replies = await Promise.all([good(), bad(), good(), bad(), good()]);
      const { OK, IO } = Status;
      const statuses = replies.map(({ status }) => status);
      assertEquals(statuses, [OK, IO, OK, IO, OK]);
      await hostile.soil();
    }
  });

  Deno.test(`a write that gives its data away ${when} takes nothing else of the request`, async () => {
    const give = function (this: FileSystem, ...args: never[]) {
      const given = Reflect.apply(this.write!, this, args);
      giveAway(args[2]!);
      return given;
    };
    const later: Method = async function (...args) {
      await undefined;
      return give.apply(this, args);
    };
    await using hostile = await fixture({ write: waits ? later : give });
    const write = op.write({ data: new Uint8Array(SIZE) });
    const request = [...walk(["h", "f"]), write, op.getattr(["size"])];
    const send = () => hostile.session.compound(request, uncached);
    for (const reply of await Promise.all([send(), send(), send()])) {
      const { size } = reply.get("GETATTR").attributes;
      assertEquals(size, BigInt(SIZE));
    }
  });
}

Deno.test("memory that a file system keeps is no other request's", async () => {
  const kept: Uint8Array[] = [];
  const method = (name: "read" | "write") =>
    function (this: FileSystem, ...args: never[]) {
      kept.push(args[2]!);
      return Reflect.apply(this[name]!, this, args);
    };
  const changed = { read: method("read"), write: method("write") };
  await using hostile = await fixture(changed);
  const { session } = hostile;
  const data = new Uint8Array(SIZE).fill(1);
  for (let i = 0; i < 10; i++) {
    const write = [...walk(["h", "f"]), op.write({ data })];
    await session.compound(write, uncached);
    await readAll(session);
    await hostile.soil();
    for (const each of kept) {
      assert(new Uint8Array(each.buffer).every((byte) => byte !== SECRET));
      each.fill(0);
    }
  }
});

Deno.test("entries without a name that can be asked for are not listed", async () => {
  const names = ["", ".", "..", "a/b", "a\0b", undefined, 5, "good"];
  const readdir = () => ({
    entries: names.map((name, i) => ({ name, cookie: i + 1 })),
    end: true,
  });
  await using hostile = await fixture({ readdir });
  const reply = await hostile.session.compound([
    ...walk(["h"]),
    op.readdir({ attributes: [] }),
  ]);
  const { entries } = reply.get("READDIR");
  assertEquals(entries.map(({ name }) => name), ["good"]);
});

Deno.test("entries that no LOOKUP can ask for are not listed", async () => {
  const names = ["x".repeat(256), "é".repeat(128), "x".repeat(70_000)];
  names.push("\ud800x", "\udc80", "é".repeat(127), "good");
  const readdir = () => ({
    entries: names.map((name, i) => ({ name, cookie: i + 1 })),
    end: true,
  });
  await using hostile = await fixture({ readdir });
  const request = [...walk(["h"]), op.readdir({ attributes: [] })];
  const reply = await hostile.session.compound(request);
  const { entries } = reply.get("READDIR");
  assertEquals(entries.map(({ name }) => name), ["é".repeat(127), "good"]);
});

Deno.test("extended attributes without a name that can be asked for are not listed, others once", async () => {
  const names = ["", "a\0b", "\ud800", "x".repeat(256), "é".repeat(128)];
  const given = [...names, undefined, 5, "good", "a/b", "good", "."];
  await using hostile = await fixture({ listxattrs: () => given });
  const request = [...walk(["h", "f"]), op.listxattrs()];
  const reply = await hostile.session.compound(request);
  const listed = reply.get("LISTXATTRS").names.toSorted();
  assertEquals(listed, [".", "a/b", "good"]);
});

Deno.test("a target that no client could make is IO, and found so at once", async () => {
  const targets = ["é".repeat(2048), "x".repeat(4097), "é".repeat(2049)];
  targets.push("\ud800", "\ud800" + "x".repeat(4_000_000));
  const { OK, IO } = Status;
  const statuses = [];
  for (const target of targets) {
    await using hostile = await fixture({ readlink: () => target });
    const request = [...walk(["h", "l"]), op.readlink()];
    const { status } = await hostile.session.compound(request, {
      ...uncached,
      expect: "any",
    });
    statuses.push(status);
  }
  assertEquals(statuses, [OK, IO, IO, IO, IO]);
});

Deno.test("cookies that are none, or lead nowhere, are IO", async () => {
  for (const cookie of [0, -1, NaN, 1.5, 2 ** 60, "1", undefined, null]) {
    const readdir = () => ({ entries: [{ name: "a", cookie }], end: false });
    await using hostile = await fixture({ readdir });
    await hostile.session.expectStatus(Status.IO, [
      ...walk(["h"]),
      op.readdir({ attributes: [] }),
    ]);
  }
  // Behind the one in the middle a client would begin anew.
  const cookies = [1, 0, 2].map((cookie) => ({ name: `${cookie}`, cookie }));
  {
    const readdir = () => ({ entries: cookies, end: true });
    await using hostile = await fixture({ readdir });
    await hostile.session.expectStatus(Status.IO, [
      ...walk(["h"]),
      op.readdir({ attributes: [] }),
    ]);
  }
  // The same page for ever, of entries that are gone.
  const readdir = () => ({ entries: [{ name: "a", cookie: 1 }], end: false });
  await using hostile = await fixture({ readdir, lookup: () => undefined });
  await hostile.session.expectStatus(Status.NOENT, walk(["h", "a"]));
  const list = [...walk(["h"]), op.readdir({ attributes: ["type"] })];
  await hostile.session.expectStatus(Status.IO, list);
});

/** What a method may come up with instead. */
const garbage: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => NaN,
  () => -1,
  () => "text",
  () => ({}),
  () => [],
  () => ({ entries: undefined, node: undefined, change: {} }),
  () => Promise.resolve(undefined),
  () => Promise.reject(new Error("later")),
  () => Promise.reject("no error"),
  () => Promise.reject(undefined),
  () => {
    throw "no error";
  },
  () => {
    throw undefined;
  },
  () => {
    throw new FsError("never heard of" as "io");
  },
];

const owner = { clientid: 0n, owner: Uint8Array.of(1) };

/** Of a file of some bytes, behind its end. */
const cloned = {
  source: anonymousStateid,
  destination: anonymousStateid,
  destinationOffset: 65_536n,
};

const range = { stateid: anonymousStateid, offset: 0n, length: 3n };

/** Uses of every method of a file system. */
function work(): readonly (readonly Request[])[] {
  const at = (...names: string[]) => walk(["h", ...names]);
  return [
    [...at("f"), op.getattr(["type", "size", "mode", "change", "time_modify"])],
    [...at("f"), op.read({ count: 100 })],
    [...at("f"), op.write({ data: "x" })],
    [...at("f"), op.setxattr("n", "v")],
    [...at("f"), op.getxattr("n")],
    [...at("f"), op.listxattrs()],
    [...at("f"), op.removexattr("n")],
    [...at("f"), op.commit()],
    [...at("f"), op.allocate(range)],
    [...at("f"), op.seek({ stateid: anonymousStateid, offset: 0n, what: 1 })],
    [...at("f"), op.deallocate(range)],
    [...at("f"), op.savefh(), op.clone(cloned)],
    [...at("f"), op.setattr({ mode: 0o600 })],
    [
      ...at("d"),
      op.getDirDelegation([3]),
      op.create({ type: 2, name: "told" }),
    ],
    [...at("d"), op.lookupp()],
    [...at(), op.getattr(["space_free"])],
    [...at("l"), op.readlink()],
    [...at("f"), op.getfh()],
    [...at(), op.open({ owner, claim: { claim: "null", name: "f" } })],
    [...at(), op.readdir({ attributes: ["type", "fileid"] })],
    [...at(), op.create({ type: 2, name: "new" })],
    [...at("f"), op.savefh(), ...at(), op.link("linked")],
    [...at(), op.savefh(), op.rename("f", "g")],
    [...at(), op.remove("g")],
  ];
}

Deno.test("whatever a file system returns or throws, its client is answered and the others are served", async () => {
  const methods = [
    "root",
    "identify",
    "resolve",
    "open",
    "close",
    "readlink",
    "settle",
    "guard",
    "guardFolder",
    "place",
    "getattr",
    "lookup",
    "parent",
    "readdir",
    "read",
    "status",
    "setattr",
    "write",
    "setxattr",
    "getxattr",
    "listxattrs",
    "removexattr",
    "commit",
    "allocate",
    "deallocate",
    "clone",
    "seek",
    "create",
    "link",
    "remove",
    "rename",
  ];
  const lost: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    lost.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  for (const method of methods) {
    let make = garbage[0]!;
    await using hostile = await fixture({ [method]: () => make() });
    const { session } = hostile;
    for (const [i, other] of garbage.entries()) {
      make = other;
      for (const requests of work()) {
        await session.compound(requests, { expect: "any" });
      }
      await hostile.soil();
      assertEquals(session.client.connection.isOpen, true, `${method} ${i}`);
    }
    // The end is heard by whoever closes the server.
    make = garbage[0]!;
  }
  globalThis.removeEventListener("unhandledrejection", note);
  assertEquals(lost, []);
});

/** A logger that counts the errors. */
function errorsOnly() {
  const lines: Record<string, unknown>[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (_message, fields = {}) => lines.push(fields),
  };
  return { log, lines };
}

/** What no attribute may be. */
const wrongs: Partial<Record<keyof FileAttributes, readonly unknown[]>> = {
  type: ["folder", 1, undefined, null],
  mode: [-1, 0o10000, 1.5, "644", undefined],
  nlink: [-1, 2 ** 32, NaN],
  uid: [-1, NaN, "0", undefined],
  gid: [-1, Infinity, null],
  size: [-1, 2 ** 53, 1.5, 1n, undefined],
  used: [-1, NaN],
  fileid: [-1, 2 ** 65, undefined],
  change: [-1, 2 ** 60, 0.5, undefined],
  atime: [undefined, null, {}, { seconds: 1.5, nanoseconds: 0 }],
  mtime: [5, { seconds: 0, nanoseconds: 1e9 }, new Date()],
  ctime: ["now", { seconds: NaN, nanoseconds: 0 }],
  birthtime: [null, {}],
  rdev: [null, { major: -1, minor: 0 }],
};

Deno.test("attributes that can't be are IO, and are said once for each kind", async () => {
  const { log, lines } = errorsOnly();
  let make = (attributes: FileAttributes): unknown => attributes;
  const getattr: Method = function (this: FileSystem, node: object) {
    return make({ ...this.getattr(node) as FileAttributes });
  };
  await using hostile = await fixture({ getattr }, { log });
  const { session } = hostile;
  const request = [op.putfh(await handleOf(session)), op.getattr(["size"])];
  const kinds: string[] = [];
  for (const [name, values] of Object.entries(wrongs)) {
    kinds.push(name);
    for (const value of values) {
      make = (attributes) => ({ ...attributes, [name]: value });
      await session.expectStatus(Status.IO, request);
    }
  }
  for (const value of [undefined, null, 5]) {
    make = () => value;
    await session.expectStatus(Status.IO, request);
  }
  kinds.push("no attributes");
  assertEquals(lines.map(({ what }) => what), kinds);
  assertEquals(lines[0], { export: "/h", call: "getattr", what: "type" });
  make = (attributes) => attributes;
  await session.compound(request);
});

Deno.test("attributes of entries are looked at as well, and getattr is asked where they can't be", async () => {
  const { log, lines } = errorsOnly();
  let make = (): unknown => undefined;
  const readdir: Method = function (
    this: FileSystem,
    directory: object,
    cookie: number,
    limit: number,
  ) {
    const page = this.readdir(directory, cookie, limit);
    assert(!(page instanceof Promise));
    const entries = page.entries.map(({ name, cookie, node }) => ({
      ...{ name, cookie, node, attributes: make() },
    }));
    return { entries, end: page.end };
  };
  await using hostile = await fixture({ readdir }, { log });
  const { session } = hostile;
  const request = [...walk(["h"]), op.readdir({ attributes: ["size"] })];
  const sizes = async () => {
    const reply = await session.compound(request);
    return reply.get("READDIR").entries.map(({ attributes: { size } }) => size);
  };
  const right = await sizes();
  const memoryFile = memory({ f: "" });
  const whole = memoryFile.getattr(memoryFile.root());
  const kinds: string[] = [];
  for (const [name, values] of Object.entries(wrongs)) {
    kinds.push(`${name} of an entry`);
    for (const value of values) {
      make = () => ({ ...whole, [name]: value });
      assertEquals(await sizes(), right, name);
    }
  }
  // Whoever forgets to wait for them: it must not end the process either.
  const later = () => Promise.reject(new Error("later"));
  for (const none of [() => null, () => 5, later]) {
    make = none;
    assertEquals(await sizes(), right);
  }
  kinds.push("no attributes of an entry");
  assertEquals(lines.map(({ what }) => what), kinds);
  make = () => ({ ...whole, size: 77 });
  assertEquals(await sizes(), right.map(() => 77n));
});

async function handleOf(session: Session): Promise<Uint8Array> {
  const reply = await session.compound([...walk(["h", "f"]), op.getfh()]);
  return reply.get("GETFH").filehandle;
}

Deno.test("what else a method must not return is IO as well", async () => {
  const change = { atomic: true, before: 1, after: 2 };
  const identity = new Uint8Array(12);
  const at = (...names: string[]) => walk(["h", ...names]);
  const sought = op.seek({ stateid: anonymousStateid, offset: 2n, what: 0 });
  const cases: [string, unknown, readonly Request[]][] = [
    ["root", "root", at()],
    ["identify", identity, [...at("f"), op.getfh()]],
    ["identify", "f", [...at("f"), op.getfh()]],
    ["identify", new Uint8Array(0), [...at("f"), op.getfh()]],
    ["lookup", null, at("f")],
    ["lookup", "f", at("f")],
    ["parent", undefined, [...at("d"), op.lookupp()]],
    ["readlink", "", [...at("l"), op.readlink()]],
    ["readlink", "a\0b", [...at("l"), op.readlink()]],
    ["readlink", undefined, [...at("l"), op.readlink()]],
    ["status", undefined, [...at(), op.getattr(["space_free"])]],
    ["status", { freeBytes: -1 }, [...at(), op.getattr(["space_free"])]],
    ["write", "no", [...at("f"), op.write({ data: "x" })]],
    ["seek", 1, [...at("f"), sought]],
    ["seek", 2.5, [...at("f"), sought]],
    ["seek", "f", [...at("f"), sought]],
    ["seek", null, [...at("f"), sought]],
    ["getxattr", null, [...at("f"), op.getxattr("n")]],
    ["getxattr", "v", [...at("f"), op.getxattr("n")]],
    ["getxattr", new Uint8Array(65_537), [...at("f"), op.getxattr("n")]],
    ["listxattrs", undefined, [...at("f"), op.listxattrs()]],
    ["listxattrs", Array(4097).fill("n"), [...at("f"), op.listxattrs()]],
    ["setxattr", undefined, [...at("f"), op.setxattr("n", "v")]],
    ["removexattr", { ...change, before: -1 }, [
      ...at("f"),
      op.removexattr("n"),
    ]],
    ["remove", undefined, [...at(), op.remove("f")]],
    ["remove", { ...change, after: NaN }, [...at(), op.remove("f")]],
    ["create", { change }, [...at(), op.create({ type: 2, name: "new" })]],
    ["rename", change, [...at(), op.savefh(), op.rename("f", "g")]],
  ];
  for (const [method, value, request] of cases) {
    const what = `${method} ${Deno.inspect(value)}`;
    for (const given of [value, Promise.resolve(value)]) {
      // These two are never waited for.
      const isSync = method === "root" || method === "identify";
      if (isSync && given instanceof Promise) continue;
      const { log, lines } = errorsOnly();
      await using hostile = await fixture({ [method]: () => given }, { log });
      const { session } = hostile;
      const { status } = await session.compound(request, { expect: "any" });
      assertEquals(status, Status.IO, what);
      assertEquals(lines.map(({ call }) => call), [method], what);
    }
  }
});

Deno.test("an OPEN whose file is open stands, whatever the file system says for a delegation", async () => {
  let isOpen = false;
  let refused = 0;
  const open = () => {
    isOpen = true;
  };
  const getattr: Method = function (this: FileSystem, node: object) {
    if (!isOpen) return this.getattr(node);
    refused++;
    throw new FsError("io");
  };
  await using hostile = await fixture({ open, getattr });
  const { session } = hostile;
  // Until the server knows of the way back it does not think of one.
  for (let i = 0; i < 50 && refused === 0; i++) {
    isOpen = false;
    const { delegation } = await session.open(["h", "f"], { owner: `${i}` });
    assert(delegation.type.startsWith("none"), delegation.type);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertEquals(refused, 1);
});

Deno.test("work that begins when its end is asked for is done before the answer", async () => {
  for (const method of ["setattr", "commit", "settle"]) {
    let isDone = false;
    const lazy = () => ({
      then(resolve: () => void) {
        setTimeout(() => {
          isDone = true;
          resolve();
        }, 5);
      },
    });
    await using hostile = await fixture({ [method]: lazy });
    const at = walk(["h", "f"]);
    const request = method === "commit" ? op.commit() : op.setattr({ mode: 0 });
    await hostile.session.compound([...at, request]);
    assert(isDone, method);
  }
});
