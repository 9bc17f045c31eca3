import { assertEquals } from "@std/assert";
import type { Host } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import {
  attributes,
  codeOf,
  hasFfi,
  makeHost,
  noFolder,
  Sandbox,
} from "./fixture.ts";

/** The host, and what it was asked. */
function told(host: Host): { host: Host; calls: PropertyKey[] } {
  const calls: PropertyKey[] = [];
  const proxy = new Proxy(host, {
    get(host, name) {
      const value = Reflect.get(host, name);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        calls.push(name);
        return value.apply(host, given);
      };
    },
  });
  return { host: proxy, calls };
}

interface Nodes {
  readonly root: LocalNode;
  readonly folder: LocalNode;
  readonly file: LocalNode;
  readonly symlink: LocalNode;
}

const byte = new Uint8Array(1);
const at = (directory: LocalNode, name: string) => ({ directory, name });

/** All that a server asks of a file system for its clients. */
const uses: Record<string, (fs: HostedFileSystem, nodes: Nodes) => unknown> = {
  "getattr of the root": (fs, { root }) => fs.getattr(root),
  "getattr": (fs, { file }) => fs.getattr(file),
  "lookup": (fs, { root }) => fs.lookup(root, "file"),
  "lookup below": (fs, { folder }) => fs.lookup(folder, "file"),
  "parent": (fs, { folder }) => fs.parent(folder),
  "readdir": (fs, { root }) => fs.readdir(root, 0, 10),
  "read": (fs, { file }) => fs.read(file, 0, byte),
  "readlink": (fs, { symlink }) => fs.readlink(symlink),
  "status": (fs) => fs.status(),
  "open": (fs, { file }) => fs.open(file, { read: true, write: true }),
  "setattr": (fs, { file }) => fs.setattr(file, { size: 0, mode: 0 }),
  "setattr of a folder": (fs, { folder }) => fs.setattr(folder, { mode: 0 }),
  "write": (fs, { file }) => fs.write(file, 0, byte, "file"),
  "commit": (fs, { file }) => fs.commit(file),
  "create": (fs, { root }) =>
    fs.create(root, "new", { type: "directory" }, { attributes }),
  "link": (fs, { root, file }) => fs.link(file, root, "new"),
  "remove": (fs, { root }) => fs.remove(root, "file"),
  "rename": (fs, { root }) => fs.rename(at(root, "file"), at(root, "new")),
};

for (const ffi of [true, false]) {
  Deno.test({
    name: `local, ${
      ffi ? "libc" : "no libc"
    }: what is no longer served is stale, and asks the host for nothing`,
    ignore: noFolder || (ffi && !hasFfi),
    async fn() {
      await using box = new Sandbox();
      Deno.mkdirSync(`${box.path}/folder`);
      Deno.writeTextFileSync(`${box.path}/file`, "file");
      Deno.symlinkSync("file", `${box.path}/symlink`);
      const { host, calls } = told(makeHost(ffi));
      const fs = new HostedFileSystem(host, box.path);
      const root = fs.root();
      const [folder, file, symlink] = await Promise.all(
        ["folder", "file", "symlink"].map((name) => fs.lookup(root, name)),
      ) as [LocalNode, LocalNode, LocalNode];
      await fs.readdir(folder, 0, 10);
      await fs.read(file, 0, byte);
      const identity = fs.identify(folder).slice();
      await fs.dispose();
      // They may have the numbers of what was served.
      await using _other = new Sandbox();
      calls.length = 0;
      for (const [use, act] of Object.entries(uses)) {
        const nodes = { root, folder, file, symlink };
        assertEquals(await codeOf(() => act(fs, nodes)), "stale", use);
      }
      const found = fs.resolve(identity);
      assertEquals(await codeOf(async () => fs.getattr(await found)), "stale");
      assertEquals(fs.guard(file), undefined);
      assertEquals(calls, []);
    },
  });
}
