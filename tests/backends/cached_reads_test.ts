import { closeSync, openSync } from "node:fs";
import { assertEquals } from "@std/assert";
import {
  CachedReads,
  LEFT_TO_THREADS,
  PacedReads,
} from "../../src/backends/common/cached_reads.ts";
import { LASTING } from "../../src/backends/common/host_pace.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { takingTime } from "./hold_back.ts";
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

Deno.test({
  name: "a write waits for the rest of each block that it writes in part",
  ignore: !hasFfi,
  fn() {
    const calls = openHostCalls()!;
    const asked: number[] = [];
    const preadv2 = (...[, , , offset]: [...unknown[]]): number => {
      asked.push(Number(offset));
      return -1;
    };
    const reads = (errno: number) =>
      new CachedReads({
        ...calls,
        libc: { ...calls.libc, preadv2 },
        errno: () => errno,
      });
    const [EAGAIN, EOPNOTSUPP] = [11, 95];
    try {
      const cases: [number, number, number[]][] = [
        [0, 8192, []],
        [10, 8192, [0]],
        [4096, 8191, [4096]],
        [4100, 4110, [4096]],
        [50_000, 50_000, [49_152]],
      ];
      for (const [start, end, blocks] of cases) {
        asked.length = 0;
        const isReadFirst = reads(EAGAIN).isReadFirst(3, start, end);
        assertEquals([isReadFirst, asked], [blocks.length > 0, blocks]);
      }
      asked.length = 0;
      // Where the host can't tell, both are asked for.
      assertEquals(reads(EOPNOTSUPP).isReadFirst(3, 10, 8191), false);
      assertEquals(asked, [0, 4096]);
    } finally {
      calls.close();
    }
  },
});

Deno.test({
  name:
    "after a read of what is not in memory a file's next ones are left to threads, lest each start the disk",
  ignore: !hasFfi,
  fn() {
    const calls = openHostCalls()!;
    let [isThere, begun] = [false, 0];
    const reads = new CachedReads({
      ...calls,
      errno: () => 11, // EAGAIN
      libc: { ...calls.libc, preadv2: () => (begun++, isThere ? 10 : -1) },
    });
    const read = (fd: number) => reads.readCached(fd, new Uint8Array(10), 0);
    try {
      for (let round = 0; round < 2; round++) {
        begun = 0;
        assertEquals([read(3), begun], [undefined, 1]);
        for (let i = 0; i < LEFT_TO_THREADS; i++) {
          assertEquals([read(3), begun], [undefined, 1]);
        }
      }
      isThere = true;
      assertEquals([read(4), read(3), read(3), begun], [10, 10, 10, 4]);
    } finally {
      calls.close();
    }
  },
});

Deno.test({
  name: "reads of a host that was slow are left to threads for half a minute",
  ignore: !canWrite,
  fn() {
    using folder = temporary();
    const path = `${folder.path}/file`;
    Deno.writeFileSync(path, new Uint8Array(100));
    const fd = openSync(path, "r");
    const clock = new FakeClock();
    const reads = new PacedReads(clock);
    const read = (ms: number) => {
      using _taking = takingTime("readSync", clock, ms);
      return reads.readCached(fd, new Uint8Array(10), 0);
    };
    for (let round = 0; round < 2; round++) {
      // Quick ones don't count, nor do a few long ones in a long time.
      for (let i = 0; i < 1000; i++) assertEquals(read(0.9), 10);
      for (let i = 0; i < 10; i++) {
        assertEquals(read(50), 10);
        clock.advance(1000);
      }
      clock.advance(2000);
      assertEquals([read(50), read(49), read(9)], [10, 10, 10]);
      assertEquals(read(50), undefined);
      clock.advance(LASTING - 1);
      assertEquals(read(50), undefined);
      clock.advance(1);
    }
    closeSync(fd);
  },
});
