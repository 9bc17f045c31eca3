/**
 * Writes PROTOCOL.md's tables of errors anew from what the tests see:
 *
 *     deno task errors
 */

import {
  allPairs,
  creditsOf,
  errorSection,
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

const file = new URL("../../PROTOCOL.md", import.meta.url);
const run = await runTests(TESTS);
if (!run.passed) {
  console.error(run.output);
  console.error("not all tests pass: nothing is written");
  Deno.exit(1);
}
const text = await Deno.readTextFile(file);
const { credits, missing } = creditsOf(run.seen, readCredits(text));
if (missing.length > 0) {
  console.error("neither a test nor a reason:\n  " + missing.join("\n  "));
  Deno.exit(1);
}
const begin = text.indexOf("## Errors\n");
const next = begin < 0 ? -1 : text.indexOf("\n## ", begin);
const head = begin < 0 ? text : text.slice(0, begin);
const tail = next < 0 ? "" : text.slice(next);
await Deno.writeTextFile(
  file,
  `${head.trimEnd()}\n\n${errorSection(credits)}\n${tail}`,
);
await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", file.pathname] })
  .output();
const reasons = [...credits.values()].filter(isReason).length;
const pairs = allPairs().length;
console.log(`${pairs} errors: ${pairs - reasons} shown, ${reasons} explained`);
