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

const MINORS = [0, 1, 2] as const;
const { UNCHECKED, GUARDED, EXCLUSIVE } = CreateMode;
const EXCLUSIVE4_1 = 3;
const verifier = bytesOf("verifier");
const modes = [
  { mode: UNCHECKED },
  { mode: GUARDED },
  { mode: EXCLUSIVE, verifier },
];

function bound(fs: object, key: PropertyKey): unknown {
  const value = Reflect.get(fs, key);
  return typeof value === "function" ? value.bind(fs) : value;
}

/** A memory file system with some methods in place of its own, at once and by promises. */
function systems(changed: Partial<FileSystem>): FileSystem[] {
  const inner = () =>
    Object.assign(memory({ old: "old" }) as FileSystem, changed);
  return [inner(), waiting(inner())];
}

for (const minor of MINORS) {
  Deno.test(`NFSv4.${minor}: an OPEN whose file can't be opened takes back what it made`, async () => {
    const open = () => {
      throw new FsError("io");
    };
    for (const fs of systems({ open })) {
      const client = await new StateFixture({ fs }).client(minor);
      for (const [i, create] of modes.entries()) {
        const options = { create, owner: `o${i}`, seqid: 1 };
        assertEquals(await client.openStatus("new", options), "IO");
        assertEquals(await client.status(...walk(["new"])), "NOENT");
      }
      const options = { create: modes[0], owner: "o", seqid: 1 };
      assertEquals(await client.openStatus("old", options), "IO");
      assertEquals(await client.status(...walk(["old"])), "OK");
    }
  });

  Deno.test(`NFSv4.${minor}: what another client wrote or changed, while the OPEN that made the file waited, stays`, async () => {
    const changes: readonly Request[][] = [
      [op.write({ data: "the only copy", stable: 2 })],
      [op.setattr({ mode: 0o600 })],
      [op.setattr({ owner: "77" })],
      [op.setattr({ owner_group: "77" })],
      [op.setxattr("name", "value")],
      [op.savefh(), op.putrootfh(), op.link("second")],
    ];
    for (const [i, change] of changes.entries()) {
      const opening = Promise.withResolvers<void>();
      const waits = [opening.promise];
      const fs = memory() as FileSystem;
      fs.open = () => waits.pop();
      const fixture = new StateFixture({ fs });
      const client = await fixture.client(minor);
      const other = await fixture.client(2);
      const create = { mode: UNCHECKED, attributes: { mode: 0o666 } };
      const options = { create, owner: `${i}`, seqid: 1 };
      const opened = client.openStatus("new", options);
      const stateid = await other.open("new", { create });
      assertEquals(await other.status(...walk(["new"]), ...change), "OK");
      await other.ok("CLOSE", ...walk(["new"]), op.close(stateid));
      opening.reject(new FsError("io"));
      assertEquals(await opened, "IO");
      assertEquals(await other.status(...walk(["new"])), "OK");
    }
  });

  Deno.test(`NFSv4.${minor}: an OPEN of a size that is too large makes nothing`, async () => {
    const limits = { maxFileSize: 1000 };
    for (const fs of systems({ limits })) {
      const client = await new StateFixture({ fs }).client(minor);
      const attributes = { size: 1001n };
      for (const mode of [UNCHECKED, GUARDED]) {
        const options = { create: { mode, attributes }, owner: `${mode}` };
        const status = await client.openStatus("new", { ...options, seqid: 1 });
        assertEquals(status, "FBIG");
        assertEquals(await client.status(...walk(["new"])), "NOENT");
      }
      const create = { mode: GUARDED, attributes: { size: 1000n } };
      await client.open("new", { create, owner: "o", seqid: 1 });
      const got = await client.ok(
        "GETATTR",
        ...walk(["new"]),
        op.getattr(["size"]),
      );
      assertEquals(got.attributes.size, 1000n);
    }
  });

  Deno.test(`NFSv4.${minor}: an OPEN by a delegation that is none makes nothing`, async () => {
    for (const fs of systems({})) {
      const client = await new StateFixture({ fs }).client(minor);
      const stateid = { seqid: 1, other: bytesOf("no such id..") };
      const claim = { claim: "delegate_cur", stateid, name: "new" } as const;
      const options = { claim, create: modes[0], seqid: 1 };
      const status = await client.openStatus("new", options);
      // Its first four bytes are those of no start of the server.
      assertEquals(status, minor === 0 ? "STALE_STATEID" : "BAD_STATEID");
      assertEquals(await client.status(...walk(["new"])), "NOENT");
    }
  });
}

Deno.test("an OPEN that can't be opened takes back what a file system has limited by its umask", async () => {
  const open = () => {
    throw new FsError("io");
  };
  const attributes = { mode_umask: { mode: 0o666, umask: 0o022 } };
  for (const mode of [0o644, 0o666]) {
    const inner = memory();
    const create: FileSystem["create"] = (folder, name, kind, options) => {
      assertEquals([options.attributes.mode, options.umask], [0o666, 0o022]);
      const attributes = { ...options.attributes, mode };
      return inner.create(folder as never, name, kind, { attributes });
    };
    const limits = { defaultLists: true };
    const fs = new Proxy(inner as FileSystem, {
      get: (_, key) =>
        Reflect.get({ create, limits, open }, key) ??
          bound(inner, key),
    });
    const client = await new StateFixture({ fs }).client(2);
    const options = { create: { mode: GUARDED, attributes } };
    assertEquals(await client.openStatus("new", options), "IO");
    assertEquals(await client.status(...walk(["new"])), "NOENT");
  }
});

Deno.test("what the file system has opened is closed when the state has no place for it", async () => {
  const calls: string[] = [];
  const open = () => void calls.push("open");
  const close = () => void calls.push("close");
  for (const fs of systems({ open, close })) {
    calls.length = 0;
    const fixture = new StateFixture({ fs });
    const client = await fixture.client(1);
    fixture.services.state.files.obtain = () => {
      throw new FsError("busy");
    };
    assertEquals(await client.openStatus("old"), "DELAY");
    assertEquals(calls, ["open", "close"]);
  }
});

Deno.test("EXCLUSIVE4_1 sent again does not set the size again", async () => {
  const client = await new StateFixture().client(1);
  const create = { mode: EXCLUSIVE4_1, verifier, attributes: { size: 4n } };
  const stateid = await client.open("new", { create });
  await client.ok(
    "WRITE",
    ...walk(["new"]),
    op.write({ stateid, data: "longer than 4" }),
  );
  await client.open("new", { create });
  const got = await client.ok(
    "GETATTR",
    ...walk(["new"]),
    op.getattr(["size"]),
  );
  assertEquals(got.attributes.size, 13n);
});
