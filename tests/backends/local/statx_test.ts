import { assertEquals } from "@std/assert";
import type { HostCalls } from "../../../src/backends/common/host_calls.ts";
import { Statx } from "../../../src/backends/local/statx.ts";

/** Where `struct statx` has what is asked for here, in words of 32 bits. */
const SIZE = 10;
const BLOCKS = 12;
const ATIME = 16;
const MTIME = 28;

/** What is told of an entry that the host has these words of 64 bits for. */
function told(words: Readonly<Record<number, bigint>>) {
  const statx = (
    _fd: number,
    _name: Uint8Array,
    _flags: number,
    _mask: number,
    result: Uint8Array,
  ) => {
    const view = new DataView(result.buffer);
    for (const [at, word] of Object.entries(words)) {
      view.setBigUint64(Number(at) * 4, BigInt.asUintN(64, word), true);
    }
    return 0;
  };
  const calls = { libc: { statx } } as unknown as HostCalls;
  return new Statx(calls).of(3, new Uint8Array(1), 0)!;
}

Deno.test("a size that numbers are not exact for is the largest that they are", () => {
  const { size, used } = told({ [SIZE]: 2n ** 63n - 1n, [BLOCKS]: 2n ** 50n });
  assertEquals(size, Number.MAX_SAFE_INTEGER);
  assertEquals(used, Number.MAX_SAFE_INTEGER);
});

Deno.test("a time that numbers are not exact for is the one nearest to it that they are", () => {
  const { atime, mtime } = told({ [ATIME]: 2n ** 53n, [MTIME]: -(2n ** 63n) });
  assertEquals(atime, { seconds: Number.MAX_SAFE_INTEGER, nanoseconds: 0 });
  assertEquals(mtime, { seconds: Number.MIN_SAFE_INTEGER, nanoseconds: 0 });
});

Deno.test("what numbers are exact for is told as it is", () => {
  const { size, used, atime, mtime } = told({
    [SIZE]: 2n ** 53n - 1n,
    [BLOCKS]: 3n,
    [ATIME]: 2n ** 53n - 1n,
    [MTIME]: -1n,
  });
  assertEquals([size, used], [Number.MAX_SAFE_INTEGER, 1536]);
  assertEquals(atime.seconds, Number.MAX_SAFE_INTEGER);
  assertEquals(mtime.seconds, -1);
});
