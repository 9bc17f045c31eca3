import { assertEquals } from "@std/assert";
import { defaultServerLimits } from "../../src/server/limits.ts";
import {
  MOST_XATTR_BYTES,
  MOST_XATTRS,
} from "../../src/backends/common/xattrs.ts";
import {
  MAX_XATTR_NAME,
  MAX_XATTR_NAMES,
  MAX_XATTR_VALUE,
} from "../../src/vfs/xattrs.ts";
import { noFiles, read } from "./documents.ts";

Deno.test("PROTOCOL.md names every limit, and what it is if left out", {
  ignore: noFiles,
}, () => {
  const text = read("PROTOCOL.md");
  const [, section] = /^## Limits\n([^]*?)^## /m.exec(text)!;
  const documented = new Map<string, number>();
  for (const line of section!.split("\n")) {
    const [, names = "", value] = line.split("|");
    for (const [, name] of names.matchAll(/`(\w+)`/g)) {
      documented.set(name!, Number(value));
    }
  }
  const limits = Object.entries(defaultServerLimits).map(
    // Words, where it depends on the machine.
    ([name, value]) => [name, name === "maxStateBytes" ? NaN : value],
  );
  assertEquals([...documented].sort(), limits.sort());
});

Deno.test("PROTOCOL.md has the limits of extended attributes", {
  ignore: noFiles,
}, () => {
  const [, table] = /^\| of extended attributes([^]*?)\n\n/m
    .exec(read("PROTOCOL.md"))!;
  const values = [...table!.matchAll(/\| +(\d+) \|/g)];
  assertEquals(values.map(([, value]) => Number(value)), [
    MAX_XATTR_NAME,
    MAX_XATTR_VALUE,
    MOST_XATTRS,
    MOST_XATTR_BYTES,
    MAX_XATTR_NAMES,
  ]);
});
