import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { encodeRaw } from "../../../src/base/raw_names.ts";
import {
  type HostCalls,
  openHostCalls,
} from "../../../src/backends/common/host_calls.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { LinuxHost } from "../../../src/backends/local/linux_host.ts";
import { XattrCalls } from "../../../src/backends/local/xattr_calls.ts";
import { MAX_XATTR_NAMES } from "../../../src/vfs/xattrs.ts";
import { ApartBox } from "./apart/fixture.ts";
import { attributes, codeOf, hasFfi, noFolder, Sandbox } from "./fixture.ts";
import { setByHost } from "./host_xattrs.ts";

const ignore = noFolder || !hasFfi;
const value = new Uint8Array([1, 2, 3]);

async function file({ fs }: Sandbox) {
  const kind = { type: "file" } as const;
  return (await fs.create(fs.root(), "file", kind, { attributes })).node;
}

Deno.test({
  name:
    "local: clients see what the host sets for users, where its name is UTF-8, and nothing else",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const node = await file(box);
    const before = (await fs.getattr(node)).change;
    const path = `${box.path}/file`;
    setByHost(path, "user.é", value);
    setByHost(path, encodeRaw("user.\udcff"), value);
    // Root's alone.
    setByHost(path, "trusted.x", value);
    assertEquals(await fs.listxattrs(node), ["é"]);
    assertEquals(await fs.getxattr(node, "é"), value);
    assertEquals(await fs.getxattr(node, "x"), undefined);
    assertNotEquals((await fs.getattr(node)).change, before);
  },
});

Deno.test({
  name: "local: the verifier of an exclusive create is neither told nor set",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const verifier = new Uint8Array(8).fill(7);
    const kind = { type: "file" } as const;
    const create = async () =>
      (await fs.create(fs.root(), "file", kind, { attributes, verifier })).node;
    const node = await create();
    const name = "nfs4.verifier";
    assertEquals(await fs.listxattrs(node), []);
    assertEquals(await fs.getxattr(node, name), undefined);
    const set = () => fs.setxattr(node, name, value, "either");
    assertEquals(await codeOf(set), "permission");
    assertEquals(await codeOf(() => fs.removexattr(node, name)), "no-xattr");
    await box.restart();
    const again = { attributes, verifier };
    await box.fs.create(box.fs.root(), "file", kind, again);
  },
});

Deno.test({
  name:
    "local: a name that is too long with the host's prefix is refused, a value of many KiB read whole",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const node = await file(box);
    await fs.setxattr(node, "n".repeat(250), value, "create");
    for (
      const act of [
        () => fs.setxattr(node, "n".repeat(251), value, "create"),
        () => fs.getxattr(node, "n".repeat(251)),
        () => fs.removexattr(node, "n".repeat(251)),
      ]
    ) assertEquals(await codeOf(act), "name-too-long");
    // ext4 has 4 KiB for all, less what others take.
    const large = new Uint8Array(3000).fill(5);
    await fs.setxattr(node, "large", large, "create");
    assertEquals(await fs.getxattr(node, "large"), large);
    assertEquals(await fs.getxattr(node, "n".repeat(250)), value);
    const tooLarge = () =>
      fs.setxattr(node, "large", new Uint8Array(65_537), "either");
    assertEquals(await codeOf(tooLarge), "xattr-too-big");
  },
});

/** A host whose file system keeps none. */
class WithoutXattrs extends LinuxHost {
  override get xattrs(): undefined {
    return undefined;
  }
}

const METHODS = ["getxattr", "listxattrs", "setxattr", "removexattr"] as const;

Deno.test({
  name:
    "local: where the host keeps no extended attributes the methods are not there, and that is said",
  ignore,
  async fn() {
    await using box = new Sandbox();
    await using apart = await ApartBox.open({ ffi: false });
    const without = new WithoutXattrs(openHostCalls()!);
    const fs = new HostedFileSystem(without, box.path);
    for (const each of [fs, apart.fs]) {
      for (const name of METHODS) assertEquals(each[name], undefined);
      assert(each.limitations.includes("no extended attributes"));
    }
    for (const name of METHODS) assert(box.fs[name] !== undefined);
    await fs.dispose();
  },
});

Deno.test("local: of a file with more extended attributes than are told some are", () => {
  const names = Array.from({ length: 5500 }, (_, i) => `user.${i}\0`).join("");
  const calls = {
    errno: () => 34,
    libc: {
      llistxattr(_path: BufferSource, room: Uint8Array, size: bigint) {
        if (size < names.length) return -1;
        return new TextEncoder().encodeInto(names, room).written;
      },
    },
  } as unknown as HostCalls;
  const listed = new XattrCalls(calls, { follows: false }).list("/file");
  assertEquals([listed.length, listed[0]], [MAX_XATTR_NAMES, "0"]);
});
