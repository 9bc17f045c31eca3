import { assertEquals, assertRejects } from "@std/assert";
import { fewAtOnce } from "../../src/base/few_at_once.ts";

Deno.test("so many are under way at a time, in order, and all are waited for", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  let ended = false;
  const all = fewAtOnce([0, 1, 2, 3], 2, (item) => {
    gates[item] = Promise.withResolvers();
    return gates[item].promise;
  }).then(() => ended = true);
  assertEquals(gates.length, 2);
  gates[1]!.resolve();
  await undefined;
  await undefined;
  assertEquals(gates.length, 3);
  gates[0]!.resolve();
  gates[2]!.resolve();
  while (gates.length < 4) await undefined;
  assertEquals(ended, false);
  gates[3]!.resolve();
  await all;
});

Deno.test("what fails is thrown when the others have ended, and none is begun after it", async () => {
  const begun: number[] = [];
  const gate = Promise.withResolvers<void>();
  let isThrown = false;
  const all = assertRejects(
    () =>
      fewAtOnce([0, 1, 2, 3], 2, async (item) => {
        begun.push(item);
        if (item === 1) throw new Error("failed");
        await gate.promise;
      }),
    "failed",
  ).then(() => isThrown = true);
  for (let i = 0; i < 10; i++) await undefined;
  assertEquals([begun, isThrown], [[0, 1], false]);
  gate.resolve();
  await all;
  assertEquals(begun, [0, 1]);
});
