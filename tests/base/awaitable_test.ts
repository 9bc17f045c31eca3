import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../src/base/awaitable.ts";

function* sum(...values: Awaitable<number>[]): Steps<number> {
  let sum = 0;
  for (const value of values) sum += yield* wait(value);
  return sum;
}

function* recovered(value: Awaitable<number>): Steps<string> {
  try {
    return `${yield* wait(value)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const later = async (value: number): Promise<number> => {
  await undefined;
  return value;
};

Deno.test("steps that have nothing to wait for are taken at once", () => {
  assertEquals(take(sum()), 0);
  assertEquals(take(sum(1, 2, 3)), 6);
});

Deno.test("steps go on with what a promise comes to", async () => {
  const taken = take(sum(1, later(2), 3, later(4)));
  assertEquals(taken instanceof Promise, true);
  assertEquals(await taken, 10);
});

Deno.test("steps of several, all under way, keep their own values", async () => {
  const each = [1, 2, 3].map((n) => take(sum(n, later(n), n)));
  assertEquals(await Promise.all(each), [3, 6, 9]);
});

Deno.test("what rejects is thrown where it was waited for", async () => {
  const failed = Promise.reject(new Error("no"));
  assertEquals(await take(recovered(failed)), "no");
  assertEquals(await take(recovered(later(1))), "1");
});

Deno.test("what steps throw is thrown at once, or rejects later", async () => {
  function* failing(value: Awaitable<number>): Steps<number> {
    yield* wait(value);
    throw new Error("no");
  }
  assertThrows(() => take(failing(1)), Error, "no");
  await assertRejects(
    () => Promise.resolve(take(failing(later(1)))),
    Error,
    "no",
  );
});
