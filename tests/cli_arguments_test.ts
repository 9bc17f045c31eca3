import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Arguments,
  FLAGS,
  parseArguments,
  type ServeArguments,
} from "../src/cli/arguments.ts";
import { HELP } from "../src/cli/help.ts";
import { UsageError } from "../src/cli/values.ts";

function serve(...args: string[]): ServeArguments {
  const parsed: Arguments = parseArguments(args);
  if (parsed.command !== "serve") throw new Error(parsed.command);
  return parsed;
}

Deno.test("no flag at all serves a durable store as / on loopback", () => {
  const parsed = serve();
  assertEquals(parsed.exports[0]?.backend, "sqlite");
  assertEquals(parsed.durability, "full");
  assertEquals(parsed.exports[0]?.path, "/");
  assertEquals(parsed.exports[0]?.location, "./dittofs-data");
  assertEquals([parsed.host, parsed.port, parsed.metricsPort], [
    "127.0.0.1",
    2049,
    undefined,
  ]);
});

Deno.test("an export takes its options from the end, commas in the folder stay", () => {
  const [memory, local] = serve(
    "--export",
    "/m=memory:",
    "--export",
    "/a/b=local:/srv/x,y,ro,squash=all,anonuid=7,anongid=8",
  ).exports;
  assertEquals(memory, {
    path: "/m",
    backend: "memory",
    location: "",
    apart: undefined,
    readOnly: false,
    hide: undefined,
    trust: undefined,
    squash: undefined,
    anonuid: 65534,
    anongid: 65534,
    uid: undefined,
    gid: undefined,
    mode: undefined,
    quotaBytes: undefined,
  });
  assertEquals(local, {
    path: "/a/b",
    backend: "local",
    location: "/srv/x,y",
    apart: undefined,
    readOnly: true,
    hide: undefined,
    trust: undefined,
    squash: "all",
    anonuid: 7,
    anongid: 8,
    uid: undefined,
    gid: undefined,
    mode: undefined,
    quotaBytes: undefined,
  });
});

Deno.test("whom an export trusts, and whose its new root is, are options of it", () => {
  const [made] = serve(
    "--export",
    "/=sqlite:/srv/a,b,trust=port,uid=1000,gid=100,mode=1777",
  ).exports;
  assertEquals(made, {
    path: "/",
    backend: "sqlite",
    location: "/srv/a,b",
    apart: undefined,
    readOnly: false,
    hide: undefined,
    trust: "port",
    squash: undefined,
    anonuid: 65534,
    anongid: 65534,
    uid: 1000,
    gid: 100,
    mode: 0o1777,
    quotaBytes: undefined,
  });
});

Deno.test("the names that an export hides are told with colons between them", () => {
  const [one] = serve("--export", "/=memory:,hide=._*:.DS_Store,ro").exports;
  assertEquals([one!.hide, one!.readOnly], [["._*", ".DS_Store"], true]);
});

Deno.test("a local folder alone is carried apart, where that is asked for", () => {
  const [folder, other] = serve(
    ...["--export", "/a=local:/srv/x,ro,apart", "--export", "/b=local:/srv/y"],
  ).exports;
  assertEquals([folder?.location, folder?.apart], ["/srv/x", true]);
  assertEquals(other?.apart, undefined);
  assertThrows(
    () => serve("--export", "/=memory:,apart"),
    UsageError,
    "apart is for a local folder",
  );
});

Deno.test("a quota is a number of bytes or a power of 1024 of them", () => {
  const quotaOf = (text: string) =>
    serve("--export", `/=sqlite:/srv,quota=${text}`).exports[0]?.quotaBytes;
  assertEquals(quotaOf("1000"), 1000);
  assertEquals(quotaOf("10K"), 10240);
  assertEquals(quotaOf("3T"), 3 * 1024 ** 4);
  const [tree] = serve("--export", "/=memory:,quota=10G").exports;
  assertEquals(tree?.quotaBytes, 10 * 1024 ** 3);
  assertEquals(serve("--max-state", "512M").maxStateBytes, 512 * 1024 ** 2);
  assertEquals(serve().maxStateBytes, undefined);
  assertEquals(serve("--max-buffers", "2G").maxBufferBytes, 2 * 1024 ** 3);
  assertEquals(serve().maxBufferBytes, undefined);
});

Deno.test("what can't be understood is refused in one line that names it", () => {
  const refused: [string[], string][] = [
    [["--nonsense"], "--nonsense"],
    [["extra"], "extra"],
    [["--port", "70000"], "--port"],
    [["--port", "1e3"], "--port"],
    [["--lease", "9"], "--lease"],
    [["--log-level", "loud"], "--log-level"],
    [["--export", "nothing"], "nothing"],
    [["--export", "data=memory:"], "path"],
    [["--export", "/data/=memory:"], "path"],
    [["--export", "/data=tape:x"], "back end"],
    [["--export", "/data=local:"], "folder"],
    [["--export", "/data=memory:x"], "memory:"],
    [["--export", "/data=memory:,squash=some"], "squash"],
    [["--export", "/data=local:x,quota=1G"], "quota"],
    [["--export", "/data=memory:,quota=0"], "quota"],
    [["--max-state", "lots"], "--max-state"],
    [["--max-buffers", "0"], "--max-buffers"],
    [["--export", "/data=sqlite:x,quota=much"], "quota"],
    [["--durability", "some"], "--durability"],
    [["--export", "/data=memory:,anonuid=-1"], "anonuid"],
    [["--export", "/data=memory:,trust=all"], "trust"],
    [["--export", "/data=memory:,hide="], "hide"],
    [["--export", "/data=memory:,hide=._*:*"], "hide"],
    [["--export", "/data=memory:,hide=a/b"], "hide"],
    [["--export", "/data=memory:,uid=me"], "uid"],
    [["--export", "/data=memory:,mode=rwx"], "mode"],
    [["--export", "/data=memory:,mode=799"], "mode"],
    [["--export", "/data=local:/srv,gid=5"], "gid"],
  ];
  for (const [args, word] of refused) {
    const error = assertThrows(() => parseArguments(args), UsageError, word);
    assertEquals(error.message.includes("\n"), false, error.message);
  }
});

Deno.test("every argument that can't be is told by its flag and with what would be right", () => {
  const told: [string[], RegExp][] = [
    [["--max-state", "5"], /^--max-state must be from 256K to 8191T, not "5"$/],
    [["--max-buffers", "512"], /^--max-buffers must be from \d+M to 8191T/],
    [
      ["--grace", "-3"],
      /^--grace must be a whole number from 0 to 3600, not "-3"$/,
    ],
    [["--port", "-1"], /^--port must be .* not "-1"$/],
    [["--grace"], /^--grace wants a value behind it$/],
    [["--host", "--port", "1"], /^--host wants a value behind it$/],
    [["--state", ""], /^--state wants a value behind it$/],
    [["--state="], /^--state wants a value behind it$/],
    [["--host", ""], /^--host wants a value behind it$/],
    [["check", ""], /^check wants one folder$/],
    [["import", ""], /^import wants one folder$/],
    [["--no-delegations=1"], /^--no-delegations takes no value$/],
    [["--help=1"], /^--help takes no value$/],
    [["--fs-timeout", "0"], /^--fs-timeout must be .* from 1 to 3600/],
    [["--hots", "x"], /^there is no flag --hots, did you mean --host\?$/],
  ];
  const options: [string, RegExp][] = [
    ["/=memory:,quota=2T", /quota must be from 1 to 1T, not "2T"$/],
    ["/=sqlite:x,quota=much", /quota must be a number of bytes/],
    ["/=local:x,quota=1", /quota is of sqlite and memory/],
    ["/=memory:,uid=me", /uid must be a whole number from 0 to/],
    ["/=memory:,mode=rwx", /mode must be octal/],
    ["/=memory:,trust=all", /trust must be one of owner, port, any/],
  ];
  for (const [text, said] of options) {
    told.push([
      ["--export", text],
      new RegExp(`^--export ${RegExp.escape(text)}: .*${said.source}`),
    ]);
  }
  for (const [args, said] of told) {
    const { message } = assertThrows(() => parseArguments(args), UsageError);
    assertMatch(message, said);
  }
  assertEquals(serve("--fs-timeout", "5").fileSystemSeconds, 5);
  assertEquals(serve().fileSystemSeconds, 60);
  assertEquals(serve("--max-state", "256K").maxStateBytes, 2 ** 18);
});

Deno.test("a slip of the pen is answered with what was meant", () => {
  const meant: [string[], string][] = [
    [["--hots", "x"], "did you mean --host?"],
    [["--metrics_port", "1"], "did you mean --metrics-port?"],
    [["--export", "/=memory:,bogus"], 'no option "bogus"; ro, '],
    [["--export", "/=memory:,squahs=all"], "did you mean squash=?"],
    [["--export", "/=sqlite:/srv/x,squas=root"], "did you mean squash=?"],
    [["--export", "/=local:/srv/x,to"], "did you mean ro?"],
    [["--export", "/=sqlight:/srv/x"], "did you mean sqlite?"],
    [["--export", "/=memory:,squash=rot"], "did you mean root?"],
    [["--log-level", "inof"], "did you mean info?"],
    [["chekc", "a"], "did you mean check?"],
  ];
  for (const [args, answer] of meant) {
    assertThrows(() => parseArguments(args), UsageError, answer);
  }
  for (const args of [["--zebra"], ["frobnicate", "x"]]) {
    const error = assertThrows(() => parseArguments(args), UsageError);
    assertEquals(error.message.includes("did you mean"), false, error.message);
  }
  const [folder] = serve("--export", "/=local:/srv/x,to/").exports;
  assertEquals(folder?.location, "/srv/x,to/");
});

Deno.test("--help fits a screen and names every flag", () => {
  assertEquals(parseArguments(["--help"]), { command: "help" });
  assertEquals(parseArguments(["--version"]), { command: "version" });
  const lines = HELP.split("\n");
  assertEquals(lines.length <= 28, true);
  assertEquals(lines.every((line) => line.length <= 80), true);
  for (const flag of FLAGS) assertStringIncludes(HELP, flag);
  for (const path of ["/metrics", "/healthz", "/readyz"]) {
    assertStringIncludes(HELP, path);
  }
});

Deno.test("SQLite's name of a database in memory is no folder of a store", () => {
  for (const command of ["check", "export", "import"]) {
    const parse = () => parseArguments([command, ":memory:"]);
    assertThrows(parse, UsageError, ":memory: is no folder");
  }
  const parse = () => serve("--export", "/=sqlite::memory:,ro");
  assertThrows(parse, UsageError, "--export /=memory:");
  const [folder] = serve("--export", "/=sqlite:./:memory:").exports;
  assertEquals(folder?.location, "./:memory:");
});

Deno.test("a command takes one store and nothing else", () => {
  for (const command of ["check", "export", "import"] as const) {
    assertEquals(parseArguments([command, "/srv/store"]), {
      command,
      directory: "/srv/store",
      merge: false,
    });
    for (const rest of [[], ["a", "b"], ["a", "--port", "1"]]) {
      assertThrows(() => parseArguments([command, ...rest]), UsageError);
    }
  }
  assertThrows(() => parseArguments(["chekc", "a"]), UsageError, "chekc");
  assertEquals(parseArguments(["import", "--merge", "a"]), {
    command: "import",
    directory: "a",
    merge: true,
  });
  for (const args of [["--merge"], ["export", "a", "--merge"]]) {
    assertThrows(() => parseArguments(args), UsageError);
  }
});

Deno.test("what counts once and is there twice is refused, whichever is meant", () => {
  for (const flag of FLAGS) {
    if (flag === "--export" || flag === "--merge") continue;
    for (const args of [[flag, flag], [flag, "1", flag, "1"]]) {
      // One of the two is how the flag is written.
      const error = assertThrows(() => parseArguments(args), UsageError);
      const isTwice = error.message === `${flag} is there twice`;
      assert(isTwice || /wants a value/.test(error.message), error.message);
    }
  }
  const error = assertThrows(() => serve("--port", "5", "--port", "0"));
  assertEquals((error as Error).message, "--port is there twice");
  const exports: [string, string][] = [
    ["memory:,ro,ro", "ro or rw is there twice"],
    ["memory:,ro,rw", "ro or rw is there twice"],
    ["memory:,trust=any,trust=port", "trust is there twice"],
    ["memory:,quota=10G,ro,quota=1G", "quota is there twice"],
  ];
  for (const [text, said] of exports) {
    const wrong = () => serve("--export", `/=${text}`);
    assertStringIncludes(assertThrows(wrong, UsageError).message, said);
  }
});
