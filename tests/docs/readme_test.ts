import { assertEquals, assertStringIncludes } from "@std/assert";
import { cannotRun } from "../support/cli.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test(
  "the README's example runs, word for word, and prints how to mount it",
  {
    ignore: cannotRun,
  },
  async () => {
    const readme = Deno.readTextFileSync(`${ROOT}README.md`);
    const [, example] = /```ts\n([^]*?)```/.exec(readme)!;
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
