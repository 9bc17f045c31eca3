import fs from "node:fs";
import { assertEquals } from "@std/assert";
import { hostRoom } from "../../src/backends/common/host_room.ts";
import { wrongStatus } from "../../src/vfs/checks.ts";

Deno.test("a disk larger than numbers are exact for has room, and all that is told of it can be", () => {
  const original = fs.statfsSync;
  const told = {
    bsize: 4096,
    blocks: 2 ** 63,
    bfree: 2 ** 62,
    bavail: 2 ** 30,
  };
  fs.statfsSync = (() => ({ ...told, files: 2 ** 64, ffree: 7 })) as never;
  try {
    const room = hostRoom("/");
    assertEquals(room, {
      totalBytes: Number.MAX_SAFE_INTEGER,
      freeBytes: Number.MAX_SAFE_INTEGER,
      availableBytes: 2 ** 42,
      totalFiles: Number.MAX_SAFE_INTEGER,
      freeFiles: 7,
    });
    assertEquals(wrongStatus(room), undefined);
  } finally {
    fs.statfsSync = original;
  }
});
