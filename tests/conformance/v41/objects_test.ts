import { assert, assertEquals } from "@std/assert";
import { Status } from "../../../src/nfs4/constants.ts";
import { type StateClient, StateFixture } from "../../engine/state_fixture.ts";
import {
  type AttributeName,
  CreateMode,
  FileType,
  op,
  type Request,
  sameBytes,
  type Session,
  walk,
} from "../../support/client/mod.ts";
import { Fixture, makeFile, makeFolder, objectTypes } from "./fixture.ts";

// Objects of every type: found, put, looked up from, verified, cleared away.

const names = [...Object.keys(objectTypes), "file"];

/** REQUIRED attributes (RFC 8881 5.6) but rdattr_error, which is never given. */
const required = [
  "supported_attrs",
  "type",
  "fh_expire_type",
  "change",
  "size",
  "link_support",
  "symlink_support",
  "named_attr",
  "fsid",
  "unique_handles",
  "lease_time",
  "filehandle",
] as const satisfies readonly AttributeName[];

/** A server with objects of every type in "tree". */
async function tree(): Promise<
  AsyncDisposable & { readonly session: Session }
> {
  const fixture = await Fixture.open();
  const session = await fixture.session();
  await fixture.makeObjects(session, "tree");
  return {
    session,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

Deno.test("PUTFH takes back the handle of every type (RFC 8881 18.19.3)", async () => {
  await using fixture = await tree();
  const { session } = fixture;
  for (const name of names) {
    const found = await session.compound([...walk(["tree", name]), op.getfh()]);
    const { filehandle } = found.get("GETFH");
    const put = await session.compound([op.putfh(filehandle), op.getfh()]);
    assert(sameBytes(put.get("GETFH").filehandle, filehandle), name);
  }
  const bad = new TextEncoder().encode("abc");
  await session.expectStatus(Status.BADHANDLE, [op.putfh(bad)]);
});

Deno.test("LOOKUP and LOOKUPP want a folder: SYMLINK for a link, NOTDIR for all else (RFC 8881 18.13.4, 18.14.4)", async () => {
  await using fixture = await tree();
  const { session } = fixture;
  for (const name of names.filter((name) => name !== "dir")) {
    const expected = name === "link" ? Status.SYMLINK : Status.NOTDIR;
    const at = walk(["tree", name]);
    await session.expectStatus(expected, [...at, op.lookup("x")]);
    await session.expectStatus(expected, [...at, op.lookupp()]);
  }
});

Deno.test("LOOKUPP goes the way back that LOOKUP came, to the root and no further (RFC 8881 18.14.3)", async () => {
  await using fixture = await Fixture.open({ tree: { a: { b: { c: {} } } } });
  const session = await fixture.session();
  const steps: Request[] = [op.putrootfh(), op.getfh()];
  for (const name of ["a", "b", "c"]) steps.push(op.lookup(name), op.getfh());
  for (let i = 0; i < 3; i++) steps.push(op.lookupp(), op.getfh());
  const reply = await session.compound(steps);
  for (let i = 0; i < 3; i++) {
    const down = reply.get("GETFH", i).filehandle;
    assert(sameBytes(down, reply.get("GETFH", 6 - i).filehandle));
  }
  await session.expectStatus(Status.NOENT, [op.putrootfh(), op.lookupp()]);
  for (const request of [op.lookupp(), op.lookup("a")]) {
    await session.expectStatus(Status.NOFILEHANDLE, [request]);
  }
});

Deno.test("LOOKUP of nothing, of no name and of a long one (RFC 8881 18.13.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const outcomes = [
    ["x", Status.NOENT],
    ["", Status.INVAL],
    ["abc".repeat(512), Status.NAMETOOLONG],
  ] as const;
  for (const [name, expected] of outcomes) {
    await session.expectStatus(expected, walk([name]));
  }
});

Deno.test("VERIFY agrees with GETATTR on the required attributes of every type (RFC 8881 5.6, 18.31.3)", async () => {
  await using fixture = await tree();
  const { session } = fixture;
  for (const name of names) {
    const at = walk(["tree", name]);
    const got = await session.compound([...at, op.getattr(required)]);
    const { attributes } = got.get("GETATTR");
    assertEquals(Object.keys(attributes).sort(), [...required].sort());
    await session.compound([...at, op.verify(attributes), op.getfh()]);
    await session.expectStatus(Status.SAME, [...at, op.nverify(attributes)]);
  }
});

Deno.test("SECINFO and SECINFO_NO_NAME consume the filehandle; above the root is nothing (RFC 8881 2.6.3.1.1.8, 18.45.3)", async () => {
  await using fixture = await Fixture.open({ tree: { home: { file: "" } } });
  const session = await fixture.session({ reclaimComplete: false });
  const home = walk(["home"]);
  const consuming = [
    [...home, op.secinfo("file")],
    [op.putrootfh(), op.secinfoNoName(0)],
    [...home, op.secinfoNoName(1)],
  ];
  for (const requests of consuming) {
    await session.compound(requests);
    const more = [...requests, op.getfh()];
    await session.expectStatus(Status.NOFILEHANDLE, more);
  }
  const above = [op.putrootfh(), op.secinfoNoName(1)];
  await session.expectStatus(Status.NOENT, above);
});

Deno.test("a tree of every type is cleared: mode set on each, full folders emptied first", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  await session.compound([op.putrootfh(), makeFolder("home")]);
  await fixture.makeObjects(session, "home/tree".slice(5));
  await makeFile(session, ["tree", "dir", "inner"]);
  await clear(session, []);
  const reply = await session.compound([op.putrootfh(), op.readdir()]);
  assertEquals(reply.get("READDIR").entries, []);
});

/** Removes all that a folder has, as somebody does who knows nothing of it. */
async function clear(session: Session, path: readonly string[]): Promise<void> {
  const listed = await session.compound([
    ...walk(path),
    op.readdir({ dircount: 4096, maxcount: 4096 }),
  ]);
  const { entries, eof } = listed.get("READDIR");
  assert(eof);
  for (const { name } of entries) {
    await session.compound([
      ...walk([...path, name]),
      op.setattr({ mode: 0o755 }),
    ]);
    const remove = [...walk(path), op.remove(name)];
    const removed = await session.expectStatus("any", remove);
    if (removed.status === Status.OK) continue;
    assertEquals(removed.status, Status.NOTEMPTY, name);
    await clear(session, [...path, name]);
    await session.compound(remove);
  }
}

// What each type of the current filehandle answers to an operation that is not for it.

type Kind = keyof typeof objectTypes | "file";
type Answers = Partial<Record<Kind, string>>;

/** All but folders. */
function noFolder(other: string, link = other): Answers {
  const rest = { socket: other, fifo: other, block: other, char: other };
  return { file: other, link, ...rest };
}

// RFC 8881 15.1.2.3, 15.1.2.7, 15.1.2.9
const notFile: Answers = { ...noFolder("WRONG_TYPE", "SYMLINK"), dir: "ISDIR" };
delete notFile.file;
const notLink: Answers = { ...noFolder("WRONG_TYPE"), dir: "WRONG_TYPE" };
delete notLink.link;
const notDir = noFolder("NOTDIR");
/** Where a symlink on the way is the client's to follow. */
const onTheWay = noFolder("NOTDIR", "SYMLINK");
const noSize: Answers = { ...noFolder("WRONG_TYPE"), dir: "WRONG_TYPE" };
delete noSize.file;

const create = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };
const made = op.create({ type: FileType.DIR, name: "x" });
const ROOT = op.putrootfh();

/** An operation's request behind a walk to the object, and what it answers where it is not OK. */
const cases: Record<
  string,
  readonly [(at: Request[], client: StateClient) => Request[], Answers]
> = {
  READ: [(at) => [...at, op.read()], notFile],
  WRITE: [(at) => [...at, op.write({ data: "x" })], notFile],
  COMMIT: [(at) => [...at, op.commit()], notFile],
  LOCKT: [
    (at, client) => [...at, op.lockt({ owner: client.owner("tester") })],
    notFile,
  ],
  "SETATTR of a size": [(at) => [...at, op.setattr({ size: 0n })], noSize],
  READLINK: [(at) => [...at, op.readlink()], notLink],
  LOOKUP: [(at) => [...at, op.lookup("x")], onTheWay],
  LOOKUPP: [(at) => [...at, op.lookupp()], onTheWay],
  "OPEN by name": [(at, client) => [...at, client.openOp("x")], onTheWay],
  "OPEN that creates": [
    (at, client) => [...at, client.openOp("x", { create })],
    onTheWay,
  ],
  "OPEN by filehandle": [
    (at, client) => [...at, client.openOp("", { claim: { claim: "fh" } })],
    notFile,
  ],
  READDIR: [(at) => [...at, op.readdir()], notDir],
  SECINFO: [(at) => [...at, op.secinfo("x")], notDir],
  "SECINFO_NO_NAME of the parent": [
    (at) => [...at, op.secinfoNoName(1)],
    notDir,
  ],
  CREATE: [(at) => [...at, made], notDir],
  REMOVE: [(at) => [...at, op.remove("x")], notDir],
  "LINK into it": [
    (at) => [...walk(["file"]), op.savefh(), ...at, op.link("x")],
    notDir,
  ],
  "RENAME out of it": [
    (at) => [...at, op.savefh(), ROOT, op.rename("x", "y")],
    notDir,
  ],
  "RENAME into it": [
    (at) => [ROOT, op.savefh(), ...at, op.rename("file", "y")],
    notDir,
  ],
};

for (const minor of [1, 2] as const) {
  for (const [name, [requests, answers]] of Object.entries(cases)) {
    Deno.test(`NFSv4.${minor}: ${name} of what it is not for (RFC 8881 15.1.2)`, async () => {
      const fixture = new StateFixture({ tree: { file: "text" } });
      const client = await fixture.client(minor);
      for (const [kind, type] of Object.entries(objectTypes)) {
        const device = { major: 1, minor: 2 };
        const options = { type, name: kind, link: "/nowhere", device };
        await client.ok("CREATE", ROOT, op.create(options));
      }
      for (const [kind, status] of Object.entries(answers)) {
        const ops = requests(walk([kind]), client);
        assertEquals(await client.status(...ops), status, kind);
      }
    });
  }
}
