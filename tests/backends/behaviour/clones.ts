import { assert, assertEquals } from "@std/assert";
import type { CloneRange } from "../../../src/vfs/mod.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { type BehaviourTest, type Fixture, refused } from "./fixture.ts";

const blockOf = (g: Fixture): number => g.fs.limits?.cloneBlock ?? 4096;

/** A file with so many bytes, from which one there is another in each place. */
async function filled(
  g: Fixture,
  name: string,
  length: number,
): Promise<[file: object, content: Uint8Array]> {
  const file = await g.file(name);
  const content = new SeededRandom(length).bytes(length);
  await g.write(file, content);
  return [file, content];
}

const whole = (length: number): CloneRange => ({
  sourceOffset: 0,
  targetOffset: 0,
  length,
});

async function isContent(g: Fixture, file: object, content: Uint8Array) {
  const read = await g.read(file, 0, content.length + 1);
  return read.length === content.length &&
    read.every((byte, i) => byte === content[i]);
}

/** Content that files share. */
export const cloneTests: readonly BehaviourTest[] = [
  {
    name: "part of a block takes the place of none in the middle of a file",
    needs: ["clones"],
    async run(g) {
      const block = blockOf(g);
      const [a] = await filled(g, "a", 9);
      const [b, content] = await filled(g, "b", 2 * block);
      const range = whole(9);
      await refused("invalid", () => g.ranges.clone(a, b, range));
      assert(await isContent(g, b, content));
      const last = { ...range, targetOffset: block };
      await refused("invalid", () => g.ranges.clone(a, b, last));
      assert(await isContent(g, b, content));
      const [c] = await filled(g, "c", 9);
      await g.ranges.clone(a, c, range);
    },
  },
  {
    name: "a clone reads as its source, and changes as a file that is written",
    needs: ["clones"],
    async run(g) {
      const length = 2 * blockOf(g) + 7;
      const [a, content] = await filled(g, "a", length);
      const b = await g.file("b");
      const [source, before] = [await g.stat(a), await g.stat(b)];
      await g.tick();
      await g.ranges.clone(a, b, whole(length));
      assert(await isContent(g, b, content));
      const after = await g.stat(b);
      assertEquals(after.size, length);
      assert(after.change > before.change);
      if (g.can.clock) {
        assert(
          after.mtime.seconds > before.mtime.seconds ||
            after.mtime.nanoseconds > before.mtime.nanoseconds,
        );
      }
      const { change, mtime } = await g.stat(a);
      assertEquals([change, mtime], [source.change, source.mtime]);
    },
  },
  {
    name:
      "what is done to one of two that share content shows in that one alone",
    needs: ["clones"],
    async run(g) {
      const block = blockOf(g);
      const length = 3 * block;
      const changes: ((file: object) => unknown)[] = [
        (file) => g.write(file, "x", block + 5),
        (file) => g.write(file, new Uint8Array(length).fill(9)),
        (file) => g.write(file, "beyond", length + 5),
        (file) => g.fs.setattr(file, { size: 2 * block + 9 }),
        (file) => g.fs.setattr(file, { size: 3 * block - 9 }),
        (file) => g.fs.setattr(file, { size: 4 * block }),
      ];
      if (g.can.punches) {
        changes.push((file) => g.ranges.deallocate(file, block + 1, 9));
        changes.push((file) => g.ranges.deallocate(file, 5, 2 * block));
      }
      if (g.can.allocates) {
        changes.push((file) => g.ranges.allocate(file, 0, 4 * block));
      }
      for (const [i, change] of changes.entries()) {
        for (const side of [0, 1]) {
          const [a, content] = await filled(g, `a${i}${side}`, length);
          const b = await g.file(`b${i}${side}`);
          await g.ranges.clone(a, b, whole(length));
          const [changed, other] = side === 0 ? [a, b] : [b, a];
          await change(changed);
          assert(await isContent(g, other, content), `change ${i} of ${side}`);
          // What grows again behind a cut is zeros.
          await g.fs.setattr(changed, { size: 1 });
          await g.fs.setattr(changed, { size: length });
          const read = await g.read(changed, 1, length);
          assert(read.every((byte) => byte === 0), `${i}`);
          assert(await isContent(g, other, content), `cut after ${i}`);
        }
      }
    },
  },
  {
    name: "a part is cloned, into the middle of a file and behind its end",
    needs: ["clones"],
    async run(g) {
      const block = blockOf(g);
      const [a, source] = await filled(g, "a", 2 * block + 9);
      const [b, target] = await filled(g, "b", 3 * block + 1);
      const part = { sourceOffset: block, targetOffset: 0, length: block };
      await g.ranges.clone(a, b, part);
      target.set(source.subarray(block, 2 * block));
      assert(await isContent(g, b, target));
      const behind = {
        ...{ sourceOffset: 2 * block, targetOffset: 5 * block, length: 9 },
      };
      await g.ranges.clone(a, b, behind);
      const longer = new Uint8Array(5 * block + 9);
      longer.set(target);
      longer.set(source.subarray(2 * block), 5 * block);
      assert(await isContent(g, b, longer));
    },
  },
  {
    name: "a file is cloned into itself",
    needs: ["clones"],
    async run(g) {
      const block = blockOf(g);
      const [a, content] = await filled(g, "a", 2 * block);
      const range = { sourceOffset: 0, targetOffset: block, length: block };
      await g.ranges.clone(a, a, range);
      content.copyWithin(block, 0, block);
      assert(await isContent(g, a, content));
      await g.write(a, "x");
      content[0] = 120;
      assert(await isContent(g, a, content));
    },
  },
  {
    name: "a hole is cloned as one",
    needs: ["clones", "sparse", "seeks"],
    async run(g) {
      const block = blockOf(g);
      const a = await g.file("a");
      await g.write(a, new Uint8Array(block).fill(1), 8 * block);
      const [b] = await filled(g, "b", 9 * block);
      await g.ranges.clone(a, b, whole(9 * block));
      assertEquals(await g.ranges.seek(b, 0, "data"), 8 * block);
      assert(
        (await g.read(b, 0, 8 * block)).every((byte) => byte === 0),
      );
    },
  },
  {
    name: "what is shared stays when the file that it was cloned from goes",
    needs: ["clones"],
    async run(g) {
      const length = blockOf(g);
      const [a, content] = await filled(g, "a", length);
      const b = await g.file("b");
      await g.ranges.clone(a, b, whole(length));
      await g.fs.remove(g.root, "a");
      assert(await isContent(g, b, content));
      await g.write(b, "x");
      content[0] = 120;
      assert(await isContent(g, b, content));
    },
  },
  {
    name: "what has no content is not cloned",
    needs: ["clones", "fifo"],
    async run(g) {
      const fifo = await g.make("p", { type: "fifo" });
      const [a] = await filled(g, "a", blockOf(g));
      const range = whole(blockOf(g));
      await refused("wrong-type", () => g.ranges.clone(fifo, a, range));
      await refused("wrong-type", () => g.ranges.clone(a, fifo, range));
    },
  },
];
