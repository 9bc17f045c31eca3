import { assertEquals, assertRejects } from "@std/assert";
import { constants } from "node:os";
import { FileRanges } from "../../src/backends/common/file_ranges.ts";
import type { HostCalls } from "../../src/backends/common/host_calls.ts";
import { codeOf } from "./local/fixture.ts";

const { ENXIO, EIO, EDQUOT, EFBIG } = constants.errno;
const DATA = 3;
const SIZE = 65_536;

/** Calls of a host that refuses what the test says; another thread's errno is lost. */
function refusing(
  refusal: (call: "lseek" | "fallocate", ...args: bigint[]) =>
    | number
    | undefined,
): FileRanges {
  let errno = 0;
  const refused = (number = 0) => {
    errno = number;
    return number === 0 ? 0n : -1n;
  };
  const lseek = (_: number, at: bigint, whence: number) =>
    whence === DATA ? refused(refusal("lseek", at)) : at;
  const fallocate = (_: number, __: number, at: bigint, length: bigint) =>
    Number(refused(refusal("fallocate", at, length)));
  const later =
    <A extends unknown[], R>(call: (...args: A) => R) => async (...args: A) => {
      const result = await call(...args);
      errno = 0;
      return result;
    };
  const libc = {
    lseek,
    fallocate,
    lseek_later: later(lseek),
    fallocate_later: later(fallocate),
  } as unknown as HostCalls["libc"];
  return new FileRanges({
    libc,
    errno: () => errno,
    isClosed: false,
    close: () => {},
  });
}

Deno.test("there is no data any more only where the host says so", async () => {
  assertEquals(await refusing(() => ENXIO).seek(3, 0, "data"), undefined);
  const broken = refusing(() => EIO);
  await assertRejects(() => broken.seek(3, 0, "data"), Error, "EIO");
});

for (const [name, errno] of Object.entries({ EDQUOT, EIO, EFBIG })) {
  Deno.test(`room that is refused behind the first byte is told as that: ${name}`, async () => {
    const ranges = refusing((_, at, length) =>
      at! + length! > 4096n ? errno : undefined
    );
    const error = await assertRejects(() => ranges.allocate(3, 0, SIZE), Error);
    assertEquals((error as Error & { code?: string }).code, name);
  });
}

Deno.test("where each byte has room by itself, all have not", async () => {
  const ranges = refusing((_, __, length) => length! > 1n ? EIO : undefined);
  assertEquals(await codeOf(() => ranges.allocate(3, 0, SIZE)), "no-space");
});
