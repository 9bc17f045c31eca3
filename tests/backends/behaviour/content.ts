import { assert, assertEquals, assertLess } from "@std/assert";
import type { BehaviourTest, Fixture } from "./fixture.ts";
import { bytes, refused } from "./fixture.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** Numbers that look random and are the same each time (mulberry32). */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** `length` bytes, none of them 0 and no two files alike. */
function pattern(length: number, seed: number): Uint8Array {
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) data[i] = 1 + (i * 31 + seed) % 255;
  return data;
}

/** Equality without the cost of a deep comparison. */
function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length);
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  if (at >= 0) assertEquals([at, actual[at]], [at, expected[at]]);
}

async function size(g: Fixture, file: object): Promise<number> {
  return (await g.stat(file)).size;
}

/** Read, write and truncate. */
export const contentTests: readonly BehaviourTest[] = [
  {
    name: "what was written is read, with the end of the file told",
    async run(g) {
      const file = await g.file("a", "hello world");
      const target = new Uint8Array(11);
      const read = (offset: number, length: number) =>
        g.fs.read(file, offset, target.subarray(0, length));
      assertEquals({ ...await read(0, 5) }, { bytes: 5, eof: false });
      assertEquals(target.subarray(0, 5), bytes("hello"));
      assertEquals({ ...await read(6, 5) }, { bytes: 5, eof: true });
      assertEquals(target.subarray(0, 5), bytes("world"));
      assertEquals({ ...await read(10, 11) }, { bytes: 1, eof: true });
      assertEquals({ ...await read(11, 4) }, { bytes: 0, eof: true });
      assertEquals({ ...await read(5 * GiB, 4) }, { bytes: 0, eof: true });
      assertEquals((await read(0, 0)).bytes, 0);
    },
  },
  {
    name: "a read leaves the rest of its target alone",
    async run(g) {
      const file = await g.file("a", "xyz");
      const buffer = new Uint8Array(10).fill(7);
      await g.fs.read(file, 1, buffer.subarray(2, 8));
      assertEquals([...buffer], [7, 7, 0x79, 0x7a, 7, 7, 7, 7, 7, 7]);
    },
  },
  {
    name: "a write goes over, beyond and after what is there",
    async run(g) {
      const file = await g.file("a", "abcdef");
      await g.write(file, "XY", 2);
      assertEquals(await g.text(file), "abXYef");
      await g.write(file, "123", 5);
      assertEquals(await g.text(file), "abXYe123");
      await g.write(file, "end", 10);
      assertEquals(await g.text(file), "abXYe123\0\0end");
    },
  },
  {
    name: "a write of nothing changes no size",
    async run(g) {
      const file = await g.file("a", "abc");
      await g.write(file, "", 100);
      assertEquals(await g.text(file), "abc");
    },
  },
  {
    name: "data is copied, and taken from a part of a buffer",
    async run(g) {
      const file = await g.file("a");
      const buffer = bytes("..data..");
      await g.write(file, buffer.subarray(2, 6));
      buffer.fill(0x21);
      assertEquals(await g.text(file), "data");
    },
  },
  {
    name: "a write is at least as stable as was asked for",
    async run(g) {
      const file = await g.file("a");
      const strength = { unstable: 0, data: 1, file: 2 };
      for (const stability of ["unstable", "data", "file"] as const) {
        const given = await g.fs.write(file, 0, bytes(stability), stability);
        assert(strength[given] >= strength[stability]);
      }
      await g.fs.commit(file);
      assertEquals(await g.text(file), "fileable");
    },
  },
  {
    name: "reads and writes of every length and offset fit together",
    async run(g) {
      const lengths = [1, 511, 4096, 65535, 65536, 65537, MiB, MiB + 3];
      for (const [index, length] of lengths.entries()) {
        const file = await g.file(`file${index}`);
        const data = pattern(length, index);
        await g.write(file, data, index * 1000);
        assertEquals(await size(g, file), length + index * 1000);
        assertBytes(await g.read(file, index * 1000, length + 1), data);
        assertBytes(
          await g.read(file, 0, index * 1000),
          new Uint8Array(index * 1000),
        );
      }
    },
  },
  {
    name: "a stream of pieces is one content",
    async run(g) {
      const data = pattern(300_000, 5);
      const file = await g.file("a");
      for (let at = 0; at < data.length; at += 7001) {
        await g.write(file, data.subarray(at, at + 7001), at);
      }
      assertBytes(await g.read(file, 0, 400_000), data);
    },
  },
  {
    name: "any mix of writes and truncations reads like plain memory",
    async run(g) {
      const random = sequence(42);
      const file = await g.file("a");
      let model = new Uint8Array(0);
      const resize = (length: number) => {
        const next = new Uint8Array(length);
        next.set(model.subarray(0, length));
        model = next;
      };
      for (let step = 0; step < 250; step++) {
        const offset = random(300_000);
        if (random(4) === 0) {
          await g.fs.setattr(file, { size: offset });
          resize(offset);
        } else {
          const data = pattern(1 + random(70_000), step);
          await g.write(file, data, offset);
          if (model.length < offset + data.length) resize(offset + data.length);
          model.set(data, offset);
        }
        assertEquals(await size(g, file), model.length);
        const start = random(300_000);
        const length = 1 + random(90_000);
        assertBytes(
          await g.read(file, start, length),
          model.slice(start, start + length),
        );
      }
      assertBytes(await g.read(file, 0, 400_000), model);
    },
  },
  {
    name: "bytes that were cut off never come back",
    async run(g) {
      for (const [index, cut] of [0, 1, 4096, 65536, 65537, 99_999].entries()) {
        const file = await g.file(`file${index}`);
        await g.write(file, pattern(200_000, 1));
        await g.fs.setattr(file, { size: cut });
        assertEquals(await size(g, file), cut);
        await g.fs.setattr(file, { size: 200_000 });
        const content = await g.read(file, 0, 200_001);
        assertBytes(
          content.subarray(0, cut),
          pattern(200_000, 1).slice(0, cut),
        );
        assertBytes(content.subarray(cut), new Uint8Array(200_000 - cut));
      }
    },
  },
  {
    name: "a write beyond a cut finds zeros in between",
    async run(g) {
      const file = await g.file("a", "0123456789");
      await g.fs.setattr(file, { size: 3 });
      await g.write(file, "x", 8);
      assertEquals(await g.text(file), "012\0\0\0\0\0x");
    },
  },
  {
    name: "a file can be larger than 5 GiB",
    async run(g) {
      const file = await g.file("a", "start");
      await g.write(file, "end", 5 * GiB + 123);
      assertEquals(await size(g, file), 5 * GiB + 126);
      assertEquals(await g.read(file, 5 * GiB + 120, 100), bytes("\0\0\0end"));
      assertBytes(await g.read(file, 3 * GiB, 1000), new Uint8Array(1000));
      assertBytes(await g.read(file, 2 ** 32 - 5, 10), new Uint8Array(10));
      assertEquals(await g.read(file, 0, 5), bytes("start"));
      await g.fs.setattr(file, { size: 2 ** 32 + 10 });
      assertEquals(await size(g, file), 2 ** 32 + 10);
      assertEquals((await g.read(file, 2 ** 32, 100)).length, 10);
    },
  },
  {
    name: "holes take no room",
    needs: ["sparse"],
    async run(g) {
      const file = await g.file("a");
      await g.fs.setattr(file, { size: 8 * GiB });
      assertLess((await g.stat(file)).used, MiB);
      for (let i = 1; i <= 4; i++) await g.write(file, "x", i * GiB);
      assertLess((await g.stat(file)).used, MiB);
      assertEquals(await g.read(file, 2 * GiB - 1, 3), bytes("\0x\0"));
    },
  },
  {
    name: "room is given back when a file is cut",
    async run(g) {
      const file = await g.file("a");
      await g.write(file, pattern(MiB, 1));
      await g.fs.commit(file);
      const { used } = await g.stat(file);
      assert(used >= MiB);
      await g.fs.setattr(file, { size: 10 });
      await g.fs.commit(file);
      assertLess((await g.stat(file)).used, used / 2);
    },
  },
  {
    name: "a file can be as large as promised, and no larger",
    async run(g) {
      const file = await g.file("a", "x");
      const largest = Math.min(
        g.can.largest,
        g.fs.limits?.maxFileSize ?? Number.MAX_SAFE_INTEGER,
      );
      await g.fs.setattr(file, { size: largest });
      assertEquals(await size(g, file), largest);
      await g.write(file, "z", largest - 1);
      assertEquals(await g.read(file, largest - 2, 9), bytes("\0z"));
      await g.fs.setattr(file, { size: 1 });
      const beyond = Number.MAX_SAFE_INTEGER;
      await refused("too-big", () => g.write(file, "xy", beyond));
      await refused("too-big", () => g.fs.setattr(file, { size: 2 ** 60 }));
      assertEquals(await g.text(file), "x");
    },
  },
  {
    name: "files don't share content",
    async run(g) {
      const files = [];
      for (let i = 0; i < 20; i++) {
        const file = await g.file(`file${i}`);
        await g.write(file, pattern(5000, i));
        files.push(file);
      }
      for (const [i, file] of files.entries()) {
        assertBytes(await g.read(file), pattern(5000, i));
      }
    },
  },
];
