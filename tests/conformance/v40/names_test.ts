import { assertEquals } from "@std/assert";
import {
  bytesOf,
  type Component,
  CreateMode,
  op,
  type Request,
  walk,
} from "../../support/client/mod.ts";
import { createOp, type Fixture, startFixture } from "./fixture.ts";

/** Bytes that are no UTF-8 (RFC 3629 3, 4). */
const NO_UTF8: readonly number[][] = [
  // What continues, at the beginning, and what UTF-8 has not at all.
  [0x80],
  [0xbf],
  [0xfe],
  [0xff],
  // What starts and does not go on, for each length there ever was.
  ...[0xc2, 0xdf, 0xe1, 0xef, 0xf1, 0xf7, 0xf9, 0xfb, 0xfc, 0xfd].map((
    start,
  ) => [start, 0x20]),
  [0x61, 0xe2, 0x82],
  [0xc2, 0xc2],
  [0xe1, 0xc2, 0xc2],
  // Longer than need be.
  [0xc0, 0xae],
  [0xc1, 0xbf],
  [0xe0, 0x80, 0xaf],
  [0xf0, 0x80, 0x80, 0xaf],
  [0xf8, 0x80, 0x80, 0x80, 0xaf],
  [0xfc, 0x80, 0x80, 0x80, 0x80, 0xaf],
  // Halves of UTF-16 pairs, and what is behind U+10FFFF.
  [0xed, 0xa0, 0x80],
  [0xed, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80],
];

/** What takes a name. */
const takers: [string, (fixture: Fixture, name: Component) => Request[]][] = [
  ["LOOKUP (16.13.5)", (_, name) => [op.putrootfh(), op.lookup(name)]],
  ["CREATE (16.4.6)", (_, name) => [
    op.putrootfh(),
    op.create({ type: 2, name, attributes: { mode: 0o755 } }),
  ]],
  ["REMOVE (16.26.5)", (_, name) => [op.putrootfh(), op.remove(name)]],
  ["LINK (16.9.5)", (_, name) => [
    ...walk(["file"]),
    op.savefh(),
    op.putrootfh(),
    op.link(name),
  ]],
  ["RENAME from (16.27.5)", (_, name) => [
    op.putrootfh(),
    op.savefh(),
    op.rename(name, "x"),
  ]],
  ["RENAME to (16.27.5)", (_, name) => [
    op.putrootfh(),
    op.savefh(),
    op.rename("file", name),
  ]],
  ["SECINFO (16.31.5)", (_, name) => [op.putrootfh(), op.secinfo(name)]],
  ["OPEN (16.16.6)", (fixture, name) => [
    op.putrootfh(),
    op.open({
      seqid: fixture.client.owner().seqid++,
      owner: fixture.client.owner(),
      create: { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } },
      claim: { claim: "null", name },
    }),
  ]],
];

for (const [taker, ops] of takers) {
  Deno.test(`${taker}: names that can't be (12.7, 13.1.7)`, async () => {
    await using fixture = await startFixture();
    const status = (name: Component) => fixture.status(...ops(fixture, name));
    assertEquals(await status(""), "INVAL");
    assertEquals(await status("a".repeat(256)), "NAMETOOLONG");
    assertEquals(await status("a".repeat(512)), "NAMETOOLONG");
    assertEquals(await status("."), "BADNAME");
    assertEquals(await status(".."), "BADNAME");
    assertEquals(await status("dir/x"), "BADCHAR");
    assertEquals(await status("a\0b"), "BADCHAR");
    for (const bytes of NO_UTF8) {
      const name = Uint8Array.from(bytes);
      assertEquals(await status(name), "INVAL", `${bytes}`);
    }
  });
}

Deno.test("what is not there is NOENT (13.1.4.6)", async () => {
  await using fixture = await startFixture();
  const root = op.putrootfh();
  const rename = [root, op.savefh(), op.rename("none", "x")];
  assertEquals(await fixture.status(root, op.lookup("none")), "NOENT");
  assertEquals(await fixture.status(root, op.remove("none")), "NOENT");
  assertEquals(await fixture.status(root, op.secinfo("none")), "NOENT");
  assertEquals(await fixture.status(...rename), "NOENT");
  assertEquals(await fixture.openStatus("none"), "NOENT");
});

Deno.test("a symlink to nowhere is no symlink: INVAL (16.4.6)", async () => {
  await using fixture = await startFixture();
  const empty = op.create({ type: 5, name: "l", link: "" });
  assertEquals(await fixture.status(op.putrootfh(), empty), "INVAL");
});

Deno.test("CREATE of a regular file is BADTYPE (16.4.5)", async () => {
  await using fixture = await startFixture();
  const file = op.create({ type: 1, name: "f" });
  assertEquals(await fixture.status(op.putrootfh(), file), "BADTYPE");
});

Deno.test("an opaque that is longer than the message is BADXDR (13.1.1.1)", async () => {
  await using fixture = await startFixture();
  const args = new Uint8Array(36);
  new DataView(args.buffer).setUint32(0, 0xcccccccc);
  args.set(bytesOf("a name that ends before it says"), 4);
  for (const number of [11, 15, 22, 28, 33]) {
    const status = await fixture.status(op.putrootfh(), op.raw(number, args));
    assertEquals(status, "BADXDR", `operation ${number}`);
  }
});

Deno.test("SECINFO says how each file may be asked for (16.31.5)", async () => {
  await using fixture = await startFixture();
  for (const name of ["file", "dir", "link"]) {
    const reply = await fixture.ok(op.putrootfh(), op.secinfo(name));
    const { flavors } = reply.get("SECINFO");
    assertEquals(flavors.length > 0, true);
  }
  // RFC 7530 16.31.5: the current filehandle stays, in this minor version.
  const stays = await fixture.status(
    op.putrootfh(),
    op.secinfo("file"),
    op.lookup("dir"),
  );
  assertEquals(stays, "OK");
});

Deno.test("a name may have what else UTF-8 has, and is given back as it came (12.7)", async () => {
  await using fixture = await startFixture();
  const names = [
    "ä",
    "a\u0308",
    "日本語",
    "🐟",
    "C:",
    "a b",
    "-",
    "\\",
    "x\ny",
  ];
  const inDir = walk(["dir"]);
  for (const name of names) {
    await fixture.ok(...inDir, createOp("dir", name));
  }
  const listed = await fixture.ok(...inDir, op.readdir());
  const { entries } = listed.get("READDIR");
  assertEquals(entries.map(({ name }) => name).sort(), names.toSorted());
  for (const name of names) {
    assertEquals(await fixture.status(...inDir, op.remove(name)), "OK", name);
  }
});
