import { assertEquals } from "@std/assert";
import { constants } from "node:os";
import type { HostCalls } from "../../../src/backends/common/host_calls.ts";
import { HoleFinder } from "../../../src/backends/sqlite/hole_finder.ts";

const { ENXIO, EIO } = constants.errno;
const DATA = 3;

/** Finds the data of a file whose first 4096 bytes are so, and behind them the host refuses. */
function found(errno: number) {
  const libc = {
    lseek(_: number, at: bigint, whence: number) {
      if (whence !== DATA) return 4096n;
      return at < 4096n ? at : -1n;
    },
  } as unknown as HostCalls["libc"];
  const calls = { libc, errno: () => errno, isClosed: false, close: () => {} };
  return new HoleFinder(calls).find(3, 100_000);
}

Deno.test("the rest of a content is a hole only where the host says so", () => {
  const first = { offset: 0, length: 4096 };
  assertEquals(found(ENXIO), [first]);
  // It is read then, where the host tells again what is the matter.
  assertEquals(found(EIO), [first, { offset: 4096, length: 95_904 }]);
});
