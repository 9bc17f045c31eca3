/** Contents of files in memory, and what one change of them may cost: counted, not timed. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Capacity } from "../../src/backends/common/capacity.ts";
import {
  FileContent,
  MOST_SHARED,
} from "../../src/backends/common/file_content.ts";
import { PAGE, Piece } from "../../src/backends/common/piece.ts";
import { PieceTree } from "../../src/backends/common/piece_tree.ts";
import { FsError } from "../../src/vfs/errors.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { liveHeap } from "../support/heap.ts";
import { looksOf } from "../support/looks.ts";
import { SeededRandom } from "../support/seeded_random.ts";

/** What a piece takes besides its bytes. */
const COST_OF_PIECE = 576;
const N = 20_000;
/** What a request may look at that has nothing to do with how much a file has. */
const FEW = 300;

/** A memory file system with the files "a", of `N` pieces, and "b". */
function crowded() {
  const fs = memory();
  const root = fs.root();
  const make = (name: string) => {
    const attributes = { mode: 0o644, uid: 0, gid: 0 };
    return fs.create(root, name, { type: "file" }, { attributes }).node;
  };
  const [a, b] = [make("a"), make("b")];
  const before = fs.status().freeBytes;
  const byte = new Uint8Array(1);
  for (let i = 0; i < N; i++) fs.write(a, i * PAGE, byte, "unstable");
  const mode = { read: true, write: true };
  return { fs, root, a, b, before, mode };
}

for (const left of [N - 1, N / 2, 1, 0]) {
  Deno.test(`a file of ${N} pieces is cut to ${left} of them in some looks, and the others' room is free at once`, async () => {
    const { fs, a, before } = crowded();
    const taken = before - fs.status().freeBytes;
    const looks = await looksOf(() => fs.setattr(a, { size: left * PAGE }));
    assert(looks < FEW, `${looks} looks`);
    assertEquals(a.used, left);
    assertEquals(before - fs.status().freeBytes, taken / N * left);
  });
}

Deno.test(`a file of ${N} pieces goes with its last name, or the close behind it, in some looks`, async () => {
  const ends: ((it: ReturnType<typeof crowded>) => () => unknown)[] = [
    ({ fs, root }) => () => fs.remove(root, "a"),
    ({ fs, root }) => () => {
      const to = { directory: root, name: "a" };
      fs.rename({ directory: root, name: "b" }, to);
    },
    ({ fs, root, a, mode }) => {
      fs.open(a, mode);
      fs.remove(root, "a");
      return () => fs.close(a, mode);
    },
  ];
  for (const prepare of ends) {
    const it = crowded();
    const end = prepare(it);
    const looks = await looksOf(end);
    assert(looks < FEW, `${looks} looks`);
    assert(it.a.isGone);
    assert(it.fs.status().freeBytes >= it.before);
  }
});

/** Where data begins and ends, by what is looked for. */
function foundBySeek(content: FileContent): [number, number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < content.size;) {
    const start = content.seek(at, "data");
    if (start === undefined) break;
    at = content.seek(start, "hole")!;
    found.push([start, at]);
  }
  return found;
}

/** The same by the segments. */
function joined(
  segments: ReturnType<FileContent["segments"]>,
  size: number,
): [number, number][] {
  const all: [number, number][] = [];
  for (const { offset, length } of segments) {
    const [start, end] = [offset, Math.min(size, offset + length)];
    if (start >= size) break;
    const last = all.at(-1);
    if (last?.[1] === start) last[1] = end;
    else all.push([start, end]);
  }
  return all;
}

function isAllData(content: FileContent, start: number, end: number): boolean {
  return foundBySeek(content).some(([from, to]) => from <= start && to >= end);
}

Deno.test("a content that is cut, punched, allocated and written again has what a plain array has, and counts what it takes", () => {
  const random = new SeededRandom(11);
  const bytes = 2 ** 30;
  const room = new Capacity({ bytes, heap: bytes, files: 1 });
  const content = new FileContent(room);
  const plain = new Uint8Array(40 * PAGE);
  let size = 0;
  const step = () => {
    const at = random.below(plain.length - 200_000);
    if (random.oneIn(4)) {
      const length = random.oneIn(2)
        ? 1 + random.below(200_000)
        : PAGE * (1 + random.below(3));
      const from = random.oneIn(2) ? at : Math.floor(at / PAGE) * PAGE;
      if (random.oneIn(2)) {
        content.punch(from, from + length);
        plain.fill(0, from, Math.min(size, from + length));
        return;
      }
      using allocation = content.allocation(from, from + length);
      while (allocation.step());
      // Its size is for the file system to set.
      content.resize(Math.max(size, from + length));
      size = content.size;
      return assert(isAllData(content, from, from + length));
    }
    if (random.oneIn(3)) {
      // Often where pages begin and end.
      const to = random.oneIn(2) ? at : Math.floor(at / PAGE) * PAGE;
      content.resize(to);
      if (to < size) plain.fill(0, to);
      size = to;
      return;
    }
    const length = 1 + random.below(random.oneIn(4) ? 200_000 : 40);
    const data = random.bytes(length);
    content.write(at, data);
    plain.set(data, at);
    size = Math.max(size, at + length);
  };
  for (let i = 0; i < 200; i++) {
    step();
    assertEquals(content.size, size);
    const segments = content.segments();
    const sum = segments.reduce((sum, { length }) => sum + length, 0);
    assertEquals(content.used, sum);
    const read = new Uint8Array(size);
    content.read(0, read);
    let isSame = true;
    for (let at = 0; at < size; at++) isSame &&= read[at] === plain[at];
    assert(isSame, `step ${i} of seed ${random.seed}`);
    assertEquals(foundBySeek(content), joined(segments, size));
  }
  content.release();
  assertEquals([content.used, content.size, room.freeBytes], [0, 0, bytes]);
});

Deno.test("two contents that share pages have what two plain arrays have, and each counts what it takes", () => {
  const random = new SeededRandom(5);
  const bytes = 2 ** 30;
  const room = new Capacity({ bytes, heap: bytes, files: 1 });
  const pages = 12;
  const files = [0, 1].map(() => ({
    content: new FileContent(room),
    plain: new Uint8Array(pages * PAGE),
  }));
  const step = () => {
    const { content, plain } = random.pick(files);
    const at = random.below(plain.length - 200_000);
    const length = 1 + random.below(random.oneIn(2) ? 200_000 : 40);
    const kind = random.below(5);
    if (kind === 0) {
      const source = random.pick(files);
      const [from, to] = [random.below(4), random.below(4)];
      const count = 1 + random.below(4);
      const most = source.content.size - from * PAGE;
      const isOverlap = source.content === content &&
        Math.abs(from - to) < count;
      if (most <= 0 || isOverlap) return;
      const length = Math.min(most, count * PAGE);
      const [sourceOffset, targetOffset] = [from * PAGE, to * PAGE];
      const isPart = length % PAGE !== 0;
      if (isPart && targetOffset + length < content.size) return;
      content.share(source.content, { sourceOffset, targetOffset, length });
      const end = (from + Math.ceil(length / PAGE)) * PAGE;
      const copy = source.plain.slice(sourceOffset, end);
      plain.set(copy, targetOffset);
      plain.fill(0, content.size);
    } else if (kind === 1) {
      content.punch(at, at + length);
      plain.fill(0, at, at + length);
    } else if (kind === 2) {
      content.resize(at);
      plain.fill(0, at);
    } else {
      const data = random.bytes(length);
      content.write(at, data);
      plain.set(data, at);
    }
  };
  for (let i = 0; i < 250; i++) {
    step();
    let taken = 0;
    for (const { content, plain } of files) {
      const read = new Uint8Array(content.size);
      content.read(0, read);
      let isSame = true;
      for (let at = 0; at < read.length; at++) {
        isSame &&= read[at] === plain[at];
      }
      assert(isSame, `step ${i} of seed ${random.seed}`);
      const segments = content.segments();
      const sum = segments.reduce((sum, { length }) => sum + length, 0);
      assertEquals(content.used, sum);
      taken += sum + segments.length * COST_OF_PIECE;
    }
    assertEquals(bytes - room.freeBytes, taken);
  }
  for (const { content } of files) content.release();
  assertEquals(room.freeBytes, bytes);
});

Deno.test("what is shared is looked at when it is: a source of another size by then is refused", () => {
  for (const size of [PAGE + 5000, PAGE + 15_000, 100]) {
    const bytes = 2 ** 30;
    const room = new Capacity({ bytes, heap: bytes, files: 1 });
    const [source, target] = [new FileContent(room), new FileContent(room)];
    source.write(0, new Uint8Array(size).fill(7));
    const { freeBytes } = room;
    // Up to where it ended before.
    const range = { sourceOffset: 0, targetOffset: 0, length: PAGE + 10_000 };
    assertThrows(() => target.share(source, range), FsError, "invalid");
    assertEquals([target.size, room.freeBytes], [0, freeBytes]);
  }
  const room = new Capacity({ bytes: 2 ** 30, heap: 2 ** 30, files: 1 });
  const [source, target] = [new FileContent(room), new FileContent(room)];
  source.write(0, new Uint8Array(100));
  const range = { sourceOffset: 0, targetOffset: 0, length: PAGE };
  assertThrows(() => target.share(source, range), FsError, "invalid");
});

Deno.test("more pieces than are shared at a time are too many, and nothing is done", () => {
  const bytes = 2 ** 40;
  const room = new Capacity({ bytes, heap: bytes, files: 1 });
  const [a, b] = [new FileContent(room), new FileContent(room)];
  const one = new Uint8Array(1);
  for (let i = 0; i <= MOST_SHARED; i++) a.write(i * PAGE, one);
  const free = room.freeBytes;
  const range = { sourceOffset: 0, targetOffset: 0, length: a.size };
  assertThrows(() => b.share(a, range), FsError, "too-big");
  assertEquals([b.size, room.freeBytes], [0, free]);
  b.share(a, { ...range, length: MOST_SHARED * PAGE });
  assertEquals(room.freeBytes, free - MOST_SHARED * (1 + COST_OF_PIECE));
});

Deno.test("what is allocated takes its room, and no memory before it is written to", () => {
  const bytes = 2 ** 29;
  const room = new Capacity({ bytes, heap: bytes, files: 1 });
  const content = new FileContent(room);
  const before = liveHeap();
  const length = 2 ** 28;
  {
    using allocation = content.allocation(5, length);
    while (allocation.step());
  }
  content.resize(length);
  assert(liveHeap() - before < 2 ** 24);
  assertEquals(content.used, length - 5);
  assert(room.freeBytes < bytes - content.used);
  const data = new Uint8Array(2 * PAGE).fill(7);
  content.write(PAGE + 1, data);
  const read = new Uint8Array(4 * PAGE);
  content.read(0, read);
  const expected = new Uint8Array(4 * PAGE);
  expected.set(data, PAGE + 1);
  assertEquals(read, expected);
  assertEquals(content.used, length - 5);
});

Deno.test("no later write to what is shared lacks room", () => {
  const bytes = 2 * (2 * PAGE + 2 * COST_OF_PIECE);
  const room = new Capacity({ bytes, heap: bytes, files: 1 });
  const [a, b] = [new FileContent(room), new FileContent(room)];
  a.write(0, new Uint8Array(2 * PAGE).fill(1));
  const range = { sourceOffset: 0, targetOffset: 0, length: 2 * PAGE };
  b.share(a, range);
  assertEquals(room.freeBytes, 0);
  for (const each of [a, b]) each.write(0, new Uint8Array(2 * PAGE).fill(2));
  const c = new FileContent(room);
  assertThrows(() => c.share(a, range), FsError, "no-space");
  // What was there makes room for what takes its place.
  b.share(a, range);
});

Deno.test("a tree of pieces has what a Map has, in order, in whatever order they come", async () => {
  const random = new SeededRandom(3);
  const tree = new PieceTree();
  const map = new Map<number, Piece>();
  const orders: ((i: number) => number)[] = [
    (i) => i,
    (i) => 9_000 - i,
    () => random.below(9_000),
    // Far out, where pages are no small integers.
    () => random.below(2 ** 37),
  ];
  for (let round = 0; round < 40; round++) {
    const page = random.pick(orders);
    for (let i = 0; i < 500; i++) {
      const piece = new Piece(0, 1 + random.below(4));
      const at = page(i);
      map.set(at, piece);
      tree.set(at, piece);
    }
    const pages = [...map.keys()].sort((a, b) => a - b);
    const from = random.pick(pages) + random.below(2);
    const to = random.oneIn(2) ? undefined : random.pick(pages);
    const isOut = (page: number) => page >= from && page < (to ?? Infinity);
    const out = [...map].filter(([page]) => isOut(page));
    const sum = out.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
    const there = { pieces: out.length, bytes: sum };
    assertEquals(tree.sum(from, to ?? Infinity), there);
    const looks = await looksOf(() => tree.remove(from, to));
    assert(looks < 4 * FEW, `${looks} looks`);
    for (const [page] of out) map.delete(page);
    const sorted = [...map].sort(([a], [b]) => a - b);
    const bytes = sorted.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
    const isSame = [...tree].every(([page, piece], i) =>
      page === sorted[i]![0] && piece === sorted[i]![1] &&
      tree.get(page) === piece
    );
    assert(isSame, `round ${round} of seed ${random.seed}`);
    assertEquals([tree.size, tree.bytes], [map.size, bytes]);
    for (const page of pages.slice(0, 100)) {
      assertEquals(tree.get(page + 1), map.get(page + 1));
      const next = sorted.find(([at]) => at >= page);
      assertEquals(tree.next(page)?.[0], next?.[0]);
    }
  }
});

Deno.test("the first page that is not full is found in some looks, wherever that is", async () => {
  const random = new SeededRandom(5);
  // Not a page of memory each.
  const full = { start: 0, end: PAGE, bytes: new Uint8Array(PAGE) } as Piece;
  const tree = new PieceTree();
  for (let page = 1; page <= N; page++) tree.set(page, full);
  const part = new Piece(0, 5);
  const gaps = Array.from({ length: 20 }, () => 1 + random.below(N));
  for (const [i, page] of gaps.entries()) {
    if (i % 2 === 0) tree.set(page, part);
    else tree.remove(page, page + 1);
  }
  for (let i = 0; i < 200; i++) {
    const from = 1 + random.below(N + 5);
    const gap = Math.min(N + 1, ...gaps.filter((page) => page >= from));
    assertEquals(tree.notFull(from), Math.max(from, gap));
    assert(await looksOf(() => tree.notFull(from)) < 3 * FEW);
  }
});

Deno.test(`a hole in the middle of ${N} pieces takes some looks`, async () => {
  const { fs, a } = crowded();
  const looks = await looksOf(() =>
    fs.deallocate(a, 5 * PAGE, (N - 10) * PAGE)
  );
  assert(looks < 2 * FEW, `${looks} looks`);
  assertEquals(a.used, 10);
  assertEquals(fs.seek(a, 5 * PAGE, "data"), (N - 5) * PAGE);
});
