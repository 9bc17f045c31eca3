/** What local does with what the host permits it. */

import { assertEquals } from "@std/assert";
import nodeFs from "node:fs";
import { NO_NEW_SYMLINKS } from "../../../src/backends/local/limitations.ts";
import { local } from "../../../src/backends/local/mod.ts";
import type { CreateKind } from "../../../src/vfs/mod.ts";
import { attributes, codeOf, isRoot, noFolder, Sandbox } from "./fixture.ts";

const NOBODY = 65534;
const script = pathOf("unprivileged.ts");

function pathOf(name: string): string {
  return new URL(`./${name}`, import.meta.url).pathname;
}

/** Whether another user can run Deno on these sources; a private checkout keeps it out. */
function canRun(): boolean {
  if (!isRoot) return false;
  const { success } = new Deno.Command("cat", {
    args: [script],
    uid: NOBODY,
    gid: NOBODY,
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success;
}

/** What a script prints that an ordinary user runs on its folder. */
async function reportOf(script: string, box: Sandbox): Promise<unknown> {
  Deno.chmodSync(`${box.path}/..`, 0o755);
  Deno.chownSync(box.path, NOBODY, NOBODY);
  Deno.chownSync(box.outside, NOBODY, NOBODY);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, box.path],
    uid: NOBODY,
    gid: NOBODY,
    env: { DENO_DIR: box.outside, HOME: box.outside, NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout);
  assertEquals(output.startsWith("{"), true, new TextDecoder().decode(stderr));
  return JSON.parse(output);
}

Deno.test({
  name: "local: an ordinary user serves what the host permits",
  ignore: !canRun(),
  fn: async () => {
    await using box = new Sandbox();
    Deno.writeTextFileSync(`${box.path}/foreign`, "secret", { mode: 0o600 });
    Deno.mkdirSync(`${box.path}/folder`, { mode: 0o755 });
    assertEquals(await reportOf(script, box), {
      made: { mode: 0o444, uid: NOBODY, gid: NOBODY },
      program: 0o755,
      sized: 0o6755,
      resized: 0o4755,
      open: "done",
      write: "done",
      close: "done",
      chown: "permission",
      chmod: "done",
      device: "permission",
      foreign: "access",
      rootOwned: "access",
      lockedMode: 0,
      unlocked: "done",
      dropped: "done",
      found: "done",
      listed: "done",
    });
  },
});

Deno.test({
  name:
    "local: what its mode keeps from an ordinary user takes nothing else from clients",
  ignore: !canRun(),
  fn: async () => {
    await using box = new Sandbox();
    const dropBox = {
      commit: "done",
      open: "done",
      write: "done",
      cut: "done",
      read: "access",
      remove: "done",
      close: "done",
    };
    assertEquals(await reportOf(pathOf("unprivileged_files.ts"), box), {
      dropBoxes: [dropBox, dropBox, dropBox],
      turned: { texts: ["one", "two"], held: 0 },
      locked: "done",
      closedFolder: {
        write: "done",
        read: "done",
        getattr: "done",
        chmod: "done",
        cut: "done",
        commit: "done",
        openAgain: "done",
        openOther: "access",
        remove: "access",
        unseen: "done",
        moved: "stale",
      },
    });
  },
});

const path = noFolder ? "/" : Deno.realPathSync(Deno.makeTempDirSync());

Deno.test({
  name:
    "local: where Deno may write to the folder alone no symlinks are made, and that is told",
  ignore: noFolder,
  permissions: { read: [path], write: [path] },
  async fn() {
    const fs = local(path);
    assertEquals(fs.limitations.includes(NO_NEW_SYMLINKS), true);
    const kind = { type: "symlink", target: "x" } as const;
    const made = () => fs.create(fs.root(), "link", kind, { attributes });
    assertEquals(await codeOf(made), "not-supported");
    await fs.dispose();
    Deno.removeSync(path);
  },
});

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
