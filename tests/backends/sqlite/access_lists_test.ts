import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { DatabaseSync } from "node:sqlite";
import {
  exportTree,
  importTree,
} from "../../../src/backends/sqlite/archive.ts";
import { sqlite } from "../../../src/backends/sqlite/mod.ts";
import {
  encodeEnd,
  encodeMember,
} from "../../../src/backends/sqlite/tar/encode.ts";
import {
  aclOf,
  aclText,
} from "../../../src/backends/sqlite/tar/access_lists.ts";
import { acesOf } from "../../../src/vfs/acl.ts";
import { modeOfAces } from "../../../src/vfs/acl_mode.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { edit, problemsOf, toSchema } from "./damage.ts";
import {
  attributes,
  canWrite,
  find,
  listOf as list,
  make,
  temporary,
  using,
} from "./fixture.ts";
import { RefusingDisk } from "./refusing_disk.ts";

const ignore = !canWrite;

Deno.test({
  name: "a store of before there were access lists is brought up to date",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => make(fs, "a"));
    toSchema(folder.path, 2);
    await using(folder.path, (fs) => {
      const file = find(fs, "a");
      assertEquals(acesOf(file), undefined);
      fs.setattr(file, { acl: list(3) });
    });
    await using(folder.path, (fs) => {
      assertEquals(acesOf(find(fs, "a")), list(3));
    });
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "access lists count for the quota, and are given back with their files or by others",
  ignore,
  async fn() {
    using folder = temporary();
    const options = { quotaBytes: 100_000 };
    await using(folder.path, async (fs) => {
      const used = () => fs.status().usedBytes!;
      const [empty, mode] = [used(), { read: true, write: true }];
      const file = make(fs, "a");
      const bare = used();
      fs.setattr(file, { acl: list(1000) });
      const full = used();
      assert(full > bare + 9000 && full < bare + 9100);
      const refused = () => fs.setattr(file, { acl: list(12_000) });
      assertEquals(assertThrows(refused, FsError).code, "quota");
      assertEquals([used(), acesOf(file)!.length], [full, 1000]);
      fs.setattr(file, { acl: "mode" });
      assertEquals(used(), bare);
      fs.setattr(file, { acl: list(100) });
      fs.open(file, mode);
      fs.remove(fs.root(), "a");
      assert(used() > bare);
      fs.close(file, mode);
      assertEquals(used(), empty);
      const acl = list(50);
      const made = { attributes: { ...attributes, acl } };
      fs.create(fs.root(), "b", { type: "file" }, made);
      await fs.settle();
    }, options);
    await using(folder.path, (fs) => {
      const used = fs.status().usedBytes!;
      fs.setattr(find(fs, "b"), { acl: "mode" });
      assertEquals(used - fs.status().usedBytes!, 50 * 9 + 20);
    }, options);
    assertEquals(await problemsOf(folder.path), []);
    using db = new DatabaseSync(`${folder.path}/store.db`);
    const { rows } = db.prepare("SELECT count(*) AS rows FROM acls").get()!;
    assertEquals(rows, 0);
  },
});

Deno.test({
  name: "what a refused commit had made of access lists is as before",
  ignore,
  async fn() {
    using folder = temporary();
    const disk = new RefusingDisk();
    const fs = sqlite(folder.path, { disk, quotaBytes: 2 ** 20 });
    const [a, b, c] = ["a", "b", "c"].map((name) => make(fs, name));
    fs.setattr(a!, { acl: list(3) });
    fs.setattr(b!, { acl: list(4) });
    await fs.settle();
    const used = fs.status().usedBytes;
    disk.refusals = 1;
    fs.setattr(a!, { acl: "mode" });
    fs.setattr(b!, { acl: list(9) });
    fs.setattr(c!, { acl: list(5) });
    const error = await Promise.resolve(fs.settle()).catch((error) => error);
    assertEquals(error.code, "no-space");
    const now = ["a", "b", "c"].map((name) => acesOf(find(fs, name)));
    assertEquals(now, [list(3), list(4), undefined]);
    assertEquals(fs.status().usedBytes, used);
    await fs.dispose();
    assertEquals(await problemsOf(folder.path), []);
  },
});

Deno.test({
  name:
    "a check finds access lists of nothing, that can't be, and that are missing",
  ignore,
  async fn() {
    using folder = temporary();
    await using(folder.path, (fs) => {
      for (const name of ["a", "b"]) {
        fs.setattr(make(fs, name), { acl: list(2) });
      }
    });
    edit(
      folder.path,
      `DELETE FROM acls WHERE fileid = (SELECT min(fileid) FROM acls);
       UPDATE acls SET aces = x'00';
       INSERT INTO acls VALUES (99, x'')`,
    );
    await using(folder.path, (fs) => {
      for (const name of ["a", "b"]) {
        const read = () => acesOf(find(fs, name));
        assertEquals(assertThrows(read, FsError).code, "io");
      }
    });
    const said = (await problemsOf(folder.path)).toSorted().join("\n");
    assert(/access list of 99 belongs to no file/.test(said), said);
    assert(/file \d+ lacks its access list: .*a/.test(said), said);
    assert(/access list of \d+ has 1 bytes, which can't be: .*b/.test(said));
  },
});

Deno.test("an archive has access lists as bsdtar writes them, and what another tree has they replace", async () => {
  const one = sqlite(":memory:");
  const flags = 0xb;
  const folder = list(4).map((ace) => ({ ...ace, flags }));
  one.setattr(make(one, "a"), { acl: list(9), mode: modeOfAces(list(9)) });
  one.setattr(one.root(), { acl: folder, mode: 0 });
  make(one, "b");
  one.setattr(make(one, "c"), { acl: [] });
  const bytes = await new Response(exportTree(one)).bytes();
  const other = sqlite(":memory:");
  other.setattr(make(other, "b"), { acl: list(2) });
  await importTree(other, new Blob([bytes]).stream(), { merge: true });
  assertEquals(acesOf(other.root()), folder);
  assertEquals(acesOf(find(other, "a")), list(9));
  assertEquals(acesOf(find(other, "c")), []);
  assertEquals(find(other, "a").mode, modeOfAces(list(9)));
  assertEquals(acesOf(find(other, "b")), undefined);
  assertEquals(
    aclText([
      { type: "allow", flags: 0, mask: 0x1601ff, who: "owner@", id: 0 },
      { type: "deny", flags: 3, mask: 6, who: "user", id: 1000 },
    ]),
    "owner@:rwxp-DaARWcC-s:----:allow,user:1000:-w-p----------:fd--:deny:1000",
  );
});

Deno.test("an access list that no store has is told, and its file unpacked without", async () => {
  const texts: [string, number | undefined][] = [
    ["", 0],
    ["owner@:rw:allow", undefined],
    ["owner@:rw-p:------:allow", 1],
    ["owner@:rw-p:-------:audit", undefined],
    ["owner@:q:-------:allow", undefined],
    ["owner@:r:f------:allow", undefined],
    ["group:wheel:r:-------:allow:0", 1],
    ["group:wheel:r:-------:allow", undefined],
    ["user:99999999999:r::allow", undefined],
    ["mask:r::allow", undefined],
    [Array(1000).fill("owner@:r::allow").join(), 1000],
    [Array(1001).fill("owner@:r::allow").join(), undefined],
    [Array(995).fill("user:7:r::allow").join(), undefined],
  ];
  for (const [text, count] of texts) {
    let told = 0;
    const records = new Map([["SCHILY.acl.ace", text]]);
    const aces = aclOf(records, "file", () => told++);
    assertEquals([aces?.length, told], [count, count === undefined ? 1 : 0]);
  }
  const member = encodeMember({
    ...{ path: "a", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0 },
    ...{ mtime: { seconds: 5, nanoseconds: 6 }, target: "" },
    ...{ major: 0, minor: 0 },
  }, [["SCHILY.acl.ace", "mask:r::allow"]]);
  const archive = () => new Blob([concat([member, encodeEnd()])]).stream();
  const fs = sqlite(":memory:");
  const told: string[] = [];
  const skipped = (path: string, reason: string) =>
    told.push(`${path}: ${reason}`);
  await importTree(fs, archive(), { skipped });
  assertEquals([told, find(fs, "a").mode], [["a: its access list"], 0o644]);
  const heard = () => importTree(sqlite(":memory:"), archive());
  await assertRejects(heard, Error, "a: its access list");
});
