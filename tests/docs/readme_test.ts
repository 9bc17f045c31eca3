import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  anonymousStateid,
  CreateMode,
  currentStateid,
  op,
  openRequests,
  openSession,
} from "../support/client/mod.ts";
import { cannotRun, ServerProcess } from "../support/cli.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test(
  "the README's example runs, word for word, and prints how to mount it",
  {
    ignore: cannotRun,
  },
  async () => {
    const readme = Deno.readTextFileSync(`${ROOT}README.md`);
    const [, example = ""] = /```ts\n([^]*?)```/.exec(readme)!;
    assertEquals(example.trim().split("\n").filter(Boolean).length <= 5, true);
    const path = Deno.makeTempFileSync({ dir: ROOT, suffix: ".example.ts" });
    try {
      // The last line waits for the server's end, which nothing brings about here.
      const ended = example.replace(
        "await server.finished",
        "await server.close()",
      );
      Deno.writeTextFileSync(path, ended);
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", path],
        cwd: ROOT,
      }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      assertStringIncludes(new TextDecoder().decode(stdout), "mount -t nfs4");
    } finally {
      Deno.removeSync(path);
    }
  },
);

Deno.test(
  "the README's file system can be listed and read, and ends at the signal that it names",
  {
    ignore: cannotRun || Deno.build.os === "windows",
  },
  async () => {
    const readme = Deno.readTextFileSync(`${ROOT}README.md`);
    const [, example = ""] = [...readme.matchAll(/```ts\n([^]*?)```/g)]
      .map(([, text]) => text);
    const path = Deno.makeTempFileSync({ dir: ROOT, suffix: ".example.ts" });
    try {
      Deno.writeTextFileSync(path, example);
      await using server = new ServerProcess([], { program: path });
      const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
      await using session = await openSession({ port: Number(port) });
      const reply = await session.compound([
        op.putrootfh(),
        op.lookup("file"),
        op.read({ stateid: anonymousStateid, count: 100 }),
      ]);
      const { data } = reply.get("READ");
      assertEquals(new TextDecoder().decode(data), "made up in TypeScript\n");
      server.kill("SIGTERM");
      assertEquals((await server.ended()).code, 0);
    } finally {
      Deno.removeSync(path);
    }
  },
);

Deno.test("the permissions that the README names are enough to serve", {
  ignore: cannotRun,
}, async () => {
  const readme = Deno.readTextFileSync(`${ROOT}README.md`);
  const directory = Deno.makeTempDirSync();
  const commands = [
    ...readme.matchAll(/^deno run (--allow-net.*?) mod\.ts (.*)$/gm),
  ];
  assertEquals(commands.length, 2);
  for (const [, permissions, flags] of commands) {
    const words = (text: string) =>
      text.replaceAll("DIR", directory).split(" ");
    await using server = new ServerProcess(
      // With fewer than -A it is the port that says who is believed.
      [...words(`${flags},trust=any`), "--port", "0", "--metrics-port", "0"],
      { permissions: words(permissions!) },
    );
    await assertWritable(server);
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
  }
  // The last of them is a store's; what is done to those wants no network.
  const own = commands[1]![1]!.replaceAll("DIR", directory).split(" ")
    .filter((flag) => flag !== "--allow-net");
  for (const command of ["check", "export"]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...own, `${ROOT}mod.ts`, command, directory],
      stdout: "null",
      stderr: "piped",
    }).output();
    assertEquals([new TextDecoder().decode(stderr), code], ["", 0]);
  }
  Deno.removeSync(directory, { recursive: true });
});

for (const more of [[], ["--allow-ffi"]]) {
  const permissions = ["its folders", ...more].join(" and ");
  Deno.test(`a folder is served with ${permissions}, as the README says`, {
    ignore: cannotRun,
  }, async () => {
    const base = Deno.makeTempDirSync();
    const folders = ["served", "state"].map((name) => `${base}/${name}`);
    for (const folder of folders) Deno.mkdirSync(folder);
    const [served, state] = folders;
    await using server = new ServerProcess([
      ...["--export", `/=local:${served},trust=any`, "--state", state!],
      ...["--port", "0", "--metrics-port", "0"],
    ], {
      permissions: [
        ...["--allow-net", `--allow-read=${folders}`],
        ...[`--allow-write=${folders}`, ...more],
      ],
    });
    await assertWritable(server);
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
    Deno.removeSync(base, { recursive: true });
  });
}

/** Throws unless root can write to what is served, and the server says nothing of it. */
async function assertWritable(server: ServerProcess): Promise<void> {
  const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
  await using session = await openSession({
    port: Number(port),
    minorVersion: 2,
  });
  const { client: { clientid } } = session;
  const create = { mode: CreateMode.UNCHECKED } as const;
  const data = new Uint8Array(100_000);
  const written = await session.compound([
    ...openRequests(["made"], { clientid, create }),
    op.write({ stateid: currentStateid, offset: 0n, data }),
    op.getattr(["size"]),
  ]);
  assertEquals(written.get("GETATTR").attributes.size, 100_000n);
}

Deno.test("what the README says of speed is what was measured", {
  ignore: cannotRun,
}, () => {
  const [, said = ""] = /\n## Speed\n([^]*?)\n## /.exec(
    Deno.readTextFileSync(`${ROOT}README.md`),
  )!;
  const bench = Deno.readTextFileSync(`${ROOT}tests/bench/README.md`);
  const rows = rowsOf(said).slice(2);
  assertEquals(rows.length > 0, true);
  for (const [backEnd, kind, ...ratios] of rows) {
    const [, table = ""] = bench.split(`\n${backEnd} beside ganesha's `);
    const measured = rowsOf(table).find(([of]) => of === kind)!;
    // Without what is wanted, and the stars of what is met.
    const bare = measured.map((cell) => cell.replaceAll(/\*|\(.*\)| /g, ""));
    assertEquals([kind, ...ratios], bare, `${backEnd} ${kind}`);
  }
});

/** The cells of each row of the tables in a text. */
function rowsOf(text: string): string[][] {
  return [...text.matchAll(/^\| (.*) \|$/gm)]
    .map(([, row = ""]) => row.split("|").map((cell) => cell.trim()));
}
