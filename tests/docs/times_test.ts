import { assertEquals } from "@std/assert";
import { filesIn, noFiles, read } from "./documents.ts";
import { quantities, type Quantity, UNITS, WORDS } from "./quantities.ts";
import { NO_CONSTANTS, TIMES } from "./times.ts";

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
