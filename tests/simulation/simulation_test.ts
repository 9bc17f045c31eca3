import { assert, assertEquals } from "@std/assert";
import { play } from "./history.ts";
import { report, shrink } from "./shrink.ts";

const HISTORIES = 150;
const STEPS = 80;

Deno.test(`${HISTORIES} random histories: no lock held by two, no write lost, each request done once, nothing left over`, async () => {
  const happened = new Map<string, number>();
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const outcome = await play(seed, STEPS);
    if (outcome.violation !== undefined) {
      throw new Error(report(await shrink(outcome)));
    }
    for (const [what, times] of outcome.counts) {
      happened.set(what, (happened.get(what) ?? 0) + times);
    }
  }
  // A simulation in which nothing goes wrong shows nothing.
  for (const what of ESSENTIAL) {
    assert((happened.get(what) ?? 0) > 0, `${what} never happened`);
  }
});

const ESSENTIAL: readonly string[] = [
  "LOCK OK",
  "LOCK DENIED",
  "LOCK GRACE",
  "WRITE",
  "RENAME",
  "DELEGRETURN OK",
  "delegations recalled",
  "delegations reclaimed",
  "locks reclaimed",
  "client crashes",
  "clients that lost everything",
  "server restarts",
  "dropped messages",
  "duplicated requests",
  "resent requests",
  "requests found busy",
  "sessions changed",
];

Deno.test("a history is the same each time, and its beginning that of a longer one", async () => {
  const [once, again] = [await play(4711, 80), await play(4711, 80)];
  assertEquals(again, once);
  const short = await play(4711, 20);
  const common = short.trace.filter((line) => Number(stepOf(line)) < 20);
  assertEquals(once.trace.slice(0, common.length), common);
});

function stepOf(line: string): string | undefined {
  return /#(\d+)/.exec(line)?.[1];
}
