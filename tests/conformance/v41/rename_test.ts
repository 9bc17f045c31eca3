/** RENAME of every type, onto every type, to and from every name. */

import { assertEquals } from "@std/assert";
import { Status, type StatusCode } from "../../../src/nfs4/constants.ts";
import {
  type CompoundReply,
  op,
  type Session,
  walk,
} from "../../support/client/mod.ts";
import { Fixture, makeFolder, objectTypes } from "./fixture.ts";

type Path = readonly string[];

/** RENAME of one path to another, whatever becomes of it. */
function rename(
  session: Session,
  from: Path,
  to: Path,
): Promise<CompoundReply> {
  return session.expectStatus("any", [
    ...walk(from.slice(0, -1)),
    op.savefh(),
    ...walk(to.slice(0, -1)),
    op.rename(from.at(-1)!, to.at(-1)!),
  ]);
}

Deno.test("RENAME moves an object of any type to another folder (RFC 8881 18.26.3)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  await fixture.makeObjects(session, "here");
  await session.compound([op.putrootfh(), makeFolder("there")]);
  for (const name of [...Object.keys(objectTypes), "file"]) {
    const moved = await rename(session, ["here", name], ["there", "new"]);
    assertEquals(moved.status, Status.OK, name);
    const find = (path: Path) => session.expectStatus("any", walk(path));
    assertEquals((await find(["here", name])).status, Status.NOENT);
    assertEquals((await find(["there", "new"])).status, Status.OK);
    await session.compound([...walk(["there"]), op.remove("new")]);
  }
});

Deno.test("RENAME from and into what is no folder is NOTDIR, in a link SYMLINK or NOTDIR (RFC 8881 18.26.4)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  await fixture.makeObjects(session, "tree");
  const { NOTDIR, SYMLINK } = Status;
  for (const name of ["file", "link", "block", "char", "fifo", "socket"]) {
    const saved = [op.savefh(), op.putrootfh(), op.rename("x", "y")];
    const current = [op.rename("tree", "y")];
    const expected = name === "link" ? [NOTDIR, SYMLINK] : NOTDIR;
    const at = walk(["tree", name]);
    await session.expectStatus(expected, [...at, ...saved]);
    await session.expectStatus(
      expected,
      [op.putrootfh(), op.savefh(), ...at, ...current],
    );
  }
});

const inHome = {
  dir: { full: { inner: {} }, empty: {} },
  file: "",
  other: "",
};
const { OK, NOENT, INVAL, BADNAME, EXIST, NOTEMPTY } = Status;
const outcomes: readonly (readonly [Path, Path, ...StatusCode[]])[] = [
  [["x"], ["y"], NOENT],
  [[""], ["y"], INVAL],
  [["file"], [""], INVAL],
  [["."], ["y"], BADNAME],
  [[".."], ["y"], BADNAME],
  [["file"], ["."], BADNAME],
  [["file"], [".."], BADNAME],
  [["dir", "empty"], ["file"], EXIST],
  [["file"], ["dir", "empty"], EXIST],
  [["file"], ["dir"], EXIST],
  [["dir", "empty"], ["dir", "full"], EXIST, NOTEMPTY],
  [["dir", "full"], ["dir", "empty"], OK],
  [["file"], ["other"], OK],
];

for (const [from, to, ...expected] of outcomes) {
  const title = `"${from.join("/")}" to "${to.join("/")}"`;
  Deno.test(`RENAME of ${title} (RFC 8881 18.26.3)`, async () => {
    await using fixture = await Fixture.open({ tree: { home: inHome } });
    const session = await fixture.session();
    const renamed = await rename(
      session,
      ["home", ...from],
      ["home", ...to],
    );
    const isExpected = expected.includes(renamed.status as StatusCode);
    assertEquals(isExpected, true, renamed.describe());
  });
}

Deno.test("RENAME of a name to itself or to the same file's other name changes no folder (RFC 8881 18.26.3)", async () => {
  await using fixture = await Fixture.open({ tree: { home: inHome } });
  const session = await fixture.session();
  const home = walk(["home"]);
  await session.compound([
    ...walk(["home", "file"]),
    op.savefh(),
    ...home,
    op.link("link"),
  ]);
  for (
    const [from, to] of [["dir", "dir"], ["other", "other"], [
      "file",
      "link",
    ]] as const
  ) {
    const reply = await rename(session, ["home", from], ["home", to]);
    const { source, target } = reply.get("RENAME");
    assertEquals(source.before, source.after);
    assertEquals(target.before, target.after);
    await session.compound(walk(["home", from]));
  }
});

Deno.test("RENAME without a saved filehandle is NOFILEHANDLE (RFC 8881 15.1.2.5)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  await session.expectStatus(Status.NOFILEHANDLE, [
    op.putrootfh(),
    op.rename("x", "y"),
  ]);
});
