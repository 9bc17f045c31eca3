import { assertEquals, assertThrows } from "@std/assert";
import {
  GONE,
  type LogContent,
  MARK_AT,
  newLog,
  putLine,
  readLog,
} from "../../src/recovery/log_format.ts";
import type { ClientRecord } from "../../src/recovery/record_store.ts";

function record(n: number): ClientRecord {
  return {
    protocol: n % 2 === 0 ? 0 : 1,
    owner: Uint8Array.of(0, n, 255),
    principal: `sys:${n}`,
    leaseMs: 90_000,
  };
}

const HEADER = new TextDecoder().decode(newLog([]).bytes);

const LINES = [
  putLine(record(1)),
  putLine(record(2)),
  putLine(record(3)),
] as const;

function readText(text: string): LogContent {
  return readLog(new TextEncoder().encode(text), "journal");
}

function read(...lines: string[]): LogContent {
  return readText(HEADER + lines.join(""));
}

function left(...lines: string[]): [number[], boolean] {
  const { lines: found, isDamaged } = read(...lines);
  const there = [...found.values()].filter(({ isGone }) => !isGone);
  return [there.map(({ record }) => record.owner[1]!), isDamaged];
}

/** The line when its record was deleted. */
function gone(line: string): string {
  return line.slice(0, MARK_AT) + GONE + line.slice(MARK_AT + GONE.length);
}

Deno.test("records come back as they were written, with their places", () => {
  const records = [record(1), { ...record(2), principal: "ü" }, record(3)];
  const { bytes, lines } = newLog(records);
  const again = readLog(bytes, "journal");
  assertEquals(again, { lines, isDamaged: false, goodBytes: bytes.length });
  assertEquals([...lines.values()].map(({ record }) => record), records);
  const changed = { ...record(1), principal: "none", leaseMs: 1 };
  const { lines: found } = read(...LINES, putLine(changed));
  assertEquals(found.get("1:0001ff")?.record, changed);
});

Deno.test("what is marked as gone is, as is what the owner had before", () => {
  const [one, two, three] = LINES;
  assertEquals(left(gone(one), two, three), [[2, 3], false]);
  const other = putLine({ ...record(1), protocol: 0 });
  assertEquals(left(...LINES, gone(other)), [[1, 2, 3], false]);
  const longer = putLine({ ...record(1), leaseMs: 120_000 });
  assertEquals(left(one, two, gone(longer)), [[2], false]);
  assertEquals(left(gone(one), two, longer), [[1, 2], false]);
});

Deno.test("a log of format 1 is read, with its lines that remove", () => {
  // As it was written by version 1.
  const text = `dittofs-nfs4 client records 1
f36fb808 ["put",1,"0001ff","sys:1",90000]
cc3f926a ["put",0,"0002ff","sys:2",90000]
5bc09958 ["delete",1,"0001ff"]
`;
  const { lines, isDamaged, goodBytes } = readText(text);
  assertEquals([...lines.keys()], ["0:0002ff"]);
  assertEquals([isDamaged, goodBytes], [false, text.length]);
});

Deno.test("a journal torn at any byte has the changes before it", () => {
  const again = putLine({ ...record(1), leaseMs: 1 });
  const text = HEADER + LINES.join("") + gone(again);
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
  for (let at = HEADER.length; at <= text.length; at++) {
    const whole = ends.filter((end) => end <= at).length - 1;
    const [there, isDamaged] = left(text.slice(HEADER.length, at));
    assertEquals([there.length, isDamaged], [whole === 4 ? 2 : whole, false]);
    assertEquals(readText(text.slice(0, at)).goodBytes, ends[whole]);
  }
});

Deno.test("a tail of garbage costs nothing that was flushed", () => {
  assertEquals(left(...LINES, "\0\0\0\0\n\0"), [[1, 2, 3], false]);
  assertEquals(left(...LINES, "deadbeef [\n"), [[1, 2, 3], false]);
});

Deno.test("whoever stood before a damaged line can't reclaim (RFC 8881 8.4.3)", () => {
  const [one, two, three] = LINES;
  const damaged = two.replace("sys", "syt");
  assertEquals(left(one, damaged, three), [[3], true]);
  assertEquals(left(one, two, damaged, damaged, three), [[3], true]);
  const isMarked = two.replace(" ", "x");
  assertEquals(left(one, isMarked, three), [[3], true]);
});

Deno.test("a newer format and a file of another kind are refused", () => {
  const newer = HEADER.replace("2", "3");
  assertThrows(() => readText(newer), Error, "newer version (format 3");
  for (const text of ["", HEADER.trimEnd(), "\n", "hello\n", `\n${HEADER}`]) {
    assertThrows(() => readText(text), Error, "journal is damaged");
  }
});
