import { assert, assertEquals } from "@std/assert";
import { exists, modulesIn, noFiles, read, rooms, ROOT } from "./documents.ts";
import { operationTable } from "./operation_table.ts";

/** The room that a module of `src/` is in; "server" also for `src/server.ts`. */
function roomOf(path: string): string | undefined {
  return /^src\/(backends\/\w+|\w+)/.exec(path)?.[1];
}

/** The other rooms that the modules of a room import. */
function imported(room: string): string[] {
  const others = new Set<string>();
  const top = `src/${room}.ts`;
  const modules = modulesIn("src/").filter((path) =>
    path === top || path.startsWith(`src/${room}/`)
  );
  for (const path of modules) {
    for (const [, from] of read(path).matchAll(/ from "(\.[^"]+)"/g)) {
      const { href } = new URL(from!, new URL(path, ROOT));
      const other = roomOf(href.slice(ROOT.href.length));
      if (other !== undefined && other !== room) others.add(other);
    }
  }
  return [...others].sort();
}

/** The other rooms that its README says it calls; `undefined` where it does not say. */
function told(room: string): string[] | undefined {
  const [, calls] = /^Calls: ([^.]+)\./m.exec(read(`src/${room}/README.md`)) ??
    [];
  if (calls === undefined) return undefined;
  return [...calls.matchAll(/`([\w/]+)`/g)].map(([, name]) => name!);
}

for (const room of noFiles ? [] : rooms()) {
  Deno.test(`the README of src/${room} tells which rooms it calls`, () => {
    assertEquals(told(room), imported(room));
  });
}

Deno.test("PROTOCOL.md's source map has every room of src", {
  ignore: noFiles,
}, () => {
  const linked = [
    ...read("PROTOCOL.md").matchAll(
      /^\| \[`([\w/]+)`\]\(\.\/src\/\1\/README/gm,
    ),
  ].map(([, room]) => room);
  assertEquals(linked.sort(), rooms());
});

Deno.test("no room is called by a room that it calls", {
  ignore: noFiles,
}, () => {
  const calls = new Map(rooms().map((room) => [room, imported(room)]));
  /** The rooms that a room needs, by whichever way. */
  const needed = (room: string, seen = new Set<string>()): Set<string> => {
    for (const other of calls.get(room) ?? []) {
      if (seen.has(other)) continue;
      seen.add(other);
      needed(other, seen);
    }
    return seen;
  };
  assertEquals(rooms().filter((room) => needed(room).has(room)), []);
});

/** The modules that a module imports for more than types. */
function loaded(path: string): string[] {
  const from = /^(?:import|export) (?!type )[^;"]*"(\.[^"]+\.ts)";/gm;
  return [...read(path).matchAll(from)].map(([, to]) => {
    const { href } = new URL(to!, new URL(path, ROOT));
    return href.slice(ROOT.href.length);
  });
}

Deno.test("tests load rooms, not all of them by mod.ts (tests/README.md)", {
  ignore: noFiles,
}, () => {
  const all = modulesIn("tests/").filter((path) =>
    loaded(path).includes("mod.ts")
  );
  assertEquals(all, ["tests/serve_options_test.ts"]);
});

for (const room of ["base", "host", "nfs4", "wire", "xdr"]) {
  Deno.test(`the tests of ${room} load no server`, { ignore: noFiles }, () => {
    const seen = new Set(modulesIn(`tests/${room}/`));
    // A set goes on with what is added to it meanwhile.
    for (const path of seen) loaded(path).forEach((each) => seen.add(each));
    assertEquals([...seen].filter((path) => path === "src/server.ts"), []);
  });
}

/** The documents for people, by their paths from the root. */
function documents(): string[] {
  return [
    "PROTOCOL.md",
    "README.md",
    "tests/README.md",
    "tests/bench/README.md",
    "tests/interop/README.md",
    ...rooms().map((room) => `src/${room}/README.md`),
  ];
}

/** Paths from the root: `src/…` and `tests/…`, wherever they stand in a text. */
function fromRoot(text: string): string[] {
  return [...text.matchAll(/(?<![\w./-])(?:src|tests)\/[\w./-]*\w/g)]
    .map(([path]) => path);
}

/** Files that a document names by paths from its own folder: links, and `module.ts`. */
function fromFolder(document: string): string[] {
  const folder = document.slice(0, document.lastIndexOf("/") + 1);
  const text = read(document);
  const links = [...text.matchAll(/\]\((\.[^)#]*)/g)].map(([, path]) => path!);
  const modules = [...text.matchAll(/`([a-z0-9_]+(?:\/[a-z0-9_]+)*\.ts)`/g)]
    .map(([, path]) => path!)
    .filter((path) => !/^(?:src|tests)\//.test(path));
  return [...links, ...modules].map((path) =>
    new URL(path, `file:///${folder}`).pathname.slice(1)
  );
}

Deno.test("the paths that documents name are there", {
  ignore: noFiles,
}, () => {
  const lost = documents().flatMap((document) =>
    [...fromRoot(read(document)), ...fromFolder(document)]
      .filter((path) => !exists(path))
      .map((path) => `${document}: ${path}`)
  );
  assertEquals(lost, []);
});

Deno.test("the paths that comments name are there", {
  ignore: noFiles,
}, () => {
  const lost = ["src/", "tests/"].flatMap((folder) =>
    modulesIn(folder).flatMap((module) =>
      [...read(module).matchAll(/^\s*(?:\/\/|\/?\*).*/gm)]
        .flatMap(([line]) => fromRoot(line))
        .filter((path) => !exists(path))
        .map((path) => `${module}: ${path}`)
    )
  );
  assertEquals(lost, []);
});

Deno.test("the engine's README has the server's own table of operations", {
  ignore: noFiles,
}, () => {
  const text = read("src/engine/README.md");
  // To mend it: deno eval 'import { operationTable } from "./tests/docs/operation_table.ts"; console.log(operationTable())'
  assert(plain(text).includes(plain(operationTable())));
});

/** A table without what `deno fmt` adds to it. */
function plain(markdown: string): string {
  return markdown.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---")
    .replaceAll("--:", "-:").replaceAll(/-+:/g, "-:");
}
