import host from "node:fs";

/** What the host was asked: the test has it done, or fail. */
export interface HeldCall {
  go(): void;
  fail(code: string): void;
}

/** Holds back what the host is asked by `call`; the test has it done. */
export function holdBack(
  call: "ftruncate" | "fdatasync",
): Disposable & { readonly asked: readonly HeldCall[] } {
  const real = host[call] as (...given: unknown[]) => void;
  const asked: HeldCall[] = [];
  // deno-lint-ignore no-explicit-any
  (host as any)[call] = (...given: unknown[]) => {
    const done = given.at(-1) as (error: Error) => void;
    asked.push({
      go: () => real(...given),
      fail: (code) => done(Object.assign(new Error(code), { code })),
    });
  };
  return {
    asked,
    [Symbol.dispose]() {
      // deno-lint-ignore no-explicit-any
      (host as any)[call] = real;
    },
  };
}
