import { assertStrictEquals } from "@std/assert";
import { askedBy, OWN, workFor } from "../../src/base/asker.ts";
import { nextTurn } from "../../src/base/turn.ts";

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
