import { assertEquals, assertThrows } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import type { Logger } from "../../src/base/log.ts";
import { serve } from "../../src/server.ts";
import type { ExportOptions } from "../../src/vfs/exports.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { authSys, op, openSession, walk } from "../support/client/mod.ts";

const canWrite =
  Deno.permissions.querySync({ name: "write" }).state === "granted" &&
  Deno.permissions.querySync({ name: "read" }).state === "granted";

/** What a server says at its start. */
async function warnings(
  exports: readonly ExportOptions[],
  stateDirectory?: string,
): Promise<string[]> {
  const lines: string[] = [];
  const silent = () => {};
  const log: Logger = {
    ...{ debug: silent, info: silent, error: silent },
    warn: (message) => void lines.push(message),
  };
  await using _server = await serve(
    exports.map((each) => ({ trust: "any", ...each })),
    { port: 0, log, stateDirectory },
  );
  return lines;
}

Deno.test({
  name:
    "exports that share files, and stores or state that are shown, are told at start",
  ignore: !canWrite,
  async fn() {
    const base = Deno.realPathSync(Deno.makeTempDirSync());
    for (const name of ["a/b", "ab", "state"]) {
      Deno.mkdirSync(`${base}/${name}`, { recursive: true });
    }
    Deno.symlinkSync(`${base}/a`, `${base}/link`);
    const two = (one: FileSystem, other: FileSystem) => [
      { path: "/x", fs: one },
      { path: "/y", fs: other },
    ];
    const folder = (name: string) => local(`${base}/${name}`) as FileSystem;
    const store = (name: string) => sqlite(`${base}/${name}`) as FileSystem;
    const common = [
      "exports /x and /y have files in common: a lock or delegation in one means nothing in the other",
    ];
    const tree = memory() as FileSystem;
    try {
      for (const name of ["a", "a/b", "a/", "link", "link/b"]) {
        assertEquals(await warnings(two(folder("a"), folder(name))), common);
        assertEquals(await warnings(two(folder(name), folder("a"))), common);
      }
      assertEquals(await warnings(two(tree, tree)), common);
      assertEquals(await warnings(two(folder("a"), folder("ab"))), []);
      assertEquals(
        await warnings(two(folder("a"), memory() as FileSystem)),
        [],
      );

      const reached = (path: string) => [
        `clients of export /x reach the store of export /y in ${base}/${path}: keep that elsewhere`,
      ];
      assertEquals(
        await warnings(two(folder("a"), store("a/store"))),
        reached("a/store"),
      );
      assertEquals(
        await warnings(two(folder("a/store/content"), store("link/store"))),
        reached("a/store"),
      );
      assertEquals(await warnings(two(folder("ab"), store("a/store"))), []);
      assertEquals(await warnings(two(store("ab/1"), store("ab/2"))), []);

      const one = (name: string) => [{ path: "/x", fs: folder(name) }];
      const shown = (path: string) => [
        `clients of export /x reach the server's own state in ${base}/${path}: keep that elsewhere`,
      ];
      assertEquals(
        await warnings(one("a"), `${base}/link/b`),
        shown("a/b"),
      );
      assertEquals(await warnings(one("a/b"), `${base}/a/b`), shown("a/b"));
      assertEquals(await warnings(one("a"), `${base}/state`), []);
      assertEquals(await warnings(one("a/b"), `${base}/a`), []);
    } finally {
      Deno.removeSync(base, { recursive: true });
    }
  },
});

/** Two servers, of which the first runs on while the second starts: what that says. */
async function warnedBeside(one: FileSystem, other: FileSystem) {
  const terms = { trust: "any" } as const;
  await using first = await serve([{ path: "/x", fs: one, ...terms }], {
    port: 0,
  });
  const lines = await warnings([{ path: "/y", fs: other }]);
  return { lines, first: `/x at 127.0.0.1:${first.port}` };
}

Deno.test("what another server of the process serves as well is told at start", async () => {
  const tree = memory() as FileSystem;
  const { lines, first } = await warnedBeside(tree, tree);
  assertEquals(lines, [
    `exports ${first} and /y have files in common: a lock or delegation in one means nothing in the other`,
  ]);
  // The first has ended.
  const fresh = memory() as FileSystem;
  const again = await warnedBeside(fresh, memory() as FileSystem);
  assertEquals(again.lines, []);
  assertEquals(await warnings([{ path: "/y", fs: fresh }]), []);
});

Deno.test({
  name: "a folder that another server of the process serves is told at start",
  ignore: !canWrite,
  async fn() {
    const base = Deno.realPathSync(Deno.makeTempDirSync());
    Deno.mkdirSync(`${base}/inner`);
    try {
      const folder = (name = "") => local(`${base}/${name}`) as FileSystem;
      const shared = await warnedBeside(folder(), folder("inner"));
      assertEquals(shared.lines, [
        `exports ${shared.first} and /y have files in common: a lock or delegation in one means nothing in the other`,
      ]);
      const shown = await warnedBeside(
        folder(),
        sqlite(`${base}/store`) as FileSystem,
      );
      assertEquals(shown.lines, [
        `clients of export ${shown.first} reach the store of export /y in ${base}/store: keep that elsewhere`,
      ]);
    } finally {
      Deno.removeSync(base, { recursive: true });
    }
  },
});

Deno.test({
  name: "one store can't be in two exports",
  ignore: !canWrite,
  async fn() {
    const folder = Deno.makeTempDirSync();
    const fs = sqlite(folder);
    assertThrows(() => sqlite(folder), Error, "by another server or export");
    await fs.dispose();
    Deno.removeSync(folder, { recursive: true });
  },
});

Deno.test("setuid that is set through one export goes with what is written through another", async () => {
  const fs = memory({ file: "content" });
  const exports = ["/a", "/b"].map((path) => ({ path, fs, squash: "none" }));
  await using server = await serve(exports as ExportOptions[], { port: 0 });
  const as = (uid: number) =>
    openSession({
      port: server.port,
      credential: authSys(uid, uid),
    });
  await using root = await as(0);
  await using user = await as(1001);
  const set = (path: string, mode: number) =>
    root.compound([...walk([path, "file"]), op.setattr({ mode })]);
  await set("a", 0o777);
  const { stateid } = await user.open(["a", "file"], { access: 2 });
  const write = [...walk(["a", "file"]), op.write({ stateid, data: "x" })];
  await user.compound(write);
  await set("b", 0o6777);
  await user.compound(write);
  const got = await root.compound([
    ...walk(["b", "file"]),
    op.getattr(["mode"]),
  ]);
  assertEquals(got.get("GETATTR").attributes.mode, 0o777);
});
