/** While a file is being changed no other client is given what the change would have to recall. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { eventually, Fixture } from "../backchannel/fixture.ts";
import {
  anonymousStateid,
  op,
  openRequests,
  type Request,
  type Session,
  walk,
} from "../support/client/mod.ts";

const READ = 1;
const WRITE = 2;
const WANT_READ = 0x100;
const WANT_WRITE = 0x200;
const UNCHECKED = 0;

type Method =
  | "create"
  | "setattr"
  | "write"
  | "setxattr"
  | "removexattr"
  | "remove"
  | "rename"
  | "link"
  | "getattr";

/** A file system of which one call waits at a gate: the first of a method that it is told. */
function gated() {
  const inner = memory({ f: "old", q: "other" }) as FileSystem;
  const gate = Promise.withResolvers<void>();
  const came = Promise.withResolvers<void>();
  let closed: Method | undefined;
  const fs = new Proxy(inner, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (key !== closed) return value.apply(target, args);
        closed = undefined;
        came.resolve();
        return gate.promise.then(() => value.apply(target, args));
      };
    },
  });
  return {
    fs,
    close: (method: Method) => closed = method,
    came: came.promise,
    open: gate.resolve,
  };
}

/** The delegation that comes with an OPEN which asks for one. */
async function asked(session: Session, access: number): Promise<string> {
  const { delegation } = await session.open(["f"], { access });
  return delegation.type;
}

const CHANGES: readonly [
  string,
  Method,
  (file: Uint8Array, session: Session) => readonly Request[],
][] = [
  ["SETATTR of the size", "setattr", (file) => [
    op.putfh(file),
    op.setattr({ size: 1n }),
  ]],
  ["SETATTR of the mode", "setattr", (file) => [
    op.putfh(file),
    op.setattr({ mode: 0o600 }),
  ]],
  ["WRITE", "write", (file) => [
    op.putfh(file),
    op.write({ stateid: anonymousStateid, data: "new", stable: 2 }),
  ]],
  ["SETXATTR", "setxattr", (file) => [
    op.putfh(file),
    op.setxattr("m", "v"),
  ]],
  ["REMOVEXATTR", "removexattr", (file) => [
    op.putfh(file),
    op.removexattr("n"),
  ]],
  ["REMOVE", "remove", () => [op.putrootfh(), op.remove("f")]],
  ["RENAME", "rename", () => [
    op.putrootfh(),
    op.savefh(),
    op.rename("f", "g"),
  ]],
  ["RENAME over it", "rename", () => [
    op.putrootfh(),
    op.savefh(),
    op.rename("q", "f"),
  ]],
  ["LINK", "link", (file) => [
    op.putfh(file),
    op.savefh(),
    op.putrootfh(),
    op.link("g"),
  ]],
  [
    "OPEN that truncates",
    "setattr",
    (_file, { client: { clientid } }) =>
      openRequests(["f"], {
        clientid,
        access: WRITE,
        create: { mode: UNCHECKED, attributes: { size: 0n } },
      }),
  ],
];

for (const [what, method, requests] of CHANGES) {
  Deno.test(`no other client gets a delegation of a file in the middle of ${what}`, async () => {
    const { fs, close, came, open } = gated();
    await using fixture = await Fixture.open({ served: fs });
    const [reader, changer] = [
      await fixture.session(),
      await fixture.session({ minorVersion: 2 }),
    ];
    const found = await changer.compound([
      ...walk(["f"]),
      op.setxattr("n", "v"),
      op.getfh(),
    ]);
    const { filehandle } = found.get("GETFH");
    close(method);
    const changed = changer.compound(requests(filehandle, changer));
    await came;
    assertEquals(await asked(reader, READ | WANT_READ), "none_ext");
    open();
    await changed;
    assertEquals(reader.client.callbacks.recalls, []);
  });
}

const MADE = { mode: UNCHECKED, attributes: { mode: 0o644 } };

/** The same of the folder that the files are in. */
const FOLDER_CHANGES: typeof CHANGES = [
  ["CREATE", "create", () => [
    op.putrootfh(),
    op.create({ type: 2, name: "n" }),
  ]],
  [
    "OPEN that creates",
    "create",
    (_file, { client: { clientid } }) =>
      openRequests(["n"], { clientid, access: WRITE, create: MADE }),
  ],
  ...CHANGES.filter(([, method]) =>
    method === "remove" || method === "rename" || method === "link"
  ),
];

for (const [what, method, requests] of FOLDER_CHANGES) {
  Deno.test(`no other client gets a folder in the middle of ${what}`, async () => {
    const { fs, close, came, open } = gated();
    await using fixture = await Fixture.open({ served: fs });
    const [reader, changer] = [
      await fixture.session(),
      await fixture.session(),
    ];
    const found = await changer.compound([...walk(["f"]), op.getfh()]);
    const { filehandle } = found.get("GETFH");
    const ask = async (session: Session) => {
      const asked = [op.putrootfh(), op.getDirDelegation()];
      const reply = await session.compound(asked);
      return reply.get("GET_DIR_DELEGATION").unavailable === undefined;
    };
    close(method);
    const changed = changer.compound(requests(filehandle, changer));
    await came;
    assertEquals(await ask(reader), false);
    open();
    await changed;
    assertEquals(await ask(reader), true);
    assertEquals(reader.client.callbacks.recalls, []);
  });
}

Deno.test("what another client gets while a WRITE looks at its rights is recalled", async () => {
  const { fs, close, came, open } = gated();
  await using fixture = await Fixture.open({ served: fs });
  const [reader, changer] = [await fixture.session(), await fixture.session()];
  close("getattr");
  const data = op.write({ stateid: anonymousStateid, data: "new" });
  const written = changer.expectStatus(Status.DELAY, [...walk(["f"]), data]);
  await came;
  assertEquals(await asked(reader, READ | WANT_READ), "read");
  open();
  await written;
  await eventually(
    "a recall",
    () => reader.client.callbacks.recalls.length > 0,
  );
});

Deno.test("a change that has ended, well or not, stands in no client's way", async () => {
  const { fs, close, came, open } = gated();
  await using fixture = await Fixture.open({ served: fs });
  const [reader, changer] = [await fixture.session(), await fixture.session()];
  close("setattr");
  const changed = changer.compound([
    ...walk(["f"]),
    op.setattr({ mode: 0o600 }),
  ]);
  await came;
  open();
  await changed;
  assertEquals(await asked(reader, READ | WANT_READ), "read");
});

Deno.test("what a client changes itself keeps no delegation from it", async () => {
  const { fs, close, came, open } = gated();
  await using fixture = await Fixture.open({ served: fs });
  const session = await fixture.session();
  close("setattr");
  const opened = session.open(["f"], {
    access: WRITE | WANT_WRITE,
    create: { mode: UNCHECKED, attributes: { size: 0n } },
  });
  await came;
  open();
  assertEquals((await opened).delegation.type, "write");
});
