import { assertEquals } from "@std/assert";
import { workFor } from "../../src/base/asker.ts";
import { createLogger } from "../../src/base/log.ts";
import { rateLimited } from "../../src/base/log_limit.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A logger of so many lines a minute and level, and what it wrote. */
function limited(perMinute: number) {
  const lines: string[] = [];
  const logger = createLogger({
    level: "debug",
    format: "json",
    write: (line) => {
      const { message, count } = JSON.parse(line);
      lines.push(count === undefined ? message : `${message}: ${count}`);
    },
  });
  const clock = new FakeClock();
  return { lines, clock, log: rateLimited(logger, { perMinute, clock }) };
}

Deno.test("an operator who asks for debug lines gets all of them", () => {
  const { lines, log } = limited(2);
  assertEquals(log.level, "debug");
  for (let i = 0; i < 5; i++) log.debug("line");
  assertEquals(lines.length, 5);
});

Deno.test("a rate-limited level falls silent, then says how much it left out", () => {
  const { lines, clock, log } = limited(4);
  for (let i = 0; i < 5; i++) log.warn(`warn ${i}`);
  log.error("its own share");
  clock.advance(60_000);
  log.warn("next minute");
  assertEquals(lines, [
    "warn 0",
    "warn 1",
    "its own share",
    "left out messages of this level: 3",
    "next minute",
  ]);
});

Deno.test("of one party no more is logged than leaves others a part, and of all no more than there may be", () => {
  const { lines, log } = limited(8);
  const warn = (party: string) =>
    workFor({ party }, () => {
      for (let i = 0; i < 20; i++) log.warn(party);
    });
  for (const party of ["a", "b", "c", "a", "d", "e", "f"]) warn(party);
  assertEquals(lines.join(""), "aaaabbcd");
});

Deno.test("what is left out is counted, with what the reader of the log did not take", () => {
  const logger = { ...createLogger({ write: () => {} }), dropped: 3 };
  const log = rateLimited(logger, { perMinute: 2, clock: new FakeClock() });
  log.error("shown");
  log.error("not shown");
  log.info("shown");
  assertEquals(log.dropped, 4);
});
