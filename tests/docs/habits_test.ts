/**
 * What the source keeps to, as tests: habits that only live in a document are
 * forgotten by the next hand.
 */

import { assert, assertEquals } from "@std/assert";
import { modulesIn, noFiles, read, ROOT } from "./documents.ts";

const modules = noFiles
  ? []
  : modulesIn("src/").filter((path) => !path.startsWith("src/std/"));

const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;

/** A module without its comments, its texts and what stands in backquotes. */
function code(path: string): string {
  return read(path)
    .replace(COMMENT, "")
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

Deno.test("nothing stops the event loop to wait", { ignore: noFiles }, () => {
  assertEquals(found(/\bAtomics\.wait\b/g, () => false), []);
});

Deno.test("nothing is said but through a logger, or by the command line", {
  ignore: noFiles,
}, () => {
  const isCommandLine = (path: string) =>
    path === "src/cli.ts" || path.startsWith("src/cli/");
  assertEquals(found(/\bconsole\.\w+/g, isCommandLine), []);
});

Deno.test("a status is told apart by isStatus", { ignore: noFiles }, () => {
  const own = modules.filter((path) =>
    /^src\/(?:engine|nfs4)\//.test(path) && path !== "src/nfs4/constants.ts"
  );
  const bare = own.filter((path) => /[!=]== "number"/.test(read(path)));
  assertEquals(bare, []);
});

Deno.test("what is true or false for a while is told as a sentence", {
  ignore: noFiles,
}, () => {
  const states =
    /^ +(?:readonly |static )*#?(?!is|has|can|may|will|was|entriesLie|cacheThis)\w+ = (?:true|false);$|\bget #?(?!is|are|has|can|may|holds|takes|was)\w+\(\): boolean/gm;
  // Not fields, but variables that begin a line.
  const isField = (what: string) => !/^ {4,}/.test(what);
  const all = modules.flatMap((path) =>
    [...code(path).matchAll(states)].filter(([what]) => isField(what))
      .map(([what]) => `${path}: ${what.trim()}`)
  );
  assertEquals(all, []);
});

Deno.test(
  "callbacks are written CB, as in the RFC",
  { ignore: noFiles },
  () => {
    assertEquals(found(/\b(?:\w*[a-z])?Cb[A-Z]\w*/g, () => false), []);
  },
);

const isEngine = (path: string) => path.startsWith("src/engine/");

Deno.test("entries of folders change through one door", {
  ignore: noFiles,
}, () => {
  const isElsewhere = (path: string) =>
    !isEngine(path) || path === "src/engine/files/change_folder.ts";
  const changes =
    /(?<!sessions)\.(?:create|link|remove|rename)!?\(|\bmethodsForEntries\(\w+\)/g;
  assertEquals(found(changes, isElsewhere), []);
});

Deno.test("attributes are asked for through one door", {
  ignore: noFiles,
}, () => {
  const isElsewhere = (path: string) =>
    !isEngine(path) || path === "src/engine/files/attributes_of.ts";
  assertEquals(found(/\.getattr\(/g, isElsewhere), []);
});

Deno.test("steps wait where the value is made", { ignore: noFiles }, () => {
  const isElsewhere = (path: string) => !isEngine(path);
  assertEquals(found(/(?<!yield\* )\bwait\(/g, isElsewhere), []);
});

/** Where the machine's clocks and timers are used, and why a given clock would not do. */
const CLOCKS: ReadonlyMap<string, string> = new Map([
  ["src/base/clock.ts", "the clock that is given"],
  ["src/base/wall_clock.ts", "the time of day that is given"],
  ["src/base/turn.ts", "turns are the event loop's own"],
]);

Deno.test(
  "time comes from a clock that is given, but where it is said why not",
  {
    ignore: noFiles,
  },
  () => {
    const reads =
      /\b(?:performance\.now|Date\.now|setTimeout|setInterval|setImmediate|AbortSignal\.timeout)\b|\bnew Date\(\)/g;
    assertEquals(found(reads, (path) => CLOCKS.has(path)), []);
    const unread = [...CLOCKS.keys()].filter((path) =>
      !modules.includes(path) || code(path).search(reads) < 0
    );
    assertEquals(unread, [], "does not read one");
  },
);

/** The async methods of a module that it calls and does not wait for. */
function letGo(path: string): string[] {
  const text = code(path);
  const names = [...text.matchAll(/\basync (#\w+)\(/g)].map(([, name]) =>
    name!
  );
  return names.filter((name) =>
    new RegExp(`(?<=[;{})]|\\belse)\\s+(?:void )?this\\.${name}\\(`).test(text)
  );
}

Deno.test("a promise that is let go never rejects, and says so", {
  ignore: noFiles,
}, () => {
  const all = modules.flatMap((path) =>
    letGo(path).map((name) => ({ path, name }))
  );
  // The pattern finds any at all.
  assert(all.length > 0);
  const silent = all.filter(({ path, name }) => {
    const [, said = ""] = new RegExp(
      `/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+async ${name}\\(`,
    ).exec(read(path)) ?? [];
    return !/never rejects/i.test(said);
  });
  assertEquals(silent, []);
});

/** Where what comes of a promise is taken without a catch, and why it never rejects. */
const THENS: ReadonlyMap<string, string> = new Map([
  ["src/rpc/connection.ts", "a turn comes"],
  ["src/rpc/outbox.ts", "settleAll returns failures"],
  ["src/rpc/reliance.ts", "settleAll returns failures"],
]);

Deno.test(
  "what is done after a promise hears of its error, or says why there is none",
  {
    ignore: noFiles,
  },
  () => {
    const thens =
      /(?<=[;{})]|\belse)\s+(?:void )?(?!return|await|const|yield)[\w.#!?]+(?:\([\w., ]*\))?\.then\((?:[^(),]|\([^()]*\)|\{[^{}]*\})*\);/g;
    const isSaid = (path: string) => THENS.has(path);
    assertEquals(found(thens, isSaid), []);
    const unused = [...THENS.keys()].filter((path) =>
      code(path).search(thens) < 0
    );
    assertEquals(unused, [], "takes none");
  },
);

/** Who goes by the machine's own time, and why it is not given one. */
const MACHINE_TIME: ReadonlyMap<string, string> = new Map([
  ["src/base/clock.ts", "defines it"],
  ["src/base/wall_clock.ts", "defines it"],
  ["src/base/log.ts", "a default; a log is there before the server"],
  ["src/base/line_queue.ts", "a default; the same"],
  ["src/backends/common/file_times.ts", "a default of back ends"],
  ["src/backends/common/host_pace.ts", "a default of back ends"],
  ["src/backends/local/shared_poll.ts", "a default; all folders share it"],
  [
    "src/backends/local/store.ts",
    "a default; back ends have no server's clock",
  ],
  [
    "src/backends/local/apart/apart_file_system.ts",
    "a default; the same",
  ],
  ["src/backends/local/portable_host.ts", "as the host does by itself"],
  ["src/server.ts", "a default"],
  ["src/server/phases.ts", "what files are dated by"],
  ["src/cli/progress.ts", "how far long work is, on a terminal"],
]);

Deno.test("who goes by the machine's own time says why", {
  ignore: noFiles,
}, () => {
  const names = /\b(?:systemClock|systemWallClock|fineWallClock)\b/g;
  assertEquals(found(names, (path) => MACHINE_TIME.has(path)), []);
  const unused = [...MACHINE_TIME.keys()].filter((path) =>
    !modules.includes(path) || code(path).search(names) < 0
  );
  assertEquals(unused, [], "does not use it");
});

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
    new URL(from!, new URL(path, ROOT)).href.slice(ROOT.href.length)
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

/** What the server exports and does not use itself, and for whom. */
const FOR_OTHERS: ReadonlyMap<string, string> = new Map([
  ["CREDENTIAL_AT", "authors of a flavour whose verifier covers the header"],
  ["SCHEMA_VERSION", "tests of a store that a newer version has written"],
]);

Deno.test(
  "what is exported is used by the server, or is the type of something that is",
  {
    ignore: noFiles,
  },
  () => {
    // What tests alone need is no part of the server.
    const everything = [...modulesIn("src/"), "mod.ts"];
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
          own.matchAll(word).drop(1).next().done === false ||
          everything.some((other) =>
            other !== path && new RegExp(word, "").test(texts.get(other)!)
          );
        if (!isUsed && !FOR_OTHERS.has(name!)) unused.push(`${path}: ${name}`);
      }
    }
    assertEquals(unused, []);
  },
);

/** Where such a word is a term. */
const NAMELESS_TERMS: ReadonlyMap<string, string> = new Map([
  ["src/vfs/exports.ts", 'the user "nobody"'],
]);

Deno.test("comments name the client, owner or caller who acts", {
  ignore: noFiles,
}, () => {
  const nameless =
    /\b(?:some|no|any|every)(?:body|one)\b|\bno one\b|\bwho(?:so|m)?ever\b/gi;
  const said = (path: string) =>
    (read(path).match(COMMENT) ?? []).flatMap((text) =>
      text.match(nameless) ?? []
    );
  assertEquals(
    modules.filter((path) => !NAMELESS_TERMS.has(path)).flatMap((path) =>
      said(path).map((word) => `${path}: ${word}`)
    ),
    [],
  );
  const unused = [...NAMELESS_TERMS.keys()].filter((path) =>
    !modules.includes(path) || said(path).length === 0
  );
  assertEquals(unused, [], "has no such word");
});
