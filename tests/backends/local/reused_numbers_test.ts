import { assertEquals } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { CreateKind, Timestamp } from "../../../src/vfs/file_system.ts";
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
