import { constants } from "node:os";
import { assertEquals, assertRejects } from "@std/assert";
import type { Clock } from "../../src/base/clock.ts";
import { isOutOfRoom, withRoom } from "../../src/base/out_of_room.ts";

/** Nobody waits by it. */
const atOnce: Clock = {
  now: () => 0,
  schedule(run) {
    queueMicrotask(run);
    return () => {};
  },
};

function failure(code: string): Error {
  return Object.assign(new Error("failed"), { code });
}

Deno.test("descriptors have run out however the host says it", () => {
  const { EMFILE, EACCES } = constants.errno;
  assertEquals(isOutOfRoom(failure("EMFILE")), true);
  // Deno gives a number alone where it has no name.
  assertEquals(isOutOfRoom(new Error(`no (os error ${EMFILE})`)), true);
  assertEquals(isOutOfRoom(new Error(`no (os error ${EACCES})`)), false);
  assertEquals(isOutOfRoom(failure("EACCES")), false);
  assertEquals(isOutOfRoom(undefined), false);
});

Deno.test("what the host has no room for is tried again, and nothing else is", async () => {
  let tries = 0;
  const open = () =>
    ++tries < 5 ? Promise.reject(failure("EMFILE")) : Promise.resolve("open");
  assertEquals(await withRoom(atOnce, open), "open");
  for (const [code, count] of [["EMFILE", 20], ["EACCES", 1]] as const) {
    tries = 0;
    await assertRejects(() =>
      withRoom(atOnce, () => {
        tries++;
        return Promise.reject(failure(code));
      })
    );
    assertEquals(tries, count);
  }
});
