import nodeFs from "node:fs";
import { assertEquals } from "@std/assert";
import type { CreateKind } from "../../../src/vfs/mod.ts";
import { isRoot, Sandbox } from "./fixture.ts";

/** What hosts say of a file that they don't give away; the last is what Deno has no name for. */
const words = ["EPERM", "EACCES", "EINVAL", "ENOTSUP", "ENOSYS", "UNKNOWN"];
const EOVERFLOW = 75;
const kinds: readonly CreateKind[] = [
  { type: "file" },
  { type: "directory" },
  { type: "symlink", target: "x" },
];

for (const code of words) {
  Deno.test({
    name: `local: what the host gives to no other user (${code}) stays its own`,
    ignore: !isRoot,
    fn: async () => {
      await using box = new Sandbox();
      const { fs } = box;
      const { chownSync, lchownSync } = nodeFs;
      const refuse = () => {
        const error = new Error(`${code}: chown`);
        throw Object.assign(error, { code, errno: -EOVERFLOW });
      };
      Object.assign(nodeFs, { chownSync: refuse, lchownSync: refuse });
      try {
        for (const kind of kinds) {
          const attributes = { mode: 0o6755, uid: 1000, gid: 1000 };
          const options = { attributes };
          const made = await fs.create(fs.root(), kind.type, kind, options);
          const { mode, uid } = await fs.getattr(made.node);
          assertEquals(uid, 0);
          // No program of another user runs as the server's.
          if (kind.type === "file") assertEquals(mode, 0o755);
        }
      } finally {
        Object.assign(nodeFs, { chownSync, lchownSync });
      }
    },
  });
}
