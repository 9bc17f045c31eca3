import { assertEquals } from "@std/assert";
import { MemoryFileSystem } from "../../src/backends/memory/memory_file_system.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/clock.ts";
import { CheckedFileSystem } from "../../src/vfs/checked_file_system.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";

/** A class of which some objects can't make hard links. */
class OfSomeHost extends MemoryFileSystem {
  constructor(hasLinks: boolean) {
    super();
    if (!hasLinks) Object.defineProperty(this, "link", { value: undefined });
  }
}

Deno.test("what a file system can do is judged by the object, not by its class", () => {
  const check = (hasLinks: boolean) =>
    new CheckedFileSystem(new OfSomeHost(hasLinks) as FileSystem, {
      name: "/",
      timeout: 1000,
      maxOverdue: 1,
      maxUnderWay: 1,
      clock: systemClock,
      log: silentLogger,
    });
  const [able, unable] = [check(true), check(false)];
  assertEquals(typeof able.link, "function");
  assertEquals(unable.link, undefined);
  assertEquals(typeof unable.remove, "function");
});
