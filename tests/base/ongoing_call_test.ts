import { assertEquals, assertRejects } from "@std/assert";
import {
  after,
  calling,
  GivenUp,
  type OngoingCall,
  ongoingCall,
} from "../../src/base/ongoing_call.ts";

Deno.test("what a call begins at once hears that it is given up, and what goes on later does not", async () => {
  const seen: (OngoingCall | undefined)[] = [];
  let given: OngoingCall | undefined;
  await calling(async () => {
    seen.push(ongoingCall(), ongoingCall());
    calling(() => void seen.push(ongoingCall()), (work) => work);
    seen.push(ongoingCall());
    await undefined;
    seen.push(ongoingCall());
  }, (work, ongoing) => {
    given = ongoing;
    return work;
  });
  const [first, second, inner, third, later] = seen;
  assertEquals(first !== undefined && first === given, true);
  assertEquals([second === first, third === first], [true, true]);
  assertEquals([inner === first, later], [false, undefined]);
  let heard = 0;
  given!.whenGivenUp(() => heard++);
  given!.whenGivenUp(() => heard++)();
  given!.giveUp();
  assertEquals(heard, 1);
  assertEquals(ongoingCall(), undefined);
});

Deno.test("what a call does after a wait is part of it, and is not done where it was given up by then", async () => {
  for (const isGivenUp of [false, true]) {
    const gate = Promise.withResolvers<void>();
    const seen: (OngoingCall | undefined)[] = [];
    let given: OngoingCall | undefined;
    const see = () => void seen.push(ongoingCall());
    const work = calling(
      () => after(undefined, () => after(gate.promise, see)),
      (work, ongoing) => {
        given = ongoing;
        return work;
      },
    );
    if (isGivenUp) given!.giveUp();
    gate.resolve();
    if (isGivenUp) await assertRejects(async () => await work, GivenUp);
    else await work;
    assertEquals(seen, isGivenUp ? [] : [given]);
    // Of no call there is nothing to be given up.
    await after(gate.promise, see);
    assertEquals(seen.at(-1), undefined);
  }
});
