import { assertEquals } from "@std/assert";
import { modulesIn, noFiles, read, rooms, ROOT } from "./documents.ts";

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
