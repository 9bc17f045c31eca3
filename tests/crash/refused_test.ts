import { assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { cannotRun, ServerProcess } from "../support/cli.ts";

const ignore = cannotRun ||
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

function flags(path: string): string[] {
  const quiet = ["--port", "0", "--metrics-port", "0"];
  return [...quiet, "--export", `/=sqlite:${path}`];
}

/** What a server that ends at once says: one line, and status 2. */
async function refusal(path: string): Promise<string> {
  await using server = new ServerProcess(flags(path));
  const { code, stderr } = await server.ended();
  assertEquals(code, 2, stderr);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  return stderr;
}

Deno.test(
  "a second server on one store is refused, until the first is killed",
  {
    ignore,
  },
  async () => {
    const path = Deno.makeTempDirSync();
    {
      await using first = new ServerProcess(flags(path));
      await first.until(/mount -t nfs4/);
      const said = await refusal(path);
      assertStringIncludes(said, path);
      assertStringIncludes(said, "in use");
      first.kill("SIGKILL");
      await first.ended();
      await using second = new ServerProcess(flags(path));
      await second.until(/mount -t nfs4/);
    }
    Deno.removeSync(path, { recursive: true });
  },
);

Deno.test("a store of a newer version is refused, and left as it is", {
  ignore,
}, async () => {
  const path = Deno.makeTempDirSync();
  await sqlite(path).dispose();
  const version = (set?: number) => {
    using db = new DatabaseSync(`${path}/store.db`);
    if (set !== undefined) db.exec(`PRAGMA user_version = ${set}`);
    return db.prepare("PRAGMA user_version").get();
  };
  version(99);
  const said = await refusal(path);
  assertStringIncludes(said, path);
  assertStringIncludes(said, "newer version");
  assertEquals(version(), { __proto__: null, user_version: 99 });
  Deno.removeSync(path, { recursive: true });
});
