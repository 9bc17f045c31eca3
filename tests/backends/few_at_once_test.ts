import { assertEquals, assertRejects } from "@std/assert";
import { FewAtOnce } from "../../src/backends/common/few_at_once.ts";

/** Lets everything happen that waits for no call. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

Deno.test("of many long calls four are under way, the others in their order, whatever becomes of them", async () => {
  const few = new FewAtOnce(4);
  const calls = Array.from({ length: 9 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const ended = calls.map(({ promise }, i) =>
    few.run(() => {
      begun.push(i);
      return promise;
    })
  );
  await turns();
  assertEquals(begun, [0, 1, 2, 3]);
  const told = assertRejects(() => ended[2]!, Error, "EIO");
  calls[2]!.reject(new Error("EIO"));
  calls[0]!.resolve();
  await turns();
  await told;
  assertEquals(begun, [0, 1, 2, 3, 4, 5]);
  for (const { resolve } of calls) resolve();
  await Promise.allSettled(ended);
  assertEquals(begun, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  // And then there is room for four again.
  const later = Promise.withResolvers<void>();
  const more = Array.from({ length: 5 }, (_, i) =>
    few.run(() => {
      begun.push(9 + i);
      return later.promise;
    }));
  await turns();
  assertEquals(begun.length, 13);
  later.resolve();
  await Promise.all(more);
});
