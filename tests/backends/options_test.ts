/** The options of all back ends are refused at the call where they can't be. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import type { LocalOptions } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import type { MemoryOptions } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import type { SqliteOptions } from "../../src/backends/sqlite/mod.ts";

/** What an option is. */
type Kind = "number" | "boolean" | "function" | "object" | "word";

interface BackEnd {
  readonly name: string;
  readonly make: (options: never) => unknown;
  readonly kinds: Readonly<Record<string, Kind>>;
}

const backEnds: readonly BackEnd[] = [
  {
    name: "memory",
    make: (options) => memory({}, options),
    kinds: {
      maxBytes: "number",
      maxFiles: "number",
      uid: "number",
      gid: "number",
      mode: "number",
      trust: "word",
      now: "function",
      instance: "number",
    } satisfies Record<keyof MemoryOptions, Kind>,
  },
  {
    name: "sqlite",
    // A folder that can't be made: what is refused later is another error.
    make: (options) => sqlite("/dev/null/none", options),
    kinds: {
      durability: "word",
      quotaBytes: "number",
      uid: "number",
      gid: "number",
      mode: "number",
      now: "function",
      keptNodes: "number",
      longLog: "number",
      commitBytes: "number",
      mostRanges: "number",
      disk: "object",
    } satisfies Record<keyof SqliteOptions, Kind>,
  },
  {
    name: "local",
    make: (options) => local("/dev/null/none", options),
    kinds: {
      durability: "word",
      exclusive: "boolean",
      apart: "boolean",
      ffi: "boolean",
      now: "function",
      maxDescriptors: "number",
    } satisfies Record<keyof LocalOptions, Kind>,
  },
];

/** Values of all types, by what they could be taken for. */
const VALUES: readonly (readonly [unknown, Kind | undefined])[] = [
  [null, undefined],
  ["", undefined],
  ["x", undefined],
  ["1", undefined],
  [1n, undefined],
  [Symbol("s"), undefined],
  [true, "boolean"],
  [1, "number"],
  [{}, "object"],
  [[1], "object"],
  [() => 1, "function"],
];

/** Numbers that no option can be. */
const NUMBERS = [-1, 1.5, NaN, -Infinity, 2 ** 60];

for (const { name, make, kinds } of backEnds) {
  /** What is thrown for an option, whose message is to be one line that names it. */
  const refusal = (option: string, value: unknown): Error => {
    const options = { [option]: value } as never;
    const error = assertThrows(() => make(options)) as Error;
    const said = `${error.name}: ${error.message}`;
    assert(error.message.startsWith(`${option} `), said);
    assertEquals(error.message.includes("\n"), false, said);
    return error;
  };

  Deno.test(`${name}: an option of another type is a TypeError at the call`, () => {
    for (const [option, kind] of Object.entries(kinds)) {
      for (const [value, of] of VALUES) {
        if (of === kind) continue;
        assertEquals(refusal(option, value).name, "TypeError");
      }
    }
  });

  Deno.test(`${name}: a number that an option can't be is a RangeError at the call`, () => {
    for (const [option, kind] of Object.entries(kinds)) {
      if (kind !== "number") continue;
      for (const value of NUMBERS) {
        assertEquals(refusal(option, value).name, "RangeError");
      }
    }
  });

  Deno.test(`${name}: what are no options is a TypeError at the call`, () => {
    for (const value of [null, 5, "x", true, [1], () => 1]) {
      assertThrows(() => make(value as never), TypeError, "object of options");
    }
  });
}

Deno.test("a folder that is no text, and a tree that is none, is a TypeError at the call", () => {
  for (const value of [null, 5, true, {}, () => 1]) {
    for (const make of [local, sqlite]) {
      assertThrows(() => make(value as never), TypeError, "must be a string");
    }
  }
  for (const value of [null, 5, "x", true, () => 1]) {
    assertThrows(() => memory(value as never), TypeError, "must be an object");
  }
});

Deno.test("a folder that is carried apart takes no clock of the program's, which is another thread's", () => {
  assertThrows(
    () => local("/dev/null/none", { apart: true, now: Date.now }),
    TypeError,
    "now can't be used apart",
  );
});
