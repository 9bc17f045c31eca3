import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  createLogger,
  type Logger,
  silentLogger,
  Trace,
  unfailing,
} from "../../src/base/log.ts";
import { cannotRun } from "../support/cli.ts";
import { ClientConnection } from "../support/client/mod.ts";

const clock = () => 0;

function collect(options: Parameters<typeof createLogger>[0] = {}) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { lines, logger: createLogger({ clock, write, ...options }) };
}

Deno.test("a text line has its time, level, message and fields", () => {
  const { lines, logger } = collect();
  logger.info("client gone", {
    client: 7n,
    address: "127.0.0.1:9",
    why: "a b",
  });
  assertEquals(lines, [
    '1970-01-01T00:00:00.000Z INFO  client gone client=7 address=127.0.0.1:9 why="a b"',
  ]);
});

Deno.test("a JSON line is one object that no field can overrule", () => {
  const { lines, logger } = collect({ format: "json" });
  logger.error("failed", { error: new TypeError("bad"), level: "info" });
  assertEquals(JSON.parse(lines[0]!), {
    time: "1970-01-01T00:00:00.000Z",
    level: "error",
    message: "failed",
    error: "TypeError: bad",
  });
});

Deno.test("messages below the level are not written", () => {
  const { lines, logger } = collect({ level: "warn" });
  logger.debug("no");
  logger.info("no");
  logger.warn("yes");
  logger.error("yes");
  assertEquals(lines.length, 2);
});

Deno.test("a client's text can't start a line of its own", () => {
  for (const format of ["text", "json"] as const) {
    const { lines, logger } = collect({ format });
    logger.warn("name\nERROR forged\u0085x", { name: "a\r\nERROR forged" });
    assertEquals(lines.length, 1);
    assertMatch(
      lines[0]!,
      format === "text" ? /^\P{Cc}*$/u : /^[^\n]*$/,
    );
  }
});

Deno.test("what a client calls itself can't drive the terminal that shows the log", () => {
  // CSI, NEL, DEL, line and paragraph separators, bidi controls, a tag, a lone surrogate.
  const units = [0x9b, 0x85, 0x7f, 0x1b, 0x2028, 0x2029, 0x202e, 0x2066, 0x200f]
    .map((unit) => String.fromCharCode(unit));
  const hostile = [...units, String.fromCodePoint(0xe0041), "\ud800"];
  for (const format of ["text", "json"] as const) {
    for (const character of hostile) {
      const { lines, logger } = collect({ format });
      logger.warn(`m${character}`, { name: `a${character}b` });
      assertMatch(lines[0]!, /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u);
      if (format === "json") {
        // Nothing is lost: it is the same text to a program.
        assertEquals(JSON.parse(lines[0]!).name, `a${character}b`);
      }
    }
  }
});

Deno.test("the silent logger takes everything", () => {
  silentLogger.error("nothing", { at: "all" });
});

Deno.test("what is logged of a lack of descriptors has no stack trace, for which Deno would need one", () => {
  const seen: unknown[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (_message, fields) => void seen.push((fields?.error as Error).stack),
  };
  const given = unfailing(logger);
  const none = new Error("Too many open files (os error 24)");
  const frozen = Object.freeze(new Error("in use (os error 24)"));
  const others = new TypeError("ours");
  others.cause = others;
  for (
    const error of [
      none,
      new TypeError("busy", { cause: none }),
      others,
      frozen,
    ]
  ) {
    given.error("it failed", { error });
  }
  const [bare, caused, traced] = seen;
  assertEquals(bare, "Error: Too many open files (os error 24)");
  assertEquals(caused, "TypeError: busy");
  assertEquals(none.stack, bare);
  assertEquals(traced, others.stack);
  assertMatch(others.stack!, /log_test/);
  assertEquals(seen.length, 4);
});

Deno.test("a trace says where an error was thrown, in one line, and nothing of what is no error", () => {
  for (const format of ["text", "json"] as const) {
    const { lines, logger } = collect({ format });
    const error = new TypeError("bad");
    error.stack = "TypeError: bad\n    at read (file:///fs.ts:7:1)\n    at x";
    logger.error("failed", { trace: new Trace(error) });
    logger.error("failed", { trace: new Trace("text") });
    assertMatch(lines[0]!, /"at read \(file:\/\/\/fs\.ts:7:1\), at x"/);
    assertMatch(lines[1]!, /trace(=""|":"")/);
  }
});

Deno.test("a value of megabytes is cut, and its line is written", () => {
  for (const format of ["text", "json"] as const) {
    const { lines, logger } = collect({ format });
    logger.error("failed", {
      error: new Error("x".repeat(5_000_000)),
      name: "y".repeat(5_000_000),
    });
    assertEquals(lines.length, 1);
    assertEquals(lines[0]!.length < 10_000, true, `${lines[0]!.length}`);
    assertMatch(lines[0]!, /y… \(5000000 letters\)/);
  }
});

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
