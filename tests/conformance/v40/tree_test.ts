import { assert, assertEquals } from "@std/assert";
import {
  type DirectoryEntry,
  op,
  type Request,
  Stable,
  walk,
} from "../../support/client/mod.ts";
import { createOp, type Fixture, KINDS, startFixture } from "./fixture.ts";

const DIR = walk(["dir"]);

/** Makes folders (and with a dot in the name: symlinks) below "dir". */
async function make(fixture: Fixture, ...paths: string[]): Promise<void> {
  for (const path of paths) {
    const names = path.split("/");
    const name = names.pop()!;
    const kind = name.includes(".") ? "link" : "dir";
    await fixture.ok(...walk(["dir", ...names]), createOp(kind, name));
  }
}

function rename(from: string, to: string): Request[] {
  const [fromNames, toNames] = [from.split("/"), to.split("/")];
  const [fromName, toName] = [fromNames.pop()!, toNames.pop()!];
  return [
    ...walk(["dir", ...fromNames]),
    op.savefh(),
    ...walk(["dir", ...toNames]),
    op.rename(fromName, toName),
  ];
}

Deno.test("RENAME replaces what may be replaced, and nothing else (16.27.4)", async () => {
  await using fixture = await startFixture();
  await make(fixture, "a", "a/x", "b", "full", "full/x", "f.1", "f.2");
  const cases: [string, string, string][] = [
    ["a", "f.1", "EXIST"],
    ["f.1", "b", "EXIST"],
    ["f.1", "full", "EXIST"],
    ["a", "full", "EXIST"],
    ["a", "a/x/y", "INVAL"],
    ["f.1", "f.2", "OK"],
    ["a", "b", "OK"],
    ["b/x", "full/y", "OK"],
    ["none", "x", "NOENT"],
  ];
  for (const [from, to, status] of cases) {
    const answer = await fixture.status(...rename(from, to));
    assertEquals(answer === "NOTEMPTY" ? "EXIST" : answer, status, from + to);
  }
  assertEquals(await fixture.status(...walk(["dir", "full", "y"])), "OK");
});

Deno.test("RENAME onto itself, or onto another name of the file, does nothing (16.27.4)", async () => {
  await using fixture = await startFixture();
  await make(fixture, "a", "f.1");
  await fixture.ok(
    ...walk(["dir", "f.1"]),
    op.savefh(),
    ...DIR,
    op.link("f.2"),
  );
  for (
    const [from, to] of [["a", "a"], ["f.1", "f.1"], ["f.1", "f.2"]] as const
  ) {
    const reply = await fixture.ok(...rename(from, to));
    const { source, target } = reply.get("RENAME");
    assertEquals(source.before, source.after, from + to);
    assertEquals(target.before, target.after, from + to);
  }
  assertEquals(await fixture.status(...walk(["dir", "f.1"])), "OK");
});

Deno.test("a full folder is NOTEMPTY to REMOVE, a taken name EXIST to LINK (16.26.4, 16.9.4)", async () => {
  await using fixture = await startFixture();
  await make(fixture, "full", "full/x");
  assertEquals(await fixture.status(...DIR, op.remove("full")), "NOTEMPTY");
  const link = [...walk(["file"]), op.savefh(), ...DIR, op.link("full")];
  assertEquals(await fixture.status(...link), "EXIST");
});

Deno.test("change_info of a folder is that of GETATTR before and after (16.4.4)", async () => {
  await using fixture = await startFixture();
  const change = op.getattr(["change"]);
  const reply = await fixture.ok(
    ...DIR,
    op.savefh(),
    change,
    createOp("dir", "x"),
    op.restorefh(),
    change,
    op.remove("x"),
    change,
  );
  const [before, made, removed] = [0, 1, 2].map((i) =>
    reply.get("GETATTR", i).attributes.change
  );
  const create = reply.get("CREATE").change;
  const remove = reply.get("REMOVE").change;
  assert(create.atomic && remove.atomic);
  assertEquals([create.before, create.after], [before, made]);
  assertEquals([remove.before, remove.after], [made, removed]);
});

/** Lists "dir" part by part; which part each entry was in. */
async function list(
  fixture: Fixture,
  maxcount: number,
  dircount = 4096,
): Promise<DirectoryEntry[][]> {
  const parts: DirectoryEntry[][] = [];
  let cookie = 0n;
  let verifier = new Uint8Array(8);
  while (true) {
    const reply = await fixture.ok(
      ...DIR,
      op.readdir({ cookie, verifier, maxcount, dircount }),
    );
    const { entries, eof, verifier: next } = reply.get("READDIR");
    parts.push(entries);
    if (eof) return parts;
    cookie = entries.at(-1)!.cookie;
    verifier = next.slice();
  }
}

Deno.test("READDIR in parts of any size tells every entry once, none of them . or .. (16.24.4)", async () => {
  await using fixture = await startFixture();
  assertEquals(await list(fixture, 4096), [[]]);
  const names = Array.from({ length: 100 }, (_, i) => `dir${i}`).sort();
  await make(fixture, ...names);
  for (const maxcount of [400, 350, 300, 100, 64, 8192]) {
    for (const dircount of [0, 1, 100, 4096]) {
      const parts = await list(fixture, maxcount, dircount);
      const told = parts.flat().map(({ name }) => name).sort();
      assertEquals(told, names, `${maxcount} ${dircount}`);
      if (maxcount <= 400) assert(parts.length > 1);
    }
  }
});

Deno.test("READDIR: too small is TOOSMALL, reserved cookies are BAD_COOKIE (16.24.4)", async () => {
  await using fixture = await startFixture();
  const at = (options: Parameters<typeof op.readdir>[0]) =>
    fixture.status(...DIR, op.readdir(options));
  assertEquals(await at({ maxcount: 0 }), "TOOSMALL");
  assertEquals(await at({ maxcount: 15 }), "TOOSMALL");
  assertEquals(await at({ maxcount: 16 }), "OK");
  await make(fixture, "x");
  assertEquals(await at({ maxcount: 16 }), "TOOSMALL");
  assertEquals(await at({ cookie: 1n }), "BAD_COOKIE");
  assertEquals(await at({ cookie: 2n }), "BAD_COOKIE");
});

Deno.test("READDIR gives the attributes that are asked for, and those alone (16.24.4)", async () => {
  await using fixture = await startFixture();
  const names = ["type", "size", "filehandle", "rdattr_error"] as const;
  const reply = await fixture.ok(
    op.putrootfh(),
    op.readdir({ attributes: names }),
  );
  const { entries } = reply.get("READDIR");
  assertEquals(entries.length, KINDS.length);
  for (const { attributes, name } of entries) {
    assertEquals(Object.keys(attributes).sort(), [...names].sort());
    const found = await fixture.ok(
      op.putfh(attributes.filehandle!),
      op.getattr(["type", "size", "filehandle"]),
    );
    const { rdattr_error: error, ...rest } = attributes;
    assertEquals(error, 0);
    assertEquals(found.get("GETATTR").attributes, rest, name);
  }
});

/** As a test run begins and ends: whatever is there goes, folders from below. */
async function clear(fixture: Fixture, path: string[]): Promise<void> {
  const at = walk(path);
  const reply = await fixture.ok(...at, op.readdir());
  for (const { name } of reply.get("READDIR").entries) {
    await fixture.ok(...at, op.lookup(name), op.setattr({ mode: 0o755 }));
    const remove = [...at, op.remove(name)];
    const status = await fixture.status(...remove);
    if (status === "OK") continue;
    assertEquals(status, "NOTEMPTY", name);
    await clear(fixture, [...path, name]);
    await fixture.ok(...remove);
  }
}

Deno.test("a tree of every type is made, and cleared away, twice", async () => {
  await using fixture = await startFixture();
  for (let i = 0; i < 2; i++) {
    await clear(fixture, []);
    await makeTree(fixture);
  }
  await clear(fixture, []);
  const left = await fixture.ok(op.putrootfh(), op.readdir());
  assertEquals(left.get("READDIR").entries, []);
});

async function makeTree(fixture: Fixture): Promise<void> {
  const root = op.putrootfh();
  await fixture.ok(root, createOp("dir", "tmp"), root, createOp("dir", "tree"));
  for (const kind of KINDS) {
    if (kind === "file") continue;
    await fixture.ok(...walk(["tree"]), createOp(kind, kind));
  }
  const file = await fixture.open(["tree", "file"]);
  const { stateid, filehandle } = file;
  await fixture.ok(
    op.putfh(filehandle),
    op.write({ stateid, stable: Stable.FILE_SYNC, data: "some" }),
  );
  await fixture.close(file);
}
