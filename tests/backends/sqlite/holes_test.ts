import { assert, assertEquals, assertGreater } from "@std/assert";
import { hostThreads } from "../../../src/backends/common/host_threads.ts";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import type { SqliteOptions } from "../../../src/backends/sqlite/mod.ts";
import { hasFfi } from "../local/fixture.ts";
import {
  canWrite,
  find,
  make,
  pattern,
  temporary,
  using,
  whole,
} from "./fixture.ts";

const MIB = 2 ** 20;
const ignore = !canWrite || !hasFfi;

/** All threads are at something else until that is disposed of. */
function busyThreads(): AsyncDisposable {
  const gate = Promise.withResolvers<void>();
  const works = Object.values(hostThreads).flatMap((threads) =>
    Array.from({ length: 20 }, () => threads.run(() => gate.promise))
  );
  return {
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await Promise.all(works);
    },
  };
}

Deno.test("where a content ends before its file does, there is a hole", {
  ignore,
}, async () => {
  using folder = temporary();
  await using(folder.path, async (fs) => {
    const file = make(fs, "file");
    await fs.write(file, 0, pattern(50_000, 1), "file");
    await fs.setattr(file, { size: 200_000 });
    assertEquals(await fs.seek(file, 100_000, "hole"), 100_000);
    assertEquals(await fs.seek(file, 100_000, "data"), undefined);
  });
});

Deno.test(
  "a hole gives its room back to the quota, and is there after a restart",
  {
    ignore,
  },
  async () => {
    using folder = temporary();
    const options: SqliteOptions = { quotaBytes: 4 * MIB };
    await punch(folder.path, options);
    assertEquals((await checkStore(folder.path)).problems, []);
    await using(folder.path, async (fs) => {
      const file = find(fs, "file");
      const content = await whole(fs, file);
      const expected = pattern(2 * MIB, 1).fill(0, MIB / 2, MIB / 2 + MIB);
      assertEquals(content.length, expected.length);
      assert(content.every((byte, i) => byte === expected[i]));
      assertEquals(await fs.seek(file, MIB, "data"), MIB / 2 + MIB);
    }, options);
  },
);

/** Makes a file of 2 MiB, and a hole of 1 MiB in it. */
async function punch(path: string, options: SqliteOptions): Promise<void> {
  await using(path, async (fs) => {
    const file = make(fs, "file");
    await fs.write(file, 0, pattern(2 * MIB, 1), "file");
    await fs.settle();
    const [{ usedBytes }, used] = [fs.status(), file.used];
    await fs.deallocate(file, MIB / 2, MIB);
    await fs.settle();
    assertEquals(file.used, used - MIB);
    assertEquals(fs.status().usedBytes, usedBytes! - MIB);
    assertEquals(file.size, 2 * MIB);
  }, options);
}

Deno.test("what reads or changes a file waits for its hole, and others don't", {
  ignore,
}, async () => {
  using folder = temporary();
  await using(folder.path, async (fs) => {
    const [file, other] = [make(fs, "file"), make(fs, "other")];
    for (const each of [file, other]) {
      await fs.write(each, 0, pattern(MIB, 1), "file");
    }
    await fs.settle();
    const order: string[] = [];
    const note = (what: string, work: unknown) =>
      Promise.resolve(work).then(() => order.push(what));
    const all: Promise<unknown>[] = [];
    {
      await using _ = busyThreads();
      const one = new Uint8Array(1);
      all.push(
        note("hole", fs.deallocate(file, 0, MIB / 2)),
        note("read", fs.read(file, 0, one)),
        note("write", fs.write(file, 0, Uint8Array.of(5), "unstable")),
        note("size", fs.setattr(file, { size: MIB - 1 })),
        note("seek", fs.seek(file, 0, "data")),
        note("second hole", fs.deallocate(file, MIB / 2, 100)),
      );
      fs.getattr(file);
      await fs.read(other, 0, one);
      assertEquals(one, pattern(MIB, 1).subarray(0, 1));
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(order, []);
    }
    await Promise.all(all);
    await fs.settle();
    assertEquals(order.length, all.length);
    const content = await whole(fs, file);
    assertEquals([content.length, content[0]], [MIB - 1, 5]);
    assert(content.subarray(1, MIB / 2 + 100).every((byte) => byte === 0));
    assertGreater(content.at(-1)!, 0);
  });
});

Deno.test("a file that goes while a hole is made in it goes as a whole", {
  ignore,
}, async () => {
  using folder = temporary();
  await using(folder.path, async (fs) => {
    const file = make(fs, "file");
    await fs.write(file, 0, pattern(MIB, 1), "file");
    await fs.settle();
    let punched: Promise<unknown>;
    {
      await using _ = busyThreads();
      punched = Promise.resolve(fs.deallocate(file, 0, MIB / 2))
        .catch((error) => error.code);
      fs.remove(fs.root(), "file");
    }
    assertEquals(await punched, "stale");
    await fs.settle();
  });
  assertEquals((await checkStore(folder.path)).problems, []);
});

Deno.test(
  "a durable write that the journal has does not come back into a hole",
  {
    ignore,
  },
  async () => {
    using folder = temporary();
    await using(folder.path, async (fs) => {
      const file = make(fs, "file");
      await fs.write(file, 0, pattern(MIB, 1), "file");
      await fs.settle();
      await fs.write(file, 4096, pattern(4096, 2), "file");
      await fs.settle();
      assertGreater(fs.stats.journalBytes, 0);
      await fs.deallocate(file, 0, 65_536);
      await fs.settle();
      assertEquals(fs.stats.journalBytes, 0);
      assertEquals(await fs.seek(file, 0, "data"), 65_536);
    });
  },
);
