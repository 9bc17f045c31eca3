import { assertEquals, assertThrows } from "@std/assert";
import {
  deleteLine,
  HEADER,
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

const LINES = [
  putLine(record(1)),
  putLine(record(2)),
  putLine(record(3)),
] as const;

function read(...lines: string[]) {
  return readLog(HEADER + lines.join(""), "journal");
}

function left(...lines: string[]): [number[], boolean] {
  const { records, isDamaged } = read(...lines);
  return [[...records.values()].map(({ owner }) => owner[1]!), isDamaged];
}

Deno.test("records come back as they were written", () => {
  const { records } = read(...LINES);
  assertEquals([...records.values()], [1, 2, 3].map(record));
  const changed = { ...record(1), principal: "none", leaseMs: 1 };
  const again = read(...LINES, putLine(changed));
  assertEquals(again.records.get("1:0001ff"), changed);
});

Deno.test("what was deleted is gone, of its protocol only", () => {
  const [one, two, three] = LINES;
  assertEquals(left(one, two, deleteLine(record(1)), three), [[2, 3], false]);
  const other = { ...record(1), protocol: 0 } as const;
  assertEquals(left(...LINES, deleteLine(other)), [[1, 2, 3], false]);
});

Deno.test("a journal torn at any byte has the changes before it", () => {
  const text = HEADER + LINES.join("") + deleteLine(record(1));
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
  for (let at = HEADER.length; at <= text.length; at++) {
    const whole = ends.filter((end) => end <= at).length - 1;
    const { records, isDamaged } = readLog(text.slice(0, at), "journal");
    assertEquals([records.size, isDamaged], [whole === 4 ? 2 : whole, false]);
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
});

Deno.test("a newer format and a file of another kind are refused", () => {
  const newer = HEADER.replace("1", "2");
  assertThrows(() => readLog(newer, "j"), Error, "newer version (format 2");
  for (const text of ["", HEADER.trimEnd(), "\n", "hello\n", `\n${HEADER}`]) {
    assertThrows(() => readLog(text, "j"), Error, "j is damaged");
  }
});
