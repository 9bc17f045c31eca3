import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import {
  type AccessList,
  accessListHolder,
} from "../../src/vfs/access_list.ts";
import { type Ace, AceMask, AclHolder } from "../../src/vfs/acl.ts";
import { FsError } from "../../src/vfs/errors.ts";
import { defineExport } from "../../src/vfs/exports.ts";
import type { FileRef } from "../../src/vfs/file_handle.ts";
import {
  rightsToAttribute,
  rightsToFolder,
} from "../../src/vfs/named_attributes/attribute_rights.ts";
import { workFor } from "../../src/base/asker.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { ChangeLine } from "../../src/vfs/named_attributes/change_line.ts";
import { Namespace } from "../../src/vfs/namespace.ts";
import { permissionsOf } from "../../src/vfs/permissions.ts";

function serve(path: string, fs: ReturnType<typeof memory>): Namespace {
  const exports = [defineExport({ path, fs })];
  const handleKey = new Uint8Array(16).fill(1);
  return new Namespace(exports, {
    handleKey,
    time: { seconds: 1, nanoseconds: 0 },
  });
}

Deno.test("an attribute that is gone is stale by its handle, its folder is there as long as its file", () => {
  const fs = memory({ a: "" });
  const node = fs.lookup(fs.root(), "a")!;
  fs.setxattr(node, "n", new Uint8Array(1), "create");
  const before = serve("/", fs);
  const { node: root, export: terms } = before.root();
  const file = before.refer(terms, terms.fs.lookup(root, "a") as object);
  const folder = before.attributeFolder(file)!;
  const attributes = folder.export;
  const found = attributes.fs.lookup(folder.node, "n") as object;
  const { handle } = before.refer(attributes, found);
  const bearer = (ref: FileRef) => before.bearerOf(ref)!.key;
  assertEquals(bearer(folder), file.key);
  const again = serve("/", fs);
  assertEquals((again.resolve(handle) as FileRef).handle, handle);
  fs.removexattr(node, "n");
  const later = serve("/", fs);
  assertThrows(() => later.resolve(handle), FsError, "stale");
  assertEquals((later.resolve(folder.handle) as FileRef).key, folder.key);
  fs.remove(fs.root(), "a");
  assertThrows(() => serve("/", fs).resolve(folder.handle), FsError, "stale");
});

Deno.test("an access list counts for attributes as it does for their file", () => {
  const list: AccessList = {
    owner: 7,
    users: new Map([[7, 6], [8, 4], [9, 1]]),
    group: 4,
    groups: new Map([[70, 2]]),
    mask: 6,
    other: 1,
  };
  const bearer = {
    ...{ type: "file", mode: 0o761, uid: 5, gid: 6 } as const,
    [accessListHolder]: { accessList: () => list },
  };
  const of = (uid: number, gid = 1) => {
    const caller = { uid, gid, gids: [] };
    return [rightsToFolder(bearer), rightsToAttribute(bearer)]
      .map((rights) => permissionsOf(rights, caller));
  };
  assertEquals(of(7), [7, 6]);
  assertEquals(of(8), [5, 4]);
  assertEquals(of(9), [0, 0]);
  assertEquals(of(1, 6), [5, 4]);
  assertEquals(of(1, 70), [3, 2]);
  assertEquals(of(1), [0, 0]);
});

Deno.test("an access list of NFSv4 counts for attributes as it does for their file, for its owner too", () => {
  const ace = (type: "allow" | "deny", mask: number, id: number): Ace => (
    { type, flags: 0, mask, who: "user", id }
  );
  const { READ_DATA, WRITE_DATA, APPEND_DATA } = AceMask;
  const bearer = {
    ...{ type: "file", mode: 0o666, uid: 5, gid: 6 } as const,
    [accessListHolder]: new AclHolder([
      ace("deny", READ_DATA, 5),
      ace("allow", READ_DATA | WRITE_DATA | APPEND_DATA, 5),
      ace("allow", WRITE_DATA, 7),
      ace("allow", READ_DATA, 8),
    ]),
  };
  const of = (uid: number) => {
    const caller = { uid, gid: 1, gids: [] };
    return [rightsToFolder(bearer), rightsToAttribute(bearer)]
      .map((rights) => permissionsOf(rights, caller));
  };
  assertEquals(of(5), [3, 2]);
  assertEquals(of(7), [0, 0]);
  assertEquals(of(8), [5, 4]);
  assertEquals(of(9), [0, 0]);
  assertEquals(of(0), [7, 6]);
});

Deno.test("changes of one file's attributes are made one after the other, those of others meanwhile", async () => {
  const line = new ChangeLine();
  const made: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = line.change(
    "a",
    () => gate.promise.then(() => made.push("first")),
  );
  const second = line.change("a", () => made.push("second"));
  assertEquals(line.change("b", () => made.push("other")), 1);
  gate.resolve();
  await Promise.all([first, second]);
  assertEquals(made, ["other", "first", "second"]);
  assertEquals(line.change("a", () => made.length), 3);
});

Deno.test("of changes of one file's attributes each party has the next in its turn", async () => {
  const line = new ChangeLine();
  const made: string[] = [];
  const change = (party: string, count: number) =>
    workFor(
      { party },
      () =>
        Array.from({ length: count }, () =>
          line.change("a", async () => {
            await nextTurn();
            made.push(party);
          })),
    );
  await Promise.all([...change("flood", 5), ...change("other", 2)]);
  assertEquals(made.indexOf("other"), 2);
  assertEquals(made.lastIndexOf("other"), 4);
});

Deno.test("a change that fails is not in the way of the next; behind one that was given up those in line are put off at once", async () => {
  const line = new ChangeLine();
  const failing = (code: "io" | "busy") =>
    line.change("a", () => Promise.reject(new FsError(code)));
  const failed = failing("io");
  const next = line.change("a", () => "made");
  await assertRejects(() => failed as Promise<never>, FsError, "io");
  assertEquals(await next, "made");
  let asked = 0;
  const late = failing("busy");
  const behind = [1, 2].map(() => line.change("a", () => ++asked));
  await assertRejects(() => late as Promise<never>, FsError, "busy");
  for (const one of behind) {
    await assertRejects(() => one as Promise<number>, FsError, "busy");
  }
  assertEquals(line.change("a", () => ++asked), 1);
});
