import { assertEquals } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { MOST_HIDDEN_REMOVED } from "../../src/engine/files/hidden_entries.ts";
import { serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { hasFfi, noFolder } from "../backends/local/fixture.ts";
import {
  authSys,
  bytesOf,
  CreateMode,
  type Credential,
  FileType,
  op,
  openSession,
  type Request,
  type Session,
  walk,
} from "../support/client/mod.ts";
import { statusName } from "../support/client/names.ts";

// Names that an export hides (`hide`), over the wire, on each back end.

const HIDE = ["._*", ".DS_Store"];
const OTHER = authSys(9, 9);

/** A server and one client of it. */
class Hiding implements AsyncDisposable {
  readonly #server: Awaited<ReturnType<typeof serve>>;
  readonly session: Session;

  private constructor(
    server: Awaited<ReturnType<typeof serve>>,
    session: Session,
  ) {
    this.#server = server;
    this.session = session;
  }

  static async start(fs: FileSystem): Promise<Hiding> {
    const exports = [{ path: "/", fs, squash: "none", hide: HIDE }] as const;
    const server = await serve(exports, { port: 0, shutdownTimeout: 1_000 });
    return new Hiding(server, await openSession({ port: server.port }));
  }

  /** Name of the status that a COMPOUND ends with. */
  async status(ops: Request[], credential?: Credential): Promise<string> {
    const options = { expect: "any", credential } as const;
    return statusName((await this.session.compound(ops, options)).status);
  }

  async folder(...path: string[]): Promise<void> {
    const name = path.at(-1)!;
    const make = op.create({
      type: FileType.DIR,
      name,
      attributes: { mode: 0o755 },
    });
    await this.session.compound([...walk(path.slice(0, -1)), make]);
  }

  async file(...path: string[]): Promise<void> {
    const create = {
      mode: CreateMode.GUARDED,
      attributes: { mode: 0o644 },
    } as const;
    const { filehandle, stateid } = await this.session.open(path, { create });
    await this.session.compound([
      op.putfh(filehandle),
      op.write({ stateid, data: "data" }),
      op.close(stateid),
    ]);
  }

  /** The names that READDIR tells, with replies of at most so many bytes. */
  async names(folder: string[], maxcount = 4_096): Promise<string[]> {
    const names: string[] = [];
    for (let cookie = 0n, verifier = new Uint8Array(8);;) {
      const list = op.readdir({ cookie, verifier, maxcount });
      const reply = await this.session.compound([...walk(folder), list]);
      const page = reply.get("READDIR");
      for (const { name } of page.entries) names.push(String(name));
      if (page.eof) return names.sort();
      cookie = page.entries.at(-1)!.cookie;
      verifier = page.verifier as Uint8Array<ArrayBuffer>;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.client[Symbol.asyncDispose]();
    await this.#server.close();
  }
}

const backEnds: readonly {
  readonly name: string;
  readonly ignore: boolean;
  make(path: string): FileSystem;
}[] = [
  { name: "memory", ignore: false, make: () => memory() as FileSystem },
  { name: "sqlite", ignore: noFolder, make: (path) => sqlite(path) },
  { name: "local", ignore: noFolder || !hasFfi, make: (path) => local(path) },
];

for (const { name, ignore, make } of backEnds) {
  Deno.test({
    name:
      `${name}: what is hidden is not listed, and found by its name; a folder of nothing else goes with it`,
    ignore,
    async fn() {
      const path = noFolder ? "" : Deno.makeTempDirSync();
      try {
        await using server = await Hiding.start(make(path));
        await server.folder("d");
        for (const name of ["a", "._a", ".DS_Store"]) {
          await server.file("d", name);
        }
        for (let times = 0; times < 2; times++) {
          assertEquals(await server.names(["d"]), ["a"]);
        }
        const { session } = server;
        const find = [...walk(["d", "._a"]), op.read({ count: 9 })];
        const found = (await session.compound(find)).get("READ").data;
        assertEquals(found, bytesOf("data"));
        const away = [op.putrootfh(), op.remove("d")];
        assertEquals(await server.status(away), "NOTEMPTY");
        assertEquals(await server.status(find), "OK");
        await session.compound([...walk(["d"]), op.remove("a")]);
        assertEquals(await server.names(["d"]), []);
        assertEquals(await server.status(away), "OK");
        assertEquals(await server.status(walk(["d"])), "NOENT");
      } finally {
        if (path !== "") Deno.removeSync(path, { recursive: true });
      }
    },
  });
}

Deno.test("a folder that is hidden keeps the one that it is in, and all that is hidden beside it", async () => {
  await using server = await Hiding.start(memory({ d: {} }) as FileSystem);
  await server.file("d", "._a");
  await server.folder("d", "._z");
  const away = [op.putrootfh(), op.remove("d")];
  assertEquals(await server.status(away), "NOTEMPTY");
  assertEquals(await server.status(walk(["d", "._a"])), "OK");
  assertEquals(await server.status([...walk(["d"]), op.remove("._z")]), "OK");
  assertEquals(await server.status(away), "OK");
});

Deno.test("hidden entries go with their folder by the rights of who removes it", async () => {
  const fs = memory({ d: { "._a": "", "._b": "" } });
  await using server = await Hiding.start(fs as FileSystem);
  const { session } = server;
  await session.compound([op.putrootfh(), op.setattr({ mode: 0o777 })]);
  const away = [op.putrootfh(), op.remove("d")];
  assertEquals(await server.status(away, OTHER), "ACCESS");
  // In a sticky folder each may remove its own alone.
  await session.compound([...walk(["d"]), op.setattr({ mode: 0o1777 })]);
  const own = op.setattr({ owner: "9" });
  await session.compound([...walk(["d", "._a"]), own]);
  assertEquals(await server.status(away, OTHER), "ACCESS");
  assertEquals(await server.status(walk(["d", "._a"])), "OK");
  await session.compound([...walk(["d", "._b"]), own]);
  assertEquals(await server.status(away, OTHER), "OK");
});

Deno.test("of many hidden entries some go with each REMOVE, until the folder does", async () => {
  const names = Array.from({ length: MOST_HIDDEN_REMOVED + 1 }, (_, i) => i);
  const d = Object.fromEntries(names.map((i) => [`._${i}`, ""]));
  await using server = await Hiding.start(memory({ d }) as FileSystem);
  const away = [op.putrootfh(), op.remove("d")];
  assertEquals(await server.status(away), "DELAY");
  assertEquals(await server.status(walk(["d"])), "OK");
  assertEquals(await server.status(away), "OK");
});

Deno.test("named attributes of hidden names are listed", async () => {
  const fs = memory({ f: "" });
  const name = "._a";
  fs.setxattr(fs.lookup(fs.root(), "f")!, name, bytesOf("v"), "create");
  await using server = await Hiding.start(fs as FileSystem);
  const list = [...walk(["f"]), op.openattr(), op.readdir({})];
  const { entries } = (await server.session.compound(list)).get("READDIR");
  assertEquals(entries.map(({ name }) => String(name)), [name]);
});

Deno.test("a reply is not empty for what is hidden, but at the end", async () => {
  const hidden = Array.from({ length: 40 }, (_, i) => [`._${i}`, ""]);
  const d = Object.fromEntries([...hidden, ["n".repeat(200), ""]]);
  await using server = await Hiding.start(memory({ d }) as FileSystem);
  assertEquals((await server.names(["d"], 300)).length, 1);
  for (let times = 0; times < 2; times++) {
    const list = op.readdir({ maxcount: 100 });
    assertEquals(await server.status([...walk(["d"]), list]), "TOOSMALL");
  }
});
