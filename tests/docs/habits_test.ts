/**
 * What the source keeps to, as tests: habits that only live in a document are
 * forgotten by the next hand.
 */

import { assertEquals } from "@std/assert";
import { modulesIn, noFiles, read, ROOT } from "./documents.ts";

const modules = noFiles
  ? []
  : [...modulesIn("src/")].filter((path) => !path.startsWith("src/std/"));

/** A module without its comments, its texts and what stands in backquotes. */
function code(path: string): string {
  return read(path)
    .replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

/** "path: what" for each match of a pattern in the modules that it is not for. */
function found(pattern: RegExp, allowed: (path: string) => boolean): string[] {
  return modules.filter((path) => !allowed(path)).flatMap((path) =>
    [...code(path).matchAll(pattern)].map(([what]) => `${path}: ${what}`)
  );
}

Deno.test("state never waits", { ignore: noFiles }, () => {
  const elsewhere = (path: string) => !path.startsWith("src/state/");
  assertEquals(found(/\bawait\b|\basync\b/g, elsewhere), []);
});

Deno.test("nothing is said but through a logger, or by the command line", {
  ignore: noFiles,
}, () => {
  const isCommandLine = (path: string) =>
    path === "src/cli.ts" || path.startsWith("src/cli/");
  assertEquals(found(/\bconsole\.\w+/g, isCommandLine), []);
});

/** Where the machine's clocks and timers are read, and why a given clock would not do. */
const CLOCKS: ReadonlyMap<string, string> = new Map([
  ["src/base/clock.ts", "the clock that is given"],
  ["src/base/sleep.ts", "the sleep that is given"],
  ["src/base/turn.ts", "turns are the event loop's own"],
  ["src/base/log.ts", "lines have the time of day, which can be given"],
  ["src/backends/common/file_times.ts", "the time of day, to the microsecond"],
  ["src/backends/local/store.ts", "the time of day, which can be given"],
  [
    "src/backends/local/portable_host.ts",
    "times that are given, as Deno wants them",
  ],
  ["src/backends/local/listings.ts", "what a look at the host took"],
  ["src/backends/local/guards.ts", "how soon the host is looked at again"],
  ["src/backchannel/retry_policy.ts", "a default"],
  ["src/delegations/delegation_keeper.ts", "a default"],
  ["src/rpc/connection.ts", "how long a socket lingers"],
  ["src/rpc/listener.ts", "a default; the sweep"],
  ["src/server.ts", "the sweep; how long closing may take"],
  ["src/server/services.ts", "when the server started"],
  ["src/cli/progress.ts", "how far long work is"],
]);

Deno.test(
  "time comes from a clock that is given, but where it is said why not",
  {
    ignore: noFiles,
  },
  () => {
    const reads =
      /\b(?:performance\.now|Date\.now|setTimeout|setInterval|setImmediate|new Date)\b/g;
    assertEquals(found(reads, (path) => CLOCKS.has(path)), []);
    const unread = [...CLOCKS.keys()].filter((path) =>
      !modules.includes(path) || code(path).search(reads) < 0
    );
    assertEquals(unread, [], "does not read one");
  },
);

/** The modules whose values a module imports; types alone make no circle. */
function values(path: string): string[] {
  const imports = read(path).matchAll(
    /^(?:import|export)(?! type) (?:\*|\{([^}]*)\})[^;]*? from "(\.[^"]+)"/gm,
  );
  return [...imports].filter(([, names]) =>
    names === undefined ||
    names.split(",").some((name) =>
      name.trim() !== "" && !name.trim().startsWith("type ")
    )
  ).map(([, , from]) =>
    new URL(from, new URL(path, ROOT)).href.slice(ROOT.href.length)
  );
}

Deno.test(
  "no module needs itself by way of others",
  { ignore: noFiles },
  () => {
    const imports = new Map(modules.map((path) => [path, values(path)]));
    const circles: string[][] = [];
    const done = new Set<string>();
    const visit = (path: string, way: string[]): void => {
      const at = way.indexOf(path);
      if (at >= 0) circles.push(way.slice(at));
      if (at >= 0 || done.has(path)) return;
      for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
      done.add(path);
    };
    for (const path of modules) visit(path, []);
    assertEquals(circles, []);
  },
);

Deno.test(
  "what is exported is used elsewhere, or is the type of something that is",
  {
    ignore: noFiles,
  },
  () => {
    const everything = [...modulesIn("src/"), ...modulesIn("tests/"), "mod.ts"];
    const texts = new Map(everything.map((path) => [path, code(path)]));
    const exported =
      /^export (?:async |abstract )*(class|function\*?|const|interface|type) (\w+)/gm;
    const unused: string[] = [];
    for (const path of modules) {
      const own = texts.get(path)!;
      for (const [, kind, name] of own.matchAll(exported)) {
        const word = new RegExp(`\\b${name}\\b`, "g");
        const isType = kind === "interface" || kind === "type";
        const isUsed = isType && [...own.matchAll(word)].length > 1 ||
          everything.some((other) =>
            other !== path && new RegExp(word, "").test(texts.get(other)!)
          );
        if (!isUsed) unused.push(`${path}: ${name}`);
      }
    }
    assertEquals(unused, []);
  },
);
