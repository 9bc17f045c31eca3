import { assertEquals, assertRejects } from "@std/assert";
import { constants } from "node:os";
import { FileRanges } from "../../src/backends/common/file_ranges.ts";
import type { HostCalls } from "../../src/backends/common/host_calls.ts";
import { codeOf } from "./local/fixture.ts";

const { EIO, EDQUOT, EFBIG } = constants.errno;
const DATA = 3;
const TMPFS = 0x01021994n;
const NFS = 0x6969n;
const SIZE = 65_536;

/** libc, of which a test has its own calls; any other one is an error. */
function withCalls(
  libc: object,
  errno: () => number = () => 0,
): FileRanges {
  return new FileRanges({
    libc: libc as HostCalls["libc"],
    errno,
    isClosed: false,
    close: () => {},
  });
}

/** Of a host that refuses `fallocate` as the test says; another thread's errno is lost. */
function refusing(
  refusal: (at: bigint, length: bigint) => number | undefined,
): FileRanges {
  let errno = 0;
  const fallocate = (_: number, __: number, at: bigint, length: bigint) => {
    errno = refusal(at, length) ?? 0;
    return errno === 0 ? 0 : -1;
  };
  // deno-lint-ignore camelcase
  const fallocate_later = (...args: Parameters<typeof fallocate>) => {
    const result = fallocate(...args);
    errno = 0;
    return Promise.resolve(result);
  };
  return withCalls({ fallocate, fallocate_later }, () => errno);
}

/** Of a host that finds nothing, and has no call but those of other threads. */
function seeking({ fiemap, type = 0n, place = () => -1n }: {
  /** What FIEMAP returns. */
  readonly fiemap: number;
  /** What `statfs` has the file system for. */
  readonly type?: bigint;
  readonly place?: (whence: number) => bigint;
}): FileRanges {
  return withCalls({
    lseek_later: (_: number, __: bigint, whence: number) =>
      Promise.resolve(place(whence)),
    ioctl_later: () => Promise.resolve(fiemap),
    fstatfs_later(_: number, address: bigint) {
      const pointer = Deno.UnsafePointer.create(address)!;
      const words = Deno.UnsafePointerView.getArrayBuffer(pointer, 8);
      new BigUint64Array(words)[0] = type;
      return Promise.resolve(0);
    },
  });
}

const noFfi =
  (await Deno.permissions.query({ name: "ffi" })).state !== "granted";

Deno.test("no look for data or a hole waits for the host on the event loop", {
  ignore: noFfi,
}, async () => {
  // There is no lseek but the other thread's.
  for (const fiemap of [0, -1]) {
    for (const what of ["data", "hole"] as const) {
      await seeking({ fiemap }).seek(3, 0, what);
    }
  }
});

Deno.test(
  "there is no data any more where the host can go through all that there is",
  {
    ignore: noFfi,
  },
  async () => {
    assertEquals(await seeking({ fiemap: 0 }).seek(3, 0, "data"), undefined);
    const inMemory = seeking({ fiemap: -1, type: TMPFS });
    assertEquals(await inMemory.seek(3, 0, "data"), undefined);
  },
);

Deno.test("what the host can't tell is data, which a read looks at", {
  ignore: noFfi,
}, async () => {
  const place = (whence: number) => whence === DATA ? -1n : 4096n;
  const broken = seeking({ fiemap: -1, type: NFS, place });
  assertEquals(await broken.seek(3, 4096, "data"), 4096);
  const lost = seeking({ fiemap: -1, type: NFS });
  assertEquals(await lost.seek(3, 4096, "hole"), undefined);
});

Deno.test("what is beyond any file that is served is not there", async () => {
  const huge = seeking({ fiemap: 0, place: () => 2n ** 62n });
  assertEquals(await huge.seek(3, 0, "data"), undefined);
});

for (const [name, errno] of Object.entries({ EDQUOT, EIO, EFBIG })) {
  Deno.test(`room that is refused behind the first byte is told as that: ${name}`, async () => {
    const ranges = refusing((at, length) =>
      at + length > 4096n ? errno : undefined
    );
    const error = await assertRejects(() => ranges.allocate(3, 0, SIZE), Error);
    assertEquals((error as Error & { code?: string }).code, name);
  });
}

Deno.test("where each byte has room by itself, all have not", async () => {
  const ranges = refusing((_, length) => length > 1n ? EIO : undefined);
  assertEquals(await codeOf(() => ranges.allocate(3, 0, SIZE)), "no-space");
});
