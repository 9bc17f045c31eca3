import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { isSound } from "../../src/vfs/checks.ts";
import { MemoryFileSystem } from "../../src/backends/memory/memory_file_system.ts";

Deno.test("only a back end as it was written is taken at its word", () => {
  const own = memory() as FileSystem;
  assertEquals(isSound(own), true);
  assertEquals(isSound(new Proxy(own, {})), false);
  assertEquals(isSound(Object.create(own)), false);
  assertEquals(isSound({ ...own }), false);
  assertEquals(
    isSound(Object.assign(memory(), { read: () => ({ bytes: 9e9 }) })),
    false,
  );
  class Other extends MemoryFileSystem {}
  const options = Reflect.construct(MemoryFileSystem, [{}], Other);
  assertEquals(isSound(options), false);
});
