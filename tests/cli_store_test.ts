import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { sqlite, type SqliteFileSystem } from "../src/backends/sqlite/mod.ts";
import { describe, ProgressLine, sizeOf } from "../src/cli/progress.ts";
import { cannotRun, ServerProcess } from "./support/cli.ts";
import { canRelay } from "./support/user_relay.ts";

const MOD = new URL("../mod.ts", import.meta.url).pathname;
const ignore = cannotRun ||
  Deno.permissions.querySync({ name: "write" }).state !== "granted";
const attributes = { mode: 0o640, uid: 7, gid: 8 };

/** A folder with a store in it that has a file, a link to it and a folder. */
class Stores implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly full = `${this.path}/full`;
  readonly other = `${this.path}/other`;

  static async make(): Promise<Stores> {
    const stores = new Stores();
    await stores.using(stores.full, (fs) => {
      const root = fs.root();
      const { node } = fs.create(root, "a", { type: "file" }, { attributes });
      fs.write(node, 0, new TextEncoder().encode("hello"), "file");
      fs.link(node, root, "b");
      fs.create(root, "c", { type: "directory" }, { attributes });
    });
    return stores;
  }

  async using<T>(
    path: string,
    act: (fs: SqliteFileSystem) => T,
  ): Promise<T> {
    const fs = sqlite(path);
    try {
      return act(fs);
    } finally {
      await fs.dispose();
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Runs a command of the server's command line with some input. */
async function run(
  args: readonly string[],
  input: Uint8Array<ArrayBuffer> = new Uint8Array(0),
  options: { readonly cwd?: string } = {},
): Promise<
  { code: number; stdout: Uint8Array<ArrayBuffer>; said: string; log: string }
> {
  const child = new Deno.Command(Deno.execPath(), {
    ...options,
    args: ["run", "-A", MOD, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  // Whoever ends before it has read everything closes the pipe.
  await writer.write(input).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await output;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout, said: text(stdout), log: text(stderr) };
}

Deno.test("check says that a store is sound, or what is wrong with it", {
  ignore,
}, async () => {
  using stores = await Stores.make();
  const sound = await run(["check", stores.full]);
  assertEquals([sound.code, sound.log], [0, ""]);
  assertMatch(sound.said, /: 3 files, 5 bytes: sound\n$/);
  {
    using db = new DatabaseSync(`${stores.full}/store.db`);
    db.exec("UPDATE inodes SET nlink = 5 WHERE type = 'file'");
  }
  const damaged = await run(["check", stores.full]);
  assertEquals([damaged.code, damaged.log], [1, ""]);
  assertMatch(damaged.said, /has 5 links.*\n.*: 1 problem.*\n$/);
});

Deno.test(
  "export goes on behind contents that are lost, says of which files, and has status 1",
  {
    ignore,
  },
  async () => {
    using stores = await Stores.make();
    await stores.using(stores.full, (fs) => {
      for (const name of ["d", "e"]) {
        const kind = { type: "file" } as const;
        const { node } = fs.create(fs.root(), name, kind, { attributes });
        fs.write(node, 0, new Uint8Array(100_000).fill(7), "file");
      }
    });
    const contents = `${stores.full}/content`;
    for (const { name, isDirectory } of Deno.readDirSync(contents)) {
      if (isDirectory) {
        Deno.removeSync(`${contents}/${name}`, {
          recursive: true,
        });
      }
    }
    await stores.using(stores.full, (fs) => {
      fs.create(fs.root(), "f", { type: "directory" }, { attributes });
    });
    const { code, log, stdout } = await run(["export", stores.full]);
    assertEquals(code, 1);
    assertMatch(
      log,
      /^(dittofs-nfs4: damaged \.\/[de]: it is left out: io: .* is missing.*\n){2}$/,
    );
    assertEquals((await run(["import", stores.other], stdout)).code, 0);
    await stores.using(stores.other, (fs) => {
      const names = fs.readdir(fs.root(), 0, 10).entries.map(({ name }) =>
        name
      );
      assertEquals(names, ["a", "b", "c", "f"]);
    });
  },
);

Deno.test("a store that its user may not look into is not said to be missing", {
  ignore: !canRelay,
}, async () => {
  using stores = await Stores.make();
  for (const command of ["check", "export"]) {
    const args = [command, stores.full];
    await using other = new ServerProcess(args, { user: 65534 });
    const { code, stderr } = await other.ended();
    assertEquals(code, 2);
    assertMatch(stderr, /^dittofs-nfs4: can't open .*Permission denied.*\n$/);
  }
});

Deno.test("an archive that was exported is imported as it was", {
  ignore,
}, async () => {
  using stores = await Stores.make();
  const exported = await run(["export", stores.full]);
  assertEquals([exported.code, exported.log], [0, ""]);
  const imported = await run(["import", stores.other], exported.stdout);
  assertEquals(imported, { ...imported, code: 0, said: "", log: "" });
  await stores.using(stores.other, (fs) => {
    const [a, b, c] = ["a", "b", "c"].map((name) =>
      fs.lookup(fs.root(), name)!
    );
    assertEquals(a, b);
    const { mode, uid, gid, size, nlink } = a!;
    assertEquals({ mode, uid, gid, size, nlink }, {
      ...attributes,
      size: 5,
      nlink: 2,
    });
    assertEquals(c!.type, "directory");
  });
});

Deno.test("a folder whose name is a URI to SQLite is one like any other", {
  ignore,
}, async () => {
  using stores = await Stores.make();
  const { stdout } = await run(["export", stores.full]);
  for (
    const name of ["file:x", "file:y?mode=memory", "file::memory:", "z%41"]
  ) {
    const how = { cwd: stores.path };
    assertEquals((await run(["import", name], stdout, how)).code, 0, name);
    const { said } = await run(["check", name], undefined, how);
    assertMatch(said, /: 3 files, 5 bytes: sound\n$/);
    assertEquals(
      Deno.statSync(`${stores.path}/${name}/store.db`).isFile,
      true,
    );
  }
});

Deno.test("a store command that can't be done is one clear line and status 2", {
  ignore,
}, async () => {
  using stores = await Stores.make();
  const refused: [string[], string][] = [
    [["check", stores.other], stores.other],
    [["export", stores.other], stores.other],
    [["import", stores.other], "archive"],
    [["check"], "check"],
  ];
  for (const [args, word] of refused) {
    const input = new TextEncoder().encode("no archive".repeat(100));
    const { code, said, log } = await run(args, input);
    assertEquals([code, said], [2, ""], log);
    assertEquals(log.trimEnd().split("\n").length, 1, log);
    assertStringIncludes(log, word);
  }
  const fs = sqlite(stores.full);
  assertStringIncludes((await run(["check", stores.full])).log, "in use");
  await fs.dispose();
});

Deno.test(
  "what is no archive leaves no store behind, and nothing goes over one unasked",
  {
    ignore,
  },
  async () => {
    using stores = await Stores.make();
    const gzip = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    for (
      const input of [gzip, new Uint8Array(0), new Uint8Array(2000).fill(9)]
    ) {
      const { code, log } = await run(["import", stores.other], input);
      assertEquals([code, log.trimEnd().split("\n").length], [2, 1], log);
      assertThrows(() => Deno.statSync(stores.other), Deno.errors.NotFound);
    }
    const { log } = await run(["import", stores.other], gzip);
    assertStringIncludes(log, "gunzip -c");
    const { stdout } = await run(["export", stores.full]);
    const refused = await run(["import", stores.full], stdout);
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.log, "--merge");
    assertEquals(
      (await run(["import", "--merge", stores.full], stdout)).code,
      0,
    );
    assertEquals((await run(["check", "--merge", stores.full])).code, 2);
  },
);

Deno.test("progress tells files, bytes and how much of it all that is", () => {
  assertEquals(sizeOf(1023), "1023 bytes");
  assertEquals(sizeOf(5.5 * 2 ** 30), "5.5 GiB");
  assertEquals(describe({ files: 1234, bytes: 2048 }), "1,234 files, 2.0 KiB");
  assertEquals(
    describe({ files: 1, bytes: 0, part: 0.5 }),
    "[############------------]  50 %, 1 files, 0 bytes",
  );
});

Deno.test("a limit of file sizes does not end whoever uses a store", {
  ignore: ignore || Deno.build.os !== "linux",
}, async () => {
  using stores = await Stores.make();
  const other = JSON.stringify(stores.other);
  const open = `import { sqlite } from ${JSON.stringify(MOD)};
    const fs = sqlite(${other});
    console.log(fs.limits.maxFileSize);
    await fs.dispose();`;
  // In the command line beyond the limit, too: the write fails, that is all.
  const beyond = `import { main } from ${
    JSON.stringify(MOD.replace("mod.ts", "src/cli.ts"))
  };
    await main(["--version"]);
    const file = Deno.openSync(${other} + "/beyond", { write: true, create: true });
    try { file.truncateSync(2 ** 40); } catch { console.log("refused"); }
    Deno.exit();`;
  for (
    const [program, said] of [[open, /^307200000$/m], [
      beyond,
      /^refused$/m,
    ]] as const
  ) {
    const script = `${stores.path}/script.ts`;
    Deno.writeTextFileSync(script, program);
    const { code, stdout } = await new Deno.Command("bash", {
      args: [
        "-c",
        'ulimit -f 300000; exec "$@"',
        "bash",
        Deno.execPath(),
        "run",
        "-A",
        "--no-check",
        "--config",
        MOD.replace("mod.ts", "deno.json"),
        script,
      ],
    }).output();
    assertEquals(code, 0);
    assertMatch(new TextDecoder().decode(stdout), said);
  }
});

Deno.test("a terminal that is gone does not end what it is told of", () => {
  const { stderr } = Deno;
  const { isTerminal, writeSync } = stderr;
  let tries = 0;
  stderr.isTerminal = () => true;
  stderr.writeSync = () => {
    tries++;
    throw new Error("Input/output error (os error 5)");
  };
  try {
    using line = new ProgressLine("import");
    line.show({ files: 1, bytes: 1 });
  } finally {
    Object.assign(stderr, { isTerminal, writeSync });
  }
  assertEquals(tries, 2);
});

Deno.test("names that clients made don't drive the operator's terminal", {
  ignore,
}, async () => {
  using stores = await Stores.make();
  const name = "\x1b]0;pwned\x07\x1b[2J\ndittofs-nfs4: all is well\u202e";
  const shown =
    "\\u001b]0;pwned\\u0007\\u001b[2J\\u000adittofs-nfs4: all is well\\u202e";
  await stores.using(stores.full, (fs) => {
    fs.create(fs.root(), name, { type: "socket" }, { attributes });
  });
  const exported = await run(["export", stores.full]);
  assertEquals(exported.log, `dittofs-nfs4: skipped ./${shown}: a socket\n`);
  const db = new DatabaseSync(`${stores.full}/store.db`);
  db.exec("DELETE FROM inodes WHERE type = 'socket'");
  db.close();
  const { code, said } = await run(["check", stores.full]);
  assertEquals(code, 1);
  assertStringIncludes(said, `entry '${shown}' of folder 1 leads to`);
  assertEquals(said.includes("\x1b"), false);
});
