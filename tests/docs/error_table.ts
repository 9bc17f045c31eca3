import type { ListVersion } from "../support/seen_errors.ts";
import { type ErrorLists, errorLists } from "./error_lists.ts";
import { beyond, legend, type Reason, reasonOf } from "./error_reasons.ts";

/** What stands for each error of each operation: a test, or a {@linkcode Reason}; keys as "4.0 LOOKUP NOENT". */
export type Credits = ReadonlyMap<string, string>;

/** In a row: as the table by error has it. */
const ABOVE = "above";
/** Most characters of a cell that lists errors. */
const WIDTH = 76;
/** Errors with the same source in so many operations are told once. */
const COMMON = 3;

/** Where {@linkcode errorPage} is kept. */
export const ERROR_PAGE: URL = new URL(
  "../conformance/ERRORS.md",
  import.meta.url,
);

const VERSIONS: readonly ListVersion[] = ["4.0", "4.1"];

/** Every error of the RFCs' lists. */
export function allPairs(): string[] {
  return VERSIONS.flatMap((version) =>
    [...errorLists[version]].flatMap(([operation, errors]) =>
      errors.map((error) => `${version} ${operation} ${error}`)
    )
  );
}

/**
 * Who stands for what: a test that has seen the error, the one that did so
 * before where it still does; else the reason.
 */
export function creditsOf(
  seen: ReadonlyMap<string, ReadonlySet<string>>,
  before: Credits,
): { readonly credits: Credits; readonly missing: readonly string[] } {
  const credits = new Map<string, string>();
  const missing: string[] = [];
  const order = byWeight(seen);
  for (const pair of allPairs()) {
    const tests = seen.get(pair);
    const [version, operation = "", error = ""] = pair.split(" ");
    const known = before.get(pair);
    const source = tests === undefined
      ? reasonOf(version as ListVersion, operation, error)
      : known !== undefined && tests.has(known)
      ? known
      : [...tests].sort(order)[0];
    if (source === undefined) missing.push(pair);
    else credits.set(pair, source);
  }
  return { credits, missing };
}

/** Tests that were written for these tables come first, then what shows most: few tests tell all. */
function byWeight(
  seen: ReadonlyMap<string, ReadonlySet<string>>,
): (a: string, b: string) => number {
  const weights = new Map<string, number>();
  for (const tests of seen.values()) {
    for (const test of tests) {
      const first = test.startsWith("conformance/errors/") ? 1e6 : 0;
      weights.set(test, (weights.get(test) ?? first) + 1);
    }
  }
  return (a, b) => weights.get(b)! - weights.get(a)! || (a < b ? -1 : 1);
}

/** Whether a source is one of the legend's words. */
export function isReason(source: string): source is Reason {
  return Object.hasOwn(legend, source);
}

/** The page as Markdown, before `deno fmt`. */
export function errorPage(credits: Credits): string {
  const used = new Set(credits.values());
  const words = Object.entries(legend).filter(([word]) => used.has(word));
  return [
    "# Errors",
    "",
    INTRODUCTION,
    "",
    ...words.map(([word, text]) => `- ${word}: ${text}.`),
    "",
    ...VERSIONS.flatMap((version) => [
      `## Errors of NFSv${version}`,
      "",
      TITLES[version],
      "",
      ...tables(version, errorLists[version], credits),
      "",
    ]),
    "## Errors outside of the lists",
    "",
    "| operation | error | for |",
    "| --- | --- | --- |",
    ...Object.entries(beyond).map(([pair, why]) => {
      const [version, operation = "", error = ""] = pair.split(" ");
      return `| ${operation} of ${version} | ${error} | ${why} |`;
    }),
  ].join("\n");
}

const INTRODUCTION =
  `The RFCs list the errors that each operation may answer. Each has a test that
shows it, named by its path below \`tests/\` without \`_test.ts\`, or one of these
reasons why it does not occur. \`deno task errors\` writes this page from what
the tests see.`;

const TITLES: Readonly<Record<ListVersion, string>> = {
  "4.0":
    `RFC 7530 13.2 and 13.3. First the errors with one answer for most operations,
then each operation with all of its errors.`,
  "4.1": "RFC 8881 15.2 and 15.3, for NFSv4.2 too.",
};

function tables(
  version: ListVersion,
  lists: ErrorLists,
  credits: Credits,
): string[] {
  const common = commonSources(version, lists, credits);
  const rows = [...lists].flatMap(([operation, errors]) => {
    const bySource = Map.groupBy(errors, (error) => {
      const source = credits.get(`${version} ${operation} ${error}`)!;
      return common.get(error) === source ? ABOVE : source;
    });
    const sources = [...bySource].sort(([a], [b]) =>
      Number(b === ABOVE) - Number(a === ABOVE) || (a < b ? -1 : 1)
    );
    return sources.flatMap(([source, errors], i) =>
      lines(errors).map((line, j) =>
        `| ${i + j === 0 ? operation : ""} | ${line} | ${
          j === 0 ? source : ""
        } |`
      )
    );
  });
  return [
    "| error | shown by, or why not |",
    "| --- | --- |",
    ...[...common].map(([error, source]) => `| ${error} | ${source} |`),
    "",
    "| operation | errors | shown by, or why not |",
    "| --- | --- | --- |",
    ...rows,
  ];
}

/** Reasons for an operation as a whole, which say nothing of the error. */
const WHOLE: readonly string[] = [
  "not supported",
  "never sent",
  "as in 4.1",
] satisfies Reason[];

/** What stands for an error in most of the operations that list it. */
function commonSources(
  version: ListVersion,
  lists: ErrorLists,
  credits: Credits,
): Map<string, string> {
  const sources = Map.groupBy(
    [...lists].flatMap(([operation, errors]) =>
      errors.map((error) => ({
        error,
        source: credits.get(`${version} ${operation} ${error}`)!,
      }))
    ).filter(({ source }) => !WHOLE.includes(source)),
    ({ error }) => error,
  );
  const common = new Map<string, string>();
  for (const [error, all] of [...sources].sort(([a], [b]) => a < b ? -1 : 1)) {
    const bySource = Map.groupBy(all, ({ source }) => source);
    const [source, most] = [...bySource].sort(([, a], [, b]) =>
      b.length - a.length
    )[0]!;
    if (most.length >= COMMON) common.set(error, source);
  }
  return common;
}

/** Words in lines of a table's width. */
function lines(words: readonly string[]): string[] {
  const lines = [""];
  for (const word of words) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

/** What the tables of the page say. */
export function readCredits(markdown: string): Credits {
  const credits = new Map<string, string>();
  for (const version of VERSIONS) {
    const begin = markdown.indexOf(`## Errors of NFSv${version}\n`);
    if (begin < 0) continue;
    const end = markdown.indexOf("\n## ", begin + 3);
    const common = new Map<string, string>();
    let operation = "";
    let source = "";
    for (const line of markdown.slice(begin, end).split("\n")) {
      const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
      if (cells.length < 2 || cells[0]!.startsWith("---")) continue;
      if (cells.length === 2) {
        common.set(cells[0]!, cells[1]!);
        continue;
      }
      if (cells[0] === "operation") continue;
      operation = cells[0] || operation;
      source = cells[2] || source;
      for (const error of cells[1]!.split(" ")) {
        const own = source === ABOVE ? common.get(error) ?? "" : source;
        credits.set(`${version} ${operation} ${error}`, own);
      }
    }
  }
  return credits;
}
