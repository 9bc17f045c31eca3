import { assertEquals } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { defineExport } from "../../../src/vfs/exports.ts";
import type {
  CreateKind,
  FileSystem,
  Timestamp,
} from "../../../src/vfs/file_system.ts";
import { Namespace } from "../../../src/vfs/namespace.ts";
import { attributes, codeOf, noFolder } from "./fixture.ts";
import { ReusingHost } from "./reusing_host.ts";

const ignore = noFolder || Deno.build.os !== "linux";
const MOMENT = { seconds: 1_000_000, nanoseconds: 0 };
const KINDS: readonly CreateKind[] = [
  { type: "file" },
  { type: "directory" },
  { type: "symlink", target: "t" },
];

/** A served folder on a host that uses inode numbers again. */
class Reused implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync());
  readonly host: ReusingHost;
  readonly fs: HostedFileSystem;

  constructor(birth?: Timestamp) {
    this.host = new ReusingHost(birth);
    this.fs = new HostedFileSystem(this.host, this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fs.dispose();
    Deno.removeSync(this.path, { recursive: true });
  }
}

for (const kind of KINDS) {
  Deno.test({
    name:
      `local: a ${kind.type} gets no handle of one that was born in the same moment and removed`,
    ignore,
    fn: async () => {
      await using served = new Reused(MOMENT);
      const { fs, host } = served;
      const removed: Uint8Array[] = [];
      for (let i = 0; i < 8; i++) {
        host.made = 0;
        const made = await fs.create(fs.root(), "x", kind, { attributes });
        // One more for each number that was free and had been used.
        assertEquals(host.made, i + 1);
        for (const identity of removed) {
          assertEquals(await codeOf(() => fs.resolve(identity)), "stale");
        }
        removed.push(fs.identify(made.node));
        await fs.remove(fs.root(), "x");
      }
      assertEquals([...Deno.readDirSync(served.path)], []);
    },
  });

  Deno.test({
    name: `local: where no birth is told, a ${kind.type} is made once`,
    ignore,
    fn: async () => {
      await using served = new Reused();
      const { fs, host } = served;
      for (let i = 0; i < 8; i++) {
        host.made = 0;
        await fs.create(fs.root(), "x", kind, { attributes });
        assertEquals(host.made, 1);
        await fs.remove(fs.root(), "x");
      }
    },
  });
}

/** What the host makes by itself. */
const MAKE: Readonly<Record<string, (path: string) => void>> = {
  file: (path) => Deno.writeTextFileSync(path, "new"),
  directory: (path) => Deno.mkdirSync(path),
  symlink: (path) => Deno.symlinkSync("t", path),
};

for (const [former, makeFormer] of Object.entries(MAKE)) {
  for (const [type, make] of Object.entries(MAKE)) {
    Deno.test({
      name:
        `local: where no birth is told, a ${type} is served that the host made with the number of a ${former}`,
      ignore,
      fn: async () => {
        await using served = new Reused();
        const { fs, host, path } = served;
        const terms = defineExport({ path: "/", fs: fs as FileSystem });
        const namespace = new Namespace([terms], {
          handleKey: new Uint8Array(16),
          time: MOMENT,
        });
        const look = async (name: string) => {
          const file = namespace.refer(
            terms,
            (await fs.lookup(fs.root(), name))!,
          );
          return (await namespace.resolve(file.handle.slice()))!;
        };
        makeFormer(`${path}/old`);
        const old = await look("old");
        host.removes(`${path}/old`);
        make(`${path}/new`);
        const found = await look("new");
        assertEquals(found.handle, old.handle);
        assertEquals((await fs.getattr(found.node as LocalNode)).type, type);
      },
    });
  }
}

Deno.test({
  name:
    "local: a file with the number of a removed one has not its verifier of an exclusive create",
  ignore,
  fn: async () => {
    await using served = new Reused();
    const { fs } = served;
    const kind = { type: "file" } as const;
    const verifier = new Uint8Array(8).fill(7);
    await fs.create(fs.root(), "old", kind, { attributes, verifier });
    await fs.remove(fs.root(), "old");
    await fs.create(fs.root(), "new", kind, { attributes });
    const again = () =>
      fs.create(fs.root(), "new", kind, { attributes, verifier });
    assertEquals(await codeOf(again), "exists");
  },
});
