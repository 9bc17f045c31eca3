import {
  assert,
  assertEquals,
  assertFalse,
  assertStrictEquals,
} from "@std/assert";
import { askedBy, OWN, workFor } from "../../src/base/asker.ts";
import { Jobs } from "../../src/base/jobs.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { nextTurn } from "../../src/base/turn.ts";

/** Keeps what is logged as an error. */
function logging(): { readonly log: Logger; readonly errors: unknown[] } {
  const errors: unknown[] = [];
  const error: Logger["error"] = (message, fields) => {
    errors.push([message, (fields?.error as Error).message]);
  };
  return { log: { ...silentLogger, error }, errors };
}

Deno.test("a job counts until it ends, and one that does not wait never", async () => {
  const jobs = new Jobs({ name: "a job", log: silentLogger });
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  jobs.begin(() => void begun++);
  assertEquals([begun, jobs.size], [1, 0]);
  jobs.begin(() => gate.promise);
  assertEquals(jobs.size, 1);
  gate.resolve();
  await jobs.finished();
  assertEquals([jobs.size, jobs.failed], [0, 0]);
});

Deno.test("a job that fails, at once or later, is logged and counted", async () => {
  const { log, errors } = logging();
  const jobs = new Jobs({ name: "a job", log });
  jobs.begin(() => {
    throw new Error("at once");
  });
  jobs.begin(() => Promise.reject(new Error("later")));
  await jobs.finished();
  assertEquals(errors, [["a job failed", "at once"], [
    "a job failed",
    "later",
  ]]);
  assertEquals([jobs.size, jobs.failed], [0, 2]);
});

Deno.test("jobs that are stopped hear of it, and are waited for", async () => {
  const jobs = new Jobs({ name: "a job", log: silentLogger });
  let isOver = false;
  jobs.begin(async (signal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await Promise.resolve();
    isOver = true;
  });
  assertFalse(jobs.signal.aborted);
  await jobs.stop();
  assert(isOver);
  assert(jobs.signal.aborted);
});

Deno.test("what a job begins is waited for with it", async () => {
  const jobs = new Jobs({ name: "a job", log: silentLogger });
  const order: string[] = [];
  jobs.begin(async () => {
    await Promise.resolve();
    jobs.begin(async () => {
      await Promise.resolve();
      await Promise.resolve();
      order.push("second");
    });
    order.push("first");
  });
  await jobs.finished();
  assertEquals(order, ["first", "second"]);
});

Deno.test("what work comes to later is for the same asker, and what others begin is not", async () => {
  const who = { party: "one" };
  const release = Promise.withResolvers<void>();
  const work = workFor(who, async () => {
    await nextTurn();
    await release.promise;
    return askedBy();
  });
  await workFor({ party: "other" }, () => release.resolve());
  assertStrictEquals(await work, who);
  assertStrictEquals(askedBy(), OWN);
});
