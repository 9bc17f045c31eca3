import { closeSync, openSync } from "node:fs";
import { assertEquals } from "@std/assert";
import { CachedReads } from "../../src/backends/common/cached_reads.ts";
import {
  type HostCalls,
  openHostCalls,
} from "../../src/backends/common/host_calls.ts";
import { canWrite, temporary } from "./sqlite/fixture.ts";

const hasFfi =
  Deno.permissions.querySync({ name: "ffi" }).state === "granted" &&
  Deno.build.os === "linux";

/** libc on Linux 5.9 or 5.10, where none of a file is in memory: preadv2 says 0 and not EAGAIN. */
function callsOf510(calls: HostCalls): HostCalls {
  return { ...calls, libc: { ...calls.libc, preadv2: () => 0 } };
}

Deno.test({
  name:
    "of a kernel that says 0 for what it has not cached, only 0 at the end of a file is its end",
  ignore: !hasFfi || !canWrite,
  fn() {
    using folder = temporary();
    const path = `${folder.path}/file`;
    Deno.writeFileSync(path, new Uint8Array(100));
    const fd = openSync(path, "r");
    const calls = openHostCalls()!;
    try {
      const reads = new CachedReads(callsOf510(calls));
      const buffer = new Uint8Array(10);
      const ends = [0, 99, 100, 101].map((offset) =>
        reads.readCached(fd, buffer, offset)
      );
      assertEquals(ends, [undefined, undefined, 0, 0]);
    } finally {
      calls.close();
      closeSync(fd);
    }
  },
});
