import { assert, assertEquals, assertMatch } from "@std/assert";
import { cannotRun } from "../support/cli.ts";
import { ClientConnection } from "../support/client/mod.ts";

const SERVER = new URL("../support/chatty_server.ts", import.meta.url).pathname;

function start(): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SERVER],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The ports that the server names once its log has filled the pipe. */
async function ports(child: Deno.ChildProcess): Promise<number[]> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value).split(" ").map(Number);
}

Deno.test(
  "a server whose log nobody reads goes on serving, and says later what it left out",
  {
    ignore: cannotRun,
  },
  async () => {
    const child = start();
    const [port, metricsPort] = await ports(child);
    await using client = await ClientConnection.connect({ port: port! });
    await client.ping();
    const url = `http://127.0.0.1:${metricsPort}/metrics`;
    const metrics = await (await fetch(url)).text();
    assertMatch(metrics, /^dittofs_nfs_log_lines_dropped_total [1-9]\d*$/m);

    const reading = new Response(child.stderr).text();
    await child.stdin.close();
    const lines = (await reading).trimEnd().split("\n");
    const { code } = await child.status;
    assertEquals(code, 0);
    const kept = lines.findIndex((line) => line.includes("left out lines"));
    assert(kept > 1000, `${kept} lines before the one that says so`);
    for (const [i, line] of lines.slice(0, kept).entries()) {
      assert(line.endsWith(` i=${i}`), line);
    }
    assertMatch(lines[kept]!, / WARN .* count=\d+$/);
  },
);

Deno.test("a server whose log nobody reads ends in time", {
  ignore: cannotRun,
}, async () => {
  const child = start();
  await ports(child);
  await child.stdin.close();
  assertEquals((await child.status).code, 0);
  await child.stderr.cancel();
});
