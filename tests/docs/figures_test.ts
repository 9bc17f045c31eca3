/** What the documents tell of limits, metrics, times and sizes, against what the server has. */

import { MOST_HIDDEN_REMOVED } from "../../src/engine/files/hidden_entries.ts";
import { MAX_ATTRIBUTE } from "../../src/vfs/named_attributes/attribute_parts.ts";
import { assertEquals } from "@std/assert";
import {
  MOST_XATTR_BYTES,
  MOST_XATTRS,
} from "../../src/backends/common/xattrs.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { MOST_RANGES } from "../../src/backends/sqlite/options.ts";
import { serve } from "../../src/server.ts";
import { defaultServerLimits } from "../../src/server/limits.ts";
import {
  MAX_XATTR_NAME,
  MAX_XATTR_NAMES,
  MAX_XATTR_VALUE,
} from "../../src/vfs/xattrs.ts";
import { MAX_ACES } from "../../src/vfs/acl.ts";
import { scrape } from "../support/scrape.ts";
import { filesIn, modulesIn, noFiles, read } from "./documents.ts";
import { quantities, type Quantity, UNITS, WORDS } from "./quantities.ts";
import { NO_CONSTANTS, TIMES } from "./times.ts";

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

Deno.test("PROTOCOL.md has the limit of named attributes", {
  ignore: noFiles,
}, () => {
  const [, most] = /^\| bytes of a named attribute +\| +(\d+) \| FBIG/m
    .exec(read("PROTOCOL.md"))!;
  assertEquals(Number(most), MAX_ATTRIBUTE);
});

Deno.test("PROTOCOL.md has the limit of hidden entries", {
  ignore: noFiles,
}, () => {
  const [, most] = /^\| entries that go with one REMOVE +\| +(\d+) \| DELAY/m
    .exec(read("PROTOCOL.md"))!;
  assertEquals(Number(most), MOST_HIDDEN_REMOVED);
});

Deno.test("PROTOCOL.md has the limit of access lists", {
  ignore: noFiles,
}, () => {
  const [, most] = /^\| entries of a list +\| +(\d+) \| INVAL/m
    .exec(read("PROTOCOL.md"))!;
  assertEquals(Number(most), MAX_ACES);
});

Deno.test("PROTOCOL.md has the limit of shared ranges", {
  ignore: noFiles,
}, () => {
  const [, most] = /^\| shared ranges of a file +\| +(\d+) \| FBIG/m
    .exec(read("PROTOCOL.md"))!;
  assertEquals(Number(most), MOST_RANGES);
});

/** The metrics that a document names in the first cells of its tables, without prefix and labels. */
function documented(): Set<string> {
  const names = read("src/metrics/README.md").split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...line.split(" | ")[0]!.matchAll(/`(\w+)/g)]);
  return new Set(names.map(([, name]) => name!));
}

/** The metrics that PROTOCOL.md names where it speaks of the backchannel's. */
function ofBackchannel(): string[] {
  const [, section] = /^### Metrics\n([^]*?)^##/m.exec(read("PROTOCOL.md"))!;
  return [...section!.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
}

Deno.test(
  "the README of metrics has every metric that a server is scraped for",
  {
    ignore: noFiles,
  },
  async () => {
    await using server = await serve(memory(), { port: 0, metricsPort: 0 });
    const text = await scrape(server);
    const scraped = [...text.matchAll(/^# TYPE dittofs_nfs_(\w+)/gm)];
    assertEquals(scraped.length > 30, true);
    const names = documented();
    const missing = scraped.map(([, name]) => name!)
      .filter((name) => !names.has(name));
    assertEquals(missing, []);
  },
);

Deno.test("no document has a metric that there is not", {
  ignore: noFiles,
}, () => {
  const source = modulesIn("src/metrics/").map(read).join();
  const all = [...documented(), ...ofBackchannel()];
  assertEquals(ofBackchannel().length, 8);
  const unknown = all.filter((name) =>
    !source.includes(`"${name}"`) && !source.includes(`}${name}\``)
  );
  assertEquals(unknown, []);
});

/** The documents that tell what the server does. */
function documents(): string[] {
  return [
    "README.md",
    "PROTOCOL.md",
    ...filesIn("src/").filter((path) => path.endsWith("/README.md")),
  ];
}

/** The words of a list that a quantity stands behind: the longest, for they may end alike. */
function wordsBefore(
  { before }: Quantity,
  list: Readonly<Record<string, unknown>> = {},
): string | undefined {
  return Object.keys(list).filter((words) => before.endsWith(words))
    .sort((a, b) => b.length - a.length)[0];
}

const shown = ({ before, said }: Quantity) => `${before.slice(-40)} [${said}]`;

for (const document of noFiles ? [] : documents()) {
  const [times, others] = [TIMES[document], NO_CONSTANTS[document]];

  Deno.test(`the times and sizes that ${document} tells are the server's own`, () => {
    const told = quantities(read(document)).filter((each) =>
      wordsBefore(each, others) === undefined
    );
    const wrong = told.flatMap((each) => {
      const constant = times?.[wordsBefore(each, times) ?? ""];
      if (constant === undefined) return `${shown(each)}: in neither list`;
      const own = [constant].flat();
      return `${own}` === `${each.values}` ? [] : `${shown(each)}: is ${own}`;
    });
    assertEquals(wrong, []);
  });
}

Deno.test("what is listed of times and sizes stands in its document", {
  ignore: noFiles,
}, () => {
  const unused = [TIMES, NO_CONSTANTS].flatMap((lists) =>
    Object.entries(lists).flatMap(([document, list]) => {
      const told = quantities(read(document));
      return Object.keys(list)
        .filter((words) =>
          !told.some((each) => wordsBefore(each, list) === words)
        )
        .map((words) => `${document}: ${words}`);
    })
  );
  assertEquals(unused, []);
});

Deno.test("quantities are found with each number in each unit", () => {
  const numbers = { ...WORDS, "7": 7, "1,024": 1024, "2.5": 2.5 };
  for (const [number, value] of Object.entries(numbers)) {
    for (const [unit, size] of Object.entries(UNITS)) {
      const text = `It waits\nfor ${number}\n${unit}, and goes on.`;
      assertEquals(quantities(text), [{
        said: `${number} ${unit}`,
        before: "It waits for",
        values: [value * size],
      }]);
    }
  }
  const found = (text: string) =>
    quantities(text).map(({ said, values }) => [said, ...values]);
  assertEquals(found("after 5, 10 and 20 s"), [
    ["5, 10 and 20 s", 5_000, 10_000, 20_000],
  ]);
  assertEquals(found("(64M to 2G), `500M`"), [
    ["64M", 2 ** 26],
    ["2G", 2 ** 31],
    ["500M", 500 * 2 ** 20],
  ]);
  assertEquals(found("Two minutes. A 30-second wait"), [
    ["Two minutes", 120_000],
    ["30-second", 30_000],
  ]);
  assertEquals(found("RFC 8881 2.10.6, 16 slots, 4.1 sends, a message"), []);
});
