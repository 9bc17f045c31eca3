import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { access } from "../../../src/engine/ops/access.ts";
import { setattr } from "../../../src/engine/ops/setattr.ts";
import type { MinorVersion } from "../../../src/nfs4/constants.ts";
import { Access } from "../../../src/nfs4/constants.ts";
import {
  type Caller,
  fattr,
  Fixture,
  memoryFixture,
  mode,
  slow,
} from "./fixture.ts";

const { READ, LOOKUP, MODIFY, EXTEND, DELETE, EXECUTE } = Access;
const ALL = READ | LOOKUP | MODIFY | EXTEND | DELETE | EXECUTE;

async function ask(
  fixture: Fixture,
  path: string,
  caller: Caller & { readonly requested?: number } = {},
): Promise<{ supported: number; granted: number }> {
  const { requested = ALL } = caller;
  const compound = await fixture.at(path, caller);
  const result = await compound.ok(access, (xdr) => xdr.uint32(requested));
  return { supported: result.uint32(), granted: result.uint32() };
}

/** A file and a folder of user 5 and group 6 with this mode. */
async function owned(value: number): Promise<Fixture> {
  const fs = memory({ file: "", folder: {} }, { uid: 5, gid: 6 });
  const fixture = new Fixture({ path: "/", fs, squash: "none" });
  for (const path of ["file", "folder"]) {
    await (await fixture.at(path)).ok(setattr, (xdr) => {
      xdr.opaqueFixed(new Uint8Array(16));
      fattr(xdr, [mode(value)]);
    });
  }
  return fixture;
}

Deno.test("ACCESS tells apart what has a meaning for the type (RFC 8881 18.1.3)", async () => {
  const fixture = await owned(0o777);
  const folder = READ | LOOKUP | MODIFY | EXTEND | DELETE;
  const file = READ | MODIFY | EXTEND | EXECUTE;
  assertEquals(await ask(fixture, "folder"), {
    supported: folder,
    granted: folder,
  });
  assertEquals(await ask(fixture, "file"), { supported: file, granted: file });
  assertEquals(await ask(fixture, "file", { requested: READ | LOOKUP }), {
    supported: READ,
    granted: READ,
  });
});

Deno.test("ACCESS by owner, group, further groups and others", async () => {
  const fixture = await owned(0o421);
  const granted = async (path: string, caller: Caller) =>
    (await ask(fixture, path, caller)).granted;
  assertEquals(await granted("file", { uid: 5 }), READ);
  assertEquals(await granted("file", { uid: 9, gid: 6 }), MODIFY | EXTEND);
  assertEquals(
    await granted("file", { uid: 9, gids: [1, 2, 6] }),
    MODIFY | EXTEND,
  );
  assertEquals(await granted("file", { uid: 9 }), EXECUTE);
  assertEquals(await granted("file", { uid: -1 }), EXECUTE, "AUTH_NONE");
  assertEquals(await granted("folder", { uid: 9 }), LOOKUP);
  assertEquals(
    await granted("folder", { uid: 9, gid: 6 }),
    0,
    "writing a folder without passing it is of no use",
  );
});

Deno.test("root reads and writes everything, and runs what anybody may run", async () => {
  const closed = await owned(0);
  const granted = (await ask(closed, "file")).granted;
  assertEquals(granted, READ | MODIFY | EXTEND);
  assertEquals(
    (await ask(closed, "folder")).granted,
    READ | LOOKUP | MODIFY | EXTEND | DELETE,
  );
  const runnable = await owned(0o001);
  assertEquals((await ask(runnable, "file")).granted & EXECUTE, EXECUTE);
});

Deno.test("root is nobody where it is squashed", async () => {
  const fs = memory({ file: "" });
  const fixture = new Fixture({ path: "/", fs, squash: "root" });
  assertEquals((await ask(fixture, "file")).granted, READ);
  const all = new Fixture({
    path: "/",
    fs,
    squash: "all",
    anonymous: { uid: 0 },
  });
  const { granted } = await ask(all, "file", { uid: 9 });
  assertEquals(granted, READ | MODIFY | EXTEND);
});

Deno.test("a read-only export grants no changes", async () => {
  const fixture = memoryFixture({ file: "", folder: {} }, { readOnly: true });
  assertEquals((await ask(fixture, "file")).granted, READ);
  assertEquals((await ask(fixture, "folder")).granted, READ | LOOKUP);
});

Deno.test("bits that the minor version doesn't know are INVAL (RFC 8881 15.2, RFC 8276 8.3)", async () => {
  const fixture = memoryFixture({ file: "" });
  const status = async (minorVersion: MinorVersion, bits: number) =>
    await (await fixture.at("file", { minorVersion }))
      .status(access, (xdr) => xdr.uint32(bits));
  assertEquals(await status(1, Access.XAREAD), "NFS4ERR_INVAL");
  assertEquals(await status(2, 0x8000_0000), "NFS4ERR_INVAL");
  assertEquals(await status(2, Access.XALIST), "NFS4_OK");
});

Deno.test("ACCESS waits for a file system that waits", async () => {
  const fixture = new Fixture({ path: "/", fs: slow(memory({ file: "" })) });
  assertEquals((await ask(fixture, "file", { uid: 9 })).granted, READ);
});
