import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { access } from "../../../src/engine/ops/access.ts";
import { create } from "../../../src/engine/ops/create.ts";
import { getattr } from "../../../src/engine/ops/getattr.ts";
import { link } from "../../../src/engine/ops/link.ts";
import { lookup } from "../../../src/engine/ops/lookup.ts";
import { lookupp } from "../../../src/engine/ops/lookupp.ts";
import { putrootfh } from "../../../src/engine/ops/putrootfh.ts";
import { read } from "../../../src/engine/ops/read.ts";
import { remove } from "../../../src/engine/ops/remove.ts";
import { rename } from "../../../src/engine/ops/rename.ts";
import { savefh } from "../../../src/engine/ops/savefh.ts";
import { setattr } from "../../../src/engine/ops/setattr.ts";
import { verify } from "../../../src/engine/ops/verify.ts";
import { Share } from "../../../src/nfs4/constants.ts";
import type {
  DirectoryEntry,
  FileAttributes,
  FileSystem,
  WantedAttributes,
} from "../../../src/vfs/file_system.ts";
import { Gate, waiting } from "../../robustness/fixture.ts";
import {
  anonymousStateid,
  CreateMode,
  op,
  type Request,
} from "../../support/client/mod.ts";
import { AT_FILE, type StateClient, StateFixture } from "../state_fixture.ts";
import { bits, fattr, Fixture, mode, slow } from "./fixture.ts";
import { list } from "./listing.ts";

/** nfs_ftype4 */
const DIRECTORY = 2;
const [TYPE, SIZE, HANDLE, FILEID, MOUNTED_ON] = [1, 4, 19, 20, 55];

/** An author's file system that notes what it is asked for, and what its entries come with. */
class Asked {
  readonly fs: FileSystem;
  /** Of each `getattr`. */
  readonly got: string[][] = [];
  /** Of each `readdir`. */
  readonly listed: string[][] = [];

  constructor(attributesOf?: (node: object) => FileAttributes | undefined) {
    const inner = memory({ a: "one", b: {} }) as FileSystem;
    const own: Partial<FileSystem> = {
      getattr: (node, wanted) => {
        this.got.push(namesOf(wanted));
        return inner.getattr(node);
      },
      readdir: (directory, cookie, limit, wanted) => {
        this.listed.push(namesOf(wanted));
        const page = inner.readdir(directory, cookie, limit);
        if (page instanceof Promise) throw new Error("memory does not wait");
        const entries = page.entries.map((
          { name, cookie, node },
        ): DirectoryEntry<object> => ({
          name,
          cookie,
          node,
          attributes: node && attributesOf?.(node),
        }));
        return { entries, end: page.end };
      },
    };
    this.fs = new Proxy(inner, {
      get: (target, key) => {
        const value = Reflect.get(own, key) ?? Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** At the root, what was asked until then forgotten. */
  async at(path = "/") {
    const compound = await new Fixture({
      path: "/",
      fs: this.fs,
      squash: "none",
    }).at(path);
    this.got.length = 0;
    return compound;
  }
}

function namesOf(wanted: WantedAttributes | undefined): string[] {
  return wanted === undefined
    ? ["everything"]
    : Object.entries(wanted).filter(([, is]) => is).map(([name]) => name);
}

Deno.test("GETATTR asks a file system for what the client asks for, and no more", async () => {
  for (
    const [numbers, names] of [
      [[TYPE], ["type"]],
      [[3], ["change"]],
      [[SIZE, 45], ["size", "used"]],
      [[33, 36, 37], ["mode", "uid", "gid"]],
      [[HANDLE, 8], []],
      [[MOUNTED_ON], ["type", "fileid"]],
      // Whether it is supported shows in whether it is there.
      [[0], ["birthtime"]],
    ] as const
  ) {
    const asked = new Asked();
    const compound = await asked.at("a");
    await compound.ok(getattr, bits(...numbers));
    assertEquals(asked.got, [[...names]], `${numbers}`);
  }
});

Deno.test("who may do what is found out without the rest", async () => {
  const asked = new Asked();
  const compound = await asked.at();
  const rights = ["type", "mode", "uid", "gid"];
  await compound.ok(lookup, (xdr) => xdr.string("a"));
  await compound.ok(access, (xdr) => xdr.uint32(1));
  await compound.ok(read, (xdr) => {
    // A special stateid.
    xdr.opaqueFixed(new Uint8Array(16));
    xdr.uint64Number(0);
    xdr.uint32(1);
  });
  assertEquals(asked.got, [rights, rights, rights]);
});

Deno.test("REMOVE, RENAME, LINK and LOOKUPP ask for rights, and for the number of names of what goes", async () => {
  const rights = ["type", "mode", "uid", "gid"];
  const entry = ["type", "mode", "nlink", "uid", "gid"];
  const asked = new Asked();
  const compound = await asked.at();
  await compound.ok(savefh);
  await compound.ok(rename, (xdr) => {
    xdr.string("a");
    xdr.string("c");
  });
  assertEquals(asked.got.splice(0), [rights, rights, entry]);
  await compound.ok(lookup, (xdr) => xdr.string("c"));
  await compound.ok(savefh);
  await compound.ok(putrootfh);
  asked.got.length = 0;
  await compound.ok(link, (xdr) => xdr.string("d"));
  assertEquals(asked.got.splice(0), [rights, rights]);
  await compound.ok(remove, (xdr) => xdr.string("d"));
  assertEquals(asked.got.splice(0), [rights, entry]);
  await compound.ok(lookup, (xdr) => xdr.string("b"));
  asked.got.length = 0;
  await compound.ok(lookupp);
  assertEquals(asked.got, [rights]);
});

Deno.test("CREATE, SETATTR and READDIR ask for rights, and for what tells which attributes there are", async () => {
  const asked = new Asked();
  const rights = ["type", "mode", "uid", "gid", "birthtime"];
  const compound = await asked.at();
  await compound.ok(create, (xdr) => {
    xdr.uint32(DIRECTORY);
    xdr.string("c");
    fattr(xdr, [mode(0o700)]);
  });
  assertEquals(asked.got.splice(0), [rights]);
  await compound.ok(setattr, (xdr) => {
    xdr.opaqueFixed(new Uint8Array(16));
    fattr(xdr, [mode(0o755)]);
  });
  assertEquals(asked.got.splice(0), [rights]);
  await list(compound);
  assertEquals(asked.got, [rights]);
});

Deno.test("VERIFY asks for what it compares", async () => {
  const asked = new Asked();
  const compound = await asked.at("a");
  const known = await compound.status(
    verify,
    (xdr) => fattr(xdr, [mode(0o644)]),
  );
  assertEquals(known, "NFS4_OK");
  assertEquals(asked.got, [["mode"]]);
});

Deno.test("READDIR says what it will ask of the entries, and then asks for that", async () => {
  const asked = new Asked();
  await list(await asked.at(), { attributes: [SIZE, FILEID, HANDLE] });
  assertEquals(asked.listed, [["size", "fileid"]]);
  assertEquals(asked.got.slice(1), [["size", "fileid"], ["size", "fileid"]]);
});

Deno.test("READDIR of names alone wants nothing", async () => {
  const asked = new Asked();
  await list(await asked.at());
  assertEquals(asked.listed, [[]]);
  assertEquals(asked.got.length, 1, "of the folder alone");
});

Deno.test("entries that come with their attributes are not asked for them", async () => {
  const some = memory({ a: "" });
  const attributes = { ...some.getattr(some.root()), size: 77 };
  for (const wrap of [(fs: FileSystem) => fs, slow]) {
    const asked = new Asked(() => attributes);
    const fs = wrap(asked.fs);
    const root = await new Fixture({ path: "/", fs, squash: "none" }).at("/");
    asked.got.length = 0;
    const listed = await list(root, { attributes: [SIZE] });
    assertEquals(listed.attributes.map((each) => each.uint64Number()), [
      77,
      77,
    ]);
    assertEquals(asked.got.length, 1, "of the folder alone");
  }
});

Deno.test("an entry without attributes is asked for them, whatever others have", async () => {
  const some = memory({ a: "" });
  const attributes = { ...some.getattr(some.root()), size: 77 };
  let count = 0;
  const asked = new Asked(() => count++ === 0 ? undefined : attributes);
  const listed = await list(await asked.at(), { attributes: [SIZE] });
  assertEquals(listed.attributes.map((each) => each.uint64Number()), [3, 77]);
  assertEquals(asked.got.length, 2, "of the folder and one entry");
});

Deno.test("where another file system is mounted, READDIR shows its root and not what it covers", async () => {
  const asked = new Asked();
  const fixture = new Fixture({ path: "/here", fs: asked.fs, squash: "none" });
  const listed = await list(await fixture.at("/"), {
    attributes: [FILEID, MOUNTED_ON],
  });
  const [fileid, covered] = [
    listed.attributes[0]!.uint64Number(),
    listed.attributes[0]!.uint64Number(),
  ];
  assertEquals(fileid, 1, "the root of memory");
  assertEquals(covered === fileid, false);
  assertEquals(asked.got, [["type", "fileid"]]);
});

// While a file system takes its time to change a file, no OPEN gets what the change can't be beside.

const { ACCESS_READ, ACCESS_WRITE, DENY_READ, DENY_WRITE } = Share;
const truncating = {
  create: { mode: CreateMode.UNCHECKED, attributes: { size: 0n } },
  owner: "truncating",
};

/** Clients of a file system that holds back `method`, and the gate that it does so at. */
async function held(method: string, minor: 0 | 1 | 2) {
  const gate = new Gate(method);
  const fs = waiting(memory({ file: "content" }), gate.hold);
  const fixture = new StateFixture({ fs });
  return {
    gate,
    one: await fixture.client(minor),
    two: await fixture.client(minor),
  };
}

async function sizeFor(client: StateClient): Promise<bigint | undefined> {
  const got = await client.ok("GETATTR", ...AT_FILE, op.getattr(["size"]));
  return got.attributes.size;
}

for (const minor of [0, 1, 2] as const) {
  for (
    const [what, own, other] of [
      ["denies to write", {}, { deny: DENY_WRITE }],
      ["reads what is denied", { deny: DENY_READ }, { access: ACCESS_READ }],
    ] as const
  ) {
    Deno.test(`NFSv4.${minor}: in the middle of an OPEN that truncates, one that ${what} is put off (RFC 8881 9.7)`, async () => {
      const { gate, one, two } = await held("setattr", minor);
      gate.shut();
      const options = { ...truncating, access: ACCESS_WRITE, seqid: 1 };
      const opened = one.openStatus("file", { ...options, ...own });
      await gate.reached();
      const asked = { access: ACCESS_READ, ...other };
      const open = (seqid: number) =>
        two.openStatus("file", { ...asked, owner: `${seqid}`, seqid });
      assertEquals(await open(1), "DELAY");
      gate.open();
      assertEquals(await opened, "OK");
      assertEquals(await open(2), "SHARE_DENIED");
    });
  }

  Deno.test(`NFSv4.${minor}: an OPEN that is refused for its shares has cut nothing`, async () => {
    const { gate, one, two } = await held("setattr", minor);
    gate.shut();
    const refused = { ...truncating, access: ACCESS_READ, seqid: 1 };
    const opened = one.openStatus("file", {
      ...refused,
      deny: DENY_WRITE,
    });
    await gate.reached();
    assertEquals(await two.openStatus("file", refused), "DELAY");
    gate.open();
    assertEquals(await opened, "OK");
    await one.call(...AT_FILE, op.write({ data: "x", stable: 2 }));
    assertEquals(await two.openStatus("file", refused), "SHARE_DENIED");
  });
}

const CHANGES: readonly [string, string, Request][] = [
  ["SETATTR of the size", "setattr", op.setattr({ size: 1n })],
  [
    "WRITE",
    "write",
    op.write({ stateid: anonymousStateid, data: "xx", stable: 2 }),
  ],
];

for (const [what, method, request] of CHANGES) {
  Deno.test(`in the middle of a ${what} under no open, an OPEN that denies it is put off`, async () => {
    const { gate, one, two } = await held(method, 1);
    gate.shut();
    const changed = one.status(...AT_FILE, request);
    await gate.reached();
    const open = (deny: number) =>
      two.openStatus("file", { access: ACCESS_READ, deny });
    assertEquals(await open(DENY_WRITE), "DELAY");
    assertEquals(await open(Share.DENY_NONE), "OK");
    gate.open();
    assertEquals(await changed, "OK");
    assertEquals(await open(DENY_WRITE), "OK");
    assertEquals(await one.status(...AT_FILE, request), "LOCKED");
  });

  Deno.test(`in the middle of an OPEN that truncates and denies it, a ${what} under no open is put off`, async () => {
    const { gate, one, two } = await held("setattr", 1);
    gate.shut();
    const deny = DENY_WRITE;
    const opened = one.openStatus("file", { ...truncating, deny });
    await gate.reached();
    assertEquals(await two.status(...AT_FILE, request), "DELAY");
    gate.open();
    assertEquals(await opened, "OK");
    assertEquals(await sizeFor(two), 0n);
    assertEquals(await two.status(...AT_FILE, request), "LOCKED");
  });
}
