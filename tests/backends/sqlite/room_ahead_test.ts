import { assert, assertEquals } from "@std/assert";
import { RoomAhead } from "../../../src/backends/sqlite/room_ahead.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { canWrite, temporary } from "./fixture.ts";
import { closeSync, openSync } from "node:fs";

for (
  const [what, path, flags, code] of [
    ["a disk that is full", "/dev/full", "r+", "no-space"],
    // As good as an I/O error: the host does not write.
    ["a disk that fails", undefined, "r", "io"],
  ] as const
) {
  Deno.test({
    name: `${what} is told as that where room is to be set aside on it`,
    ignore: !canWrite || Deno.build.os !== "linux",
    fn() {
      using folder = temporary();
      const file = `${folder.path}/file`;
      Deno.writeTextFileSync(file, "1234");
      const descriptor = openSync(path ?? file, flags);
      try {
        const room = new RoomAhead(descriptor);
        const lack = room.reach(4097);
        assert(lack instanceof FsError);
        assertEquals(lack.code, code);
        if (path === undefined) assertEquals(room.reach(4), undefined);
      } finally {
        closeSync(descriptor);
      }
    },
  });
}
