import { assert, assertEquals } from "@std/assert";
import { cannotRun } from "../support/cli.ts";
import { beyond, reasonOf } from "./error_reasons.ts";
import { errorLists } from "./error_lists.ts";
import { runTests } from "./error_run.ts";
import {
  allPairs,
  type Credits,
  ERROR_PAGE,
  errorPage,
  isReason,
  readCredits,
} from "./error_table.ts";
import type { ListVersion } from "../support/seen_errors.ts";

const noFiles =
  Deno.permissions.querySync({ name: "read" }).state !== "granted";

function page(): string {
  return Deno.readTextFileSync(ERROR_PAGE);
}

function testFile(test: string): URL {
  return new URL(`../${test}_test.ts`, import.meta.url);
}

function testsOf(credits: Credits): string[] {
  return [...new Set(credits.values())].filter((it) => !isReason(it));
}

// To mend any of these: deno task errors

Deno.test(
  "ERRORS.md has a test or a reason for every error of the RFCs' lists",
  {
    ignore: noFiles,
  },
  () => {
    const credits = readCredits(page());
    const pairs = allPairs();
    assert(pairs.length > 1800);
    for (const pair of pairs) {
      const source = credits.get(pair);
      assert(source, `${pair} has neither`);
      if (!isReason(source)) continue;
      const [version, operation = "", error = ""] = pair.split(" ");
      const reason = reasonOf(version as ListVersion, operation, error);
      assertEquals(source, reason, pair);
    }
    assertEquals(credits.size, pairs.length);
    for (const test of testsOf(credits)) {
      assert(Deno.statSync(testFile(test)).isFile, test);
    }
  },
);

Deno.test("ERRORS.md is as it would be written now", {
  ignore: noFiles,
}, () => {
  const text = page();
  assertEquals(words(text), words(errorPage(readCredits(text))));
});

Deno.test(
  "the tests that ERRORS.md names show what it says, and no error that no list has",
  {
    ignore: cannotRun,
  },
  async () => {
    const credits = readCredits(page());
    const tests = testsOf(credits);
    const { seen, output } = await runTests(
      tests.map((test) => `${test}_test.ts`),
    );
    const unseen = [...credits].filter(([pair, source]) =>
      !isReason(source) && !seen.get(pair)?.has(source)
    );
    assertEquals(unseen, [], output.slice(-2000));
    const stray = [...seen.keys()].filter((pair) =>
      !isListed(pair) && !(pair in beyond)
    );
    assertEquals(stray, []);
  },
);

/** Whether the list has the error, or is not there: of COMPOUND itself, of what NFSv4.2 adds. */
function isListed(pair: string): boolean {
  const [version, operation = "", error = ""] = pair.split(" ");
  // An answer of OK is no error, and what clients answer is their own.
  if (error === "OK" || operation.startsWith("CB_")) return true;
  const list = errorLists[version as ListVersion].get(operation);
  return list === undefined || list.includes(error);
}

/** Text without its layout. */
function words(markdown: string): string {
  return markdown.replaceAll(/-{3,}/g, "---").trim().split(/\s+/).join(" ");
}
