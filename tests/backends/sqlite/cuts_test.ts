import { assertLess } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { hostDisk } from "../../../src/backends/sqlite/disk.ts";
import { canWrite, temporary } from "./fixture.ts";

Deno.test({
  name: "a short cut that the host has wait does not stand behind long ones",
  ignore: !canWrite,
  async fn() {
    using folder = temporary();
    const fd = openSync(`${folder.path}/file`, "w+");
    const ended: string[] = [];
    const cut = async (kind: "long" | "short") => {
      const bytes = kind === "long" ? 2 ** 30 : 8192;
      const now = { size: bytes, used: bytes, isHeldUp: kind === "short" };
      await hostDisk.cut(fd, 4096, now);
      ended.push(kind);
    };
    const long = Array.from({ length: 100 }, () => cut("long"));
    await cut("short");
    assertLess(ended.length, 80);
    await Promise.all(long);
    closeSync(fd);
  },
});
