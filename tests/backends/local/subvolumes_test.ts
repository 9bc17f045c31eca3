import { assertEquals } from "@std/assert";
import { hasSubvolumes } from "../../../src/backends/local/file_system_type.ts";

Deno.test("a folder on btrfs may have subvolumes below it, one on another file system or an unknown has none", () => {
  const btrfs = 0x9123683e, ext4 = 0xef53;
  const told = [btrfs, ext4, undefined]
    .map((type) => hasSubvolumes("/folder", () => type));
  assertEquals(told, [true, false, false]);
});
