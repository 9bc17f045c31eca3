import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { ContentKind } from "../../../src/vfs/mod.ts";
import { type BehaviourTest, type Fixture, refused } from "./fixture.ts";

const PAGE = 65_536;
const MiB = 2 ** 20;

/** A file with data in the pages 0 and 16, 1 MiB apart, and a hole of 1 MiB at its end. */
async function sparse(g: Fixture, name = "a"): Promise<object> {
  const file = await g.file(name);
  for (const at of [0, MiB]) {
    await g.write(file, new Uint8Array(PAGE).fill(7), at);
  }
  await g.fs.setattr(file, { size: 2 * MiB });
  return file;
}

/** From where to where there is data, by what `seek` says from each place on. */
async function data(
  g: Fixture,
  file: object,
): Promise<[start: number, end: number][]> {
  const { size } = await g.stat(file);
  const found: [number, number][] = [];
  for (let at = 0; at < size;) {
    const start = await g.ranges.seek(file, at, "data");
    if (start === undefined) break;
    const end = await g.ranges.seek(file, start, "hole") ?? size;
    assert(end > start, "data of no length");
    found.push([start, end]);
    at = end;
  }
  return found;
}

async function isZero(
  g: Fixture,
  file: object,
  start: number,
  end: number,
): Promise<boolean> {
  return (await g.read(file, start, end - start)).every((byte) => byte === 0);
}

/** Ranges of files: data and holes, and the room that they take. */
export const rangeTests: readonly BehaviourTest[] = [
  {
    name: "data and holes are found, and the hole at the end",
    needs: ["seeks", "sparse"],
    async run(g) {
      const file = await sparse(g);
      assertEquals(await data(g, file), [[0, PAGE], [MiB, MiB + PAGE]]);
      const seek = (offset: number, what: ContentKind) =>
        g.ranges.seek(file, offset, what);
      assertEquals(await seek(5, "data"), 5);
      assertEquals(await seek(5, "hole"), PAGE);
      assertEquals(await seek(PAGE + 5, "hole"), PAGE + 5);
      assertEquals(await seek(PAGE + 5, "data"), MiB);
      assertEquals(await seek(2 * MiB - 1, "data"), undefined);
      const end = await seek(2 * MiB - 1, "hole");
      assert(end === undefined || end === 2 * MiB - 1);
    },
  },
  {
    name: "a file that is full of data has its hole at its end",
    needs: ["seeks"],
    async run(g) {
      const file = await g.file("a", "content");
      assertEquals(await g.ranges.seek(file, 0, "data"), 0);
      assertEquals(await g.ranges.seek(file, 3, "hole") ?? 7, 7);
    },
  },
  {
    name:
      "what is allocated takes room, reads as zeros, and lengthens the file",
    needs: ["allocates"],
    async run(g) {
      const file = await g.file("a", "content");
      const before = await g.stat(file);
      await g.tick();
      await g.ranges.allocate(file, 3 * PAGE, MiB);
      const { size, used, change, mtime } = await g.stat(file);
      assertEquals(size, 3 * PAGE + MiB);
      assert(used >= MiB);
      assertNotEquals(change, before.change);
      if (g.can.clock) assertNotEquals(mtime, before.mtime);
      assertEquals((await g.read(file, 0, 7)).length, 7);
      assert(await isZero(g, file, 7, size));
    },
  },
  {
    name: "what there is stays where it is allocated, and so does the size",
    needs: ["allocates", "sparse"],
    async run(g) {
      const file = await sparse(g);
      const before = await g.read(file, 0, 2 * MiB);
      await g.ranges.allocate(file, 100, MiB + PAGE);
      assertEquals((await g.stat(file)).size, 2 * MiB);
      assert((await g.stat(file)).used >= MiB + PAGE);
      const after = await g.read(file, 0, 2 * MiB);
      assert(after.every((byte, i) => byte === before[i]));
    },
  },
  {
    name: "what is deallocated reads as zeros and gives its room back",
    needs: ["punches"],
    async run(g) {
      const file = await g.file("a");
      await g.write(file, new Uint8Array(MiB).fill(7));
      await g.fs.commit(file);
      const before = await g.stat(file);
      await g.tick();
      await g.ranges.deallocate(file, 4 * PAGE, 8 * PAGE);
      const { size, used, change, mtime } = await g.stat(file);
      assertEquals(size, MiB);
      assert(used <= before.used - 8 * PAGE);
      assertNotEquals(change, before.change);
      if (g.can.clock) assertNotEquals(mtime, before.mtime);
      const content = await g.read(file, 0, MiB);
      const isRight = content.every((byte, i) =>
        byte === (i >= 4 * PAGE && i < 12 * PAGE ? 0 : 7)
      );
      assert(isRight);
      if (!g.can.seeks) return;
      assertEquals(await data(g, file), [[0, 4 * PAGE], [12 * PAGE, MiB]]);
    },
  },
  {
    name: "no other byte than those that are deallocated is lost",
    needs: ["punches"],
    async run(g) {
      const length = 5 * PAGE + 17;
      const file = await g.file("a");
      const model = new Uint8Array(length).fill(7);
      await g.write(file, model);
      const ranges = [[1, 1], [PAGE - 3, 6], [PAGE, PAGE], [3, 2 * PAGE]];
      for (const [offset, count] of [...ranges, [length - 20, 1000]]) {
        await g.ranges.deallocate(file, offset!, count!);
        model.fill(0, offset, offset! + count!);
        const content = await g.read(file, 0, 2 * length);
        assertEquals(content.length, length);
        assert(content.every((byte, i) => byte === model[i]), `${offset}`);
      }
      await g.ranges.deallocate(file, length + 5, 1);
      await g.ranges.deallocate(file, 0, 2 ** 40);
      assertEquals((await g.stat(file)).size, length);
      assert(await isZero(g, file, 0, length));
      // And it can be written again.
      await g.write(file, model.fill(3));
      assert((await g.read(file, 0, length)).every((byte) => byte === 3));
    },
  },
  {
    name: "more than there is room for is not allocated",
    needs: ["allocates"],
    async run(g) {
      const file = await g.file("a", "content");
      const status = await g.fs.status();
      // What the host says may have changed by now, and 1 TiB is free nowhere.
      const much = Math.min(2 * status.totalBytes, g.can.largest / 2);
      await refused("no-space", () => g.ranges.allocate(file, 7, much));
      assertEquals(await g.text(file), "content");
    },
  },
  {
    name: "what has no content has no ranges",
    needs: ["allocates", "punches", "fifo"],
    async run(g) {
      const fifo = await g.make("p", { type: "fifo" });
      await refused("wrong-type", () => g.ranges.allocate(fifo, 0, 1));
      await refused("wrong-type", () => g.ranges.deallocate(fifo, 0, 1));
    },
  },
];
