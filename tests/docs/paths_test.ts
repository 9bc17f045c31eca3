import { assertEquals } from "@std/assert";
import { exists, modulesIn, noFiles, read, rooms } from "./documents.ts";

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
