import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { type FileSystem, FsError } from "../../src/vfs/mod.ts";
import { waiting } from "../robustness/fixture.ts";
import {
  bytesOf,
  CreateMode,
  op,
  type Request,
  walk,
} from "../support/client/mod.ts";
import { StateFixture } from "./state_fixture.ts";

const WRITE = 2;
const { UNCHECKED, GUARDED, EXCLUSIVE } = CreateMode;
const MINORS = [0, 1] as const;

/** A file system, and whether the file of a name that is looked up next is removed right after. */
function removing() {
  const inner = memory({ file: "content", other: "" });
  const { lookup, getattr, remove } = inner;
  const own = { isArmed: false, fs: inner as FileSystem };
  const gone = new Set<object>();
  Object.assign(inner, {
    lookup(...[folder, name]: Parameters<typeof lookup>) {
      const node = lookup.call(inner, folder, name);
      if (own.isArmed && node !== undefined && name === "file") {
        own.isArmed = false;
        remove.call(inner, folder, name);
        gone.add(node);
      }
      return node;
    },
    getattr(node: Parameters<typeof getattr>[0]) {
      if (gone.has(node)) throw new FsError("stale");
      return getattr.call(inner, node);
    },
  });
  return own;
}

const create = (mode: number) => ({ mode, verifier: bytesOf("verifier") });
const truncating = { mode: UNCHECKED, attributes: { size: 0n } } as const;
const rename = (from: string, to: string): Request[] => [
  op.putrootfh(),
  op.savefh(),
  op.rename(from, to),
];

for (const minor of MINORS) {
  for (
    const [what, options, then] of [
      ["OPEN", {}, "NOENT"],
      ["OPEN for writing", { access: WRITE }, "NOENT"],
      ["OPEN (UNCHECKED4)", { create: create(UNCHECKED) }, "OK"],
      ["OPEN (UNCHECKED4) of size 0", { create: truncating }, "OK"],
    ] as const
  ) {
    Deno.test(`NFSv4.${minor}: ${what} of a name that goes meanwhile is DELAY, not STALE of the folder, then ${then}`, async () => {
      for (const wrap of [(fs: FileSystem) => fs, waiting]) {
        const own = removing();
        const fs = wrap(own.fs);
        const client = await new StateFixture({ fs }).client(minor);
        const open = (seqid: number) =>
          client.openStatus("file", { ...options, seqid });
        own.isArmed = true;
        assertEquals(await open(1), "DELAY");
        assertEquals(await open(2), then);
      }
    });
  }

  for (
    const [what, requests, then] of [
      ["REMOVE", [op.putrootfh(), op.remove("file")], "NOENT"],
      ["RENAME", rename("file", "new"), "NOENT"],
      ["RENAME onto a file", rename("other", "file"), "OK"],
    ] as const
  ) {
    Deno.test(`NFSv4.${minor}: ${what} of a name that goes meanwhile is DELAY, not STALE of the folder, then ${then}`, async () => {
      for (const wrap of [(fs: FileSystem) => fs, waiting]) {
        const own = removing();
        const fs = wrap(own.fs);
        const client = await new StateFixture({ fs }).client(minor);
        own.isArmed = true;
        assertEquals(await client.status(...requests), "DELAY");
        assertEquals(await client.status(...requests), then);
      }
    });
  }

  Deno.test(`NFSv4.${minor}: a file that goes while it is opened is DELAY by its name, STALE by its filehandle`, async () => {
    const fs = memory({ file: "" });
    let isGoing = true;
    const open = () => {
      if (!isGoing) return;
      isGoing = false;
      fs.remove(fs.root(), "file");
      throw new FsError("stale");
    };
    Object.assign(fs, { open });
    const client = await new StateFixture({ fs }).client(minor);
    const byName = (seqid: number) =>
      client.openStatus("file", { create: create(UNCHECKED), seqid });
    assertEquals([await byName(1), await byName(2)], ["DELAY", "OK"]);
    if (minor === 0) return;
    isGoing = true;
    const claim = { claim: "fh" } as const;
    const byHandle = client.openOp("", { claim, owner: "other" });
    assertEquals(await client.status(...walk(["file"]), byHandle), "STALE");
  });

  Deno.test(`NFSv4.${minor}: a file system that has what a name stands for "stale" is believed`, async () => {
    const fs = memory({ file: "" });
    const { getattr } = fs;
    const file = fs.lookup(fs.root(), "file");
    fs.getattr = (node) => {
      if (node === file) throw new FsError("stale");
      return getattr.call(fs, node);
    };
    const client = await new StateFixture({ fs }).client(minor);
    assertEquals(await client.openStatus("file", { seqid: 1 }), "STALE");
    const remove = [op.putrootfh(), op.remove("file")];
    assertEquals(await client.status(...remove), "STALE");
  });

  Deno.test(`NFSv4.${minor}: a name that came and went while an OPEN would make it is no EXIST, but to who wants none to be there`, async () => {
    for (
      const [mode, first] of [
        [UNCHECKED, "DELAY"],
        [GUARDED, "EXIST"],
        [EXCLUSIVE, "EXIST"],
      ] as const
    ) {
      const fs = memory({});
      const { create: make } = fs;
      let isTaken = true;
      fs.create = (...args) => {
        if (!isTaken) return make.apply(fs, args);
        isTaken = false;
        throw new FsError("exists");
      };
      const client = await new StateFixture({ fs }).client(minor);
      const open = (seqid: number) =>
        client.openStatus("new", { create: create(mode), seqid });
      assertEquals([await open(1), await open(2)], [first, "OK"]);
    }
  });
}

const OWNER = 1001;
const OTHER = 1002;

/** What LINK of an owner's file of this mode into a folder for all is answered with. */
async function link(
  fs: FileSystem,
  { minor, uid, mode }: { minor: 0 | 1 | 2; uid: number; mode: number },
): Promise<string> {
  const fixture = new StateFixture({ fs });
  const root = await fixture.client(1);
  const set = (name: string, mode: number) =>
    root.ok("SETATTR", ...walk([name]), op.setattr({ mode }));
  await root.ok(
    "SETATTR",
    ...walk(["file"]),
    op.setattr({ owner: `${OWNER}` }),
  );
  await set("file", mode);
  await set("folder", 0o777);
  const client = await fixture.client(minor, { uid });
  return await client.status(
    ...walk(["file"]),
    op.savefh(),
    ...walk(["folder"]),
    op.link("kept"),
  );
}

/** A tree that users of the host work in too, as the folder of `local` is. */
function shown(): FileSystem {
  const folder = { path: "/srv/work", isShown: true };
  return Object.assign(plain(), { folder });
}

const plain = () => memory({ file: "content", folder: {} }) as FileSystem;

for (const minor of [0, 1, 2] as const) {
  Deno.test(`NFSv4.${minor}: in a folder of the host LINK keeps no file for who may not change it`, async () => {
    for (const mode of [0o644, 0o4777, 0o2777]) {
      const of = (uid: number) => ({ minor, uid, mode });
      assertEquals(await link(shown(), of(OTHER)), "ACCESS");
      assertEquals(await link(shown(), of(OWNER)), "OK");
      assertEquals(await link(shown(), of(0)), "OK");
      // No user of the host has anything to do with these.
      assertEquals(await link(plain(), of(OTHER)), "OK");
    }
    const shared = { minor, uid: OTHER, mode: 0o666 };
    assertEquals(await link(shown(), shared), "OK");
  });
}
