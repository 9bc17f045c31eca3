import host from "node:fs";
import type { FakeClock } from "../support/fake_clock.ts";

/** What the host was asked: the test has it done, or fail. */
export interface HeldCall {
  go(): void;
  fail(code: string): void;
}

/** What holds back calls of the host. */
interface Hold extends Disposable {
  readonly asked: readonly HeldCall[];
  /** Has all of them done, and those that come. */
  open(): void;
}

/** Holds back what the host is asked by `call`; the test has it done. */
export function holdBack(
  call: "ftruncate" | "fdatasync" | "read" | "rmdir" | "rename",
): Hold {
  const real = host[call] as (...given: unknown[]) => void;
  const asked: HeldCall[] = [];
  let isOpen = false;
  // deno-lint-ignore no-explicit-any
  (host as any)[call] = (...given: unknown[]) => {
    if (isOpen) return real(...given);
    const done = given.at(-1) as (error: Error) => void;
    asked.push({
      go: () => real(...given),
      fail: (code) => done(Object.assign(new Error(code), { code })),
    });
  };
  return {
    asked,
    open() {
      isOpen = true;
      for (const { go } of asked) go();
    },
    [Symbol.dispose]() {
      // deno-lint-ignore no-explicit-any
      (host as any)[call] = real;
    },
  };
}

/** Has the host take `ms` of a clock for each `call`. */
export function takingTime(
  call: "readSync" | "writeSync",
  clock: FakeClock,
  ms: number,
): Disposable {
  const real = host[call] as (...given: unknown[]) => unknown;
  // deno-lint-ignore no-explicit-any
  (host as any)[call] = (...given: unknown[]) => {
    clock.advance(ms);
    return real(...given);
  };
  return {
    [Symbol.dispose]() {
      // deno-lint-ignore no-explicit-any
      (host as any)[call] = real;
    },
  };
}
