import { assertEquals } from "@std/assert";
import {
  receivedFault,
  sentFault,
} from "../../../../src/backends/local/apart/faults.ts";
import { HeldNodes } from "../../../../src/backends/local/apart/held_nodes.ts";
import { KnownNodes } from "../../../../src/backends/local/apart/known_nodes.ts";
import { isOnSharedMount } from "../../../../src/backends/local/apart/shared_mounts.ts";
import { MountTable } from "../../../../src/backends/local/mount_table.ts";
import { FsError } from "../../../../src/vfs/errors.ts";
import { codeOf, noFolder } from "../fixture.ts";

Deno.test("apart: a node is held until all that was sent of it is let go of", async () => {
  const [root, a, b] = [{}, {}, {}];
  const nodes = new HeldNodes<object>(root, 7);
  assertEquals([a, b, a].map((node) => nodes.send(node)), [8, 9, 8]);
  nodes.release(8, 1);
  assertEquals(nodes.of(8), a);
  assertEquals(nodes.numberOf(a), 8);
  nodes.release(8, 1);
  assertEquals(await codeOf(() => nodes.of(8)), "stale");
  assertEquals(nodes.numberOf(a), undefined);
  // No number is ever of another node.
  assertEquals(nodes.send(a), 10);
  assertEquals(await codeOf(() => nodes.of(7)), "stale");
  assertEquals(nodes.send(root), 0);
  assertEquals(nodes.of(0), root);
});

Deno.test("apart: a node that comes again is the object that is held", () => {
  const nodes = new KnownNodes(() => {});
  const node = nodes.receive([5, 77, 3]);
  assertEquals(nodes.receive([5, 77, 3]) === node, true);
  assertEquals(nodes.get(5) === node, true);
  assertEquals(nodes.get(6), undefined);
  assertEquals(node.identity, { inode: 77, tag: 3 });
});

Deno.test("apart: what is thrown crosses with its meaning", () => {
  const crossed = (error: unknown) =>
    receivedFault(structuredClone(sentFault(error)));
  for (const detail of [undefined, "no room: at all"]) {
    const error = crossed(new FsError("no-space", detail)) as FsError;
    assertEquals(error instanceof FsError, true);
    assertEquals(error.code, "no-space");
    assertEquals(error.message, new FsError("no-space", detail).message);
  }
  const host = crossed(new Deno.errors.NotADirectory("x")) as FsError;
  assertEquals(host.code, "not-directory");
  const mistake = crossed(new TypeError("a mistake"));
  assertEquals(mistake instanceof FsError, false);
  assertEquals(mistake.message, "a mistake");
  assertEquals(mistake.stack?.includes("parts_test.ts"), true);
});

/** The places and types of a table of mounts, as the host writes them. */
function mountTable(...mounts: [place: string, type: string][]): MountTable {
  const lines = mounts.map(([place, type], i) =>
    `${i} 1 0:${i} / ${place} rw,relatime shared:1 - ${type} source rw\n`
  );
  return new MountTable(lines.join(""));
}

Deno.test(
  "apart: mounts that other hosts and programs serve are told by their names",
  { ignore: noFolder },
  () => {
    const mounts = mountTable(
      ["/", "ext4"],
      ["/none/nfs", "nfs4"],
      ["/none/nfs/tmp", "tmpfs"],
      ["/none/ssh", "fuse.sshfs"],
      ["/none/auto", "autofs"],
      ["/none/covered", "cifs"],
      ["/none/covered", "ext4"],
      ["/none/a\\040b", "9p"],
    );
    const isShared = (path: string) => isOnSharedMount(path, () => mounts);
    assertEquals(isShared("/none/nfs"), true);
    assertEquals(isShared("/none/nfs/deep/er/"), true);
    assertEquals(isShared("/none/nfs-not"), false);
    assertEquals(isShared("/none/nfs/tmp/x"), true);
    assertEquals(isShared("/none/ssh/x"), true);
    assertEquals(isShared("/none/./x/../auto/home"), true);
    assertEquals(isShared("/none/covered"), false);
    assertEquals(isShared("/none/a b"), true);
    assertEquals(isShared("/"), false);
    assertEquals(isOnSharedMount("/x", () => mountTable(["/", "nfs"])), true);
    const unreadable = () => {
      throw new Deno.errors.NotCapable("no");
    };
    assertEquals(isOnSharedMount("/none/nfs", unreadable), false);
  },
);
