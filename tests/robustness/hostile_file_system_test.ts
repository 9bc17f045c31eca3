import { assert, assertEquals } from "@std/assert";
import { type FileSystem, FsError, memory, serve } from "../../mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import {
  op,
  openSession,
  type Request,
  type Session,
  walk,
} from "../support/client/mod.ts";

const SECRET = 0x5e;
const SIZE = 65_536;
const uncached = { cacheThis: false };

type Method = (this: FileSystem, ...args: never[]) => unknown;

/** A tree of secrets beside one file system whose methods are not all its own. */
async function ground(changed: Record<string, Method>) {
  const secret = memory({ secret: new Uint8Array(SIZE).fill(SECRET) });
  const inner = memory({ f: "content", d: { e: "" } }) as FileSystem;
  // As one of an implementor: it says nothing of itself.
  const fs = new Proxy(inner, {
    has: (target, name) => typeof name === "string" && name in target,
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
  }], { port: 0 });
  const session = await openSession({ port: server.port });
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

function readAll(session: Session, count = SIZE) {
  const request = [...walk(["h", "f"]), op.read({ count })];
  return session.compound(request, uncached);
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
    await using hostile = await ground({ read });
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
    await using hostile = await ground({ read });
    const request = [...walk(["h", "f"]), op.read({ count: 10 })];
    await hostile.session.expectStatus(Status.IO, request);
  }
});

Deno.test("entries without a name that can be asked for are not listed", async () => {
  const names = ["", ".", "..", "a/b", "a\0b", undefined, 5, "good"];
  const readdir = () => ({
    entries: names.map((name, i) => ({ name, cookie: i + 1 })),
    end: true,
  });
  await using hostile = await ground({ readdir });
  const reply = await hostile.session.compound([
    ...walk(["h"]),
    op.readdir({ attributes: [] }),
  ]);
  const { entries } = reply.get("READDIR");
  assertEquals(entries.map(({ name }) => name), ["good"]);
});

Deno.test("cookies that are none, or lead nowhere, are IO", async () => {
  for (const cookie of [0, -1, NaN, 1.5, 2 ** 60, "1", undefined, null]) {
    const readdir = () => ({ entries: [{ name: "a", cookie }], end: false });
    await using hostile = await ground({ readdir });
    await hostile.session.expectStatus(Status.IO, [
      ...walk(["h"]),
      op.readdir({ attributes: [] }),
    ]);
  }
  // The same page for ever, of entries that are gone.
  const readdir = () => ({ entries: [{ name: "a", cookie: 1 }], end: false });
  await using hostile = await ground({ readdir, lookup: () => undefined });
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

/** Uses of every method of a file system. */
function work(): readonly (readonly Request[])[] {
  const at = (...names: string[]) => walk(["h", ...names]);
  return [
    [...at("f"), op.getattr(["type", "size", "mode", "change", "time_modify"])],
    [...at("f"), op.read({ count: 100 })],
    [...at("f"), op.write({ data: "x" })],
    [...at("f"), op.commit()],
    [...at("f"), op.setattr({ mode: 0o600 })],
    [...at("d"), op.lookupp()],
    [...at(), op.getattr(["space_free"])],
    [...at(), op.readdir({ attributes: ["type", "fileid"] })],
    [...at(), op.create({ type: 2, name: "new" })],
    [...at("f"), op.savefh(), ...at(), op.link("linked")],
    [...at(), op.savefh(), op.rename("f", "g")],
    [...at(), op.remove("g")],
  ];
}

Deno.test("whatever a file system returns or throws, its client is answered and the others are served", async () => {
  const methods = [
    "getattr",
    "lookup",
    "parent",
    "readdir",
    "read",
    "status",
    "setattr",
    "write",
    "commit",
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
    let make = garbage[0];
    await using hostile = await ground({ [method]: () => make() });
    const { session } = hostile;
    for (const [i, other] of garbage.entries()) {
      make = other;
      for (const requests of work()) {
        await session.compound(requests, { expect: "any" });
      }
      await hostile.soil();
      assertEquals(session.client.connection.isOpen, true, `${method} ${i}`);
    }
  }
  globalThis.removeEventListener("unhandledrejection", note);
  assertEquals(lost, []);
});
