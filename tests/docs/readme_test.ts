import { assertEquals, assertStringIncludes } from "@std/assert";
import { anonymousStateid, op, openSession } from "../support/client/mod.ts";
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
      [...words(flags!), "--port", "0", "--metrics-port", "0"],
      { permissions: words(permissions!) },
    );
    await server.until(/mount -t nfs4/);
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
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
      ...["--export", `/=local:${served}`, "--state", state!],
      ...["--port", "0", "--metrics-port", "0"],
    ], {
      permissions: [
        ...["--allow-net", `--allow-read=${folders}`],
        ...[`--allow-write=${folders}`, ...more],
      ],
    });
    await server.until(/mount -t nfs4/);
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
    Deno.removeSync(base, { recursive: true });
  });
}
