import { assertEquals, assertNotEquals } from "@std/assert";
import { digest } from "../../src/state/digest.ts";

Deno.test("a digest is that of the range, wherever it lies", () => {
  const bytes = new Uint8Array(64).map((_, i) => i * 7);
  const moved = new Uint8Array(80);
  moved.set(bytes, 12);
  assertEquals(digest(bytes, 0, 64), digest(moved, 12, 76));
});

Deno.test("a digest tells each change in the first 512 bytes and none behind them", () => {
  const bytes = new Uint8Array(1_024);
  const before = digest(bytes, 0, bytes.length);
  for (let i = 0; i < 512; i++) {
    bytes[i] = 1;
    assertNotEquals(digest(bytes, 0, bytes.length), before);
    bytes[i] = 0;
  }
  bytes[512] = 1;
  assertEquals(digest(bytes, 0, bytes.length), before);
});
