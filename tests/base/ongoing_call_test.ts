import { assertEquals } from "@std/assert";
import {
  calling,
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
