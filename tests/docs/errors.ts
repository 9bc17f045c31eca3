/**
 * Writes tests/conformance/ERRORS.md anew from what the tests see:
 *
 *     deno task errors
 */

import {
  allPairs,
  creditsOf,
  ERROR_PAGE,
  errorPage,
  isReason,
  readCredits,
} from "./error_table.ts";
import { runTests } from "./error_run.ts";

/** Tests that assert what is answered; noise, loads and simulations are no evidence. */
const TESTS = [
  "conformance",
  "backchannel",
  "engine",
  "recovery",
  "robustness/limits_test.ts",
  "robustness/takeover_test.ts",
];

const run = await runTests(TESTS);
if (!run.passed) {
  console.error(run.output);
  console.error("not all tests pass: nothing is written");
  Deno.exit(1);
}
const { credits, missing } = creditsOf(
  run.seen,
  readCredits(await Deno.readTextFile(ERROR_PAGE)),
);
if (missing.length > 0) {
  console.error("neither a test nor a reason:\n  " + missing.join("\n  "));
  Deno.exit(1);
}
await Deno.writeTextFile(ERROR_PAGE, errorPage(credits));
const args = ["fmt", "-q", ERROR_PAGE.pathname];
await new Deno.Command(Deno.execPath(), { args }).output();
const reasons = [...credits.values()].filter(isReason).length;
const pairs = allPairs().length;
console.log(`${pairs} errors: ${pairs - reasons} shown, ${reasons} explained`);
