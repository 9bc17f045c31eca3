import { assertEquals } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  attributes,
  codeOf,
  hasFfi,
  makeHost,
  noFolder,
  Sandbox,
} from "./fixture.ts";

const ignore = noFolder || !hasFfi;
const READ = { read: true, write: false };

/** A file "f" of a file system whose questions to the host are counted. */
class Asked implements AsyncDisposable {
  readonly box: Sandbox = new Sandbox();
  readonly path: string = `${this.box.path}/f`;
  readonly clock: FakeClock = new FakeClock();
  readonly fs: HostedFileSystem;
  /** Looks at names, and at what is open. */
  names = 0;
  descriptors = 0;

  constructor() {
    Deno.writeTextFileSync(this.path, "");
    const host = makeHost(true);
    const stat = host.stat.bind(host);
    const statFile = host.statFile.bind(host);
    host.stat = (folder, name) => {
      this.names++;
      this.descriptors--;
      return stat(folder, name);
    };
    host.statFile = (fd) => {
      this.descriptors++;
      return statFile(fd);
    };
    const path = Deno.realPathSync(this.box.path);
    this.fs = new HostedFileSystem(host, path, { clock: this.clock });
  }

  /** The file, from the root, and then the questions so far are forgotten. */
  async file(): Promise<LocalNode> {
    const node = await this.fs.lookup(this.fs.root(), "f");
    this.names = this.descriptors = 0;
    return node!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fs.dispose();
    await this.box[Symbol.asyncDispose]();
  }
}

Deno.test({
  name: "local: for requests that came together the host is asked once",
  ignore,
  fn: async () => {
    await using asked = new Asked();
    const { fs } = asked;
    const file = await asked.file();
    const given = [
      fs.lookup(fs.root(), "f"),
      fs.getattr(file),
      fs.lookup(fs.root(), "f"),
      fs.getattr(file),
    ];
    assertEquals(asked.names, 1);
    await Promise.all(given);
    await fs.getattr(file);
    assertEquals(asked.names, 2);
  },
});

Deno.test({
  name: "local: after a change of ours the host is asked again, in one run too",
  ignore,
  fn: async () => {
    await using asked = new Asked();
    const { fs } = asked;
    const file = await asked.file();
    const sizes = [0, 1, 2].map((size) => {
      const written = fs.write(file, 0, new Uint8Array(size), "unstable");
      const told = fs.getattr(file);
      return Promise.all([told, written]).then(([{ size }]) => size);
    });
    assertEquals(await Promise.all(sizes), [0, 1, 2]);
    const modes = [0o600, 0o640].map((mode) => {
      fs.setattr(file, { mode });
      return fs.getattr(file);
    });
    assertEquals((await modes[0]!).mode, 0o600);
    assertEquals((await modes[1]!).mode, 0o640);
    const before = fs.getattr(fs.root());
    fs.create(fs.root(), "g", { type: "directory" }, { attributes });
    const after = fs.getattr(fs.root());
    assertEquals((await after).nlink - (await before).nlink, 1);
  },
});

Deno.test({
  name: "local: a name that was found is looked up again after its removal",
  ignore,
  fn: async () => {
    await using asked = new Asked();
    const { fs } = asked;
    await asked.file();
    const root = fs.root();
    const found = fs.lookup(root, "f");
    fs.remove(root, "f");
    const gone = fs.lookup(root, "f");
    assertEquals([await found === undefined, await gone], [false, undefined]);
  },
});

Deno.test({
  name: "local: an open file is asked for itself, and its name once a second",
  ignore,
  fn: async () => {
    await using asked = new Asked();
    const { fs, path } = asked;
    const file = await asked.file();
    await fs.open(file, READ);
    await asked.file();
    for (const content of ["one", "three"]) {
      Deno.writeTextFileSync(path, content);
      assertEquals((await fs.getattr(file)).size, content.length);
    }
    assertEquals([asked.names, asked.descriptors], [0, 2]);
    Deno.renameSync(path, `${asked.box.outside}/f`);
    asked.clock.advance(1000);
    assertEquals(await codeOf(() => fs.getattr(file)), "stale");
    fs.close(file, READ);
  },
});

Deno.test({
  name: "local: a folder is asked for itself, and its name once a second",
  ignore,
  fn: async () => {
    await using asked = new Asked();
    const { fs, box, clock } = asked;
    Deno.mkdirSync(`${box.path}/d`);
    const folder = (await fs.lookup(fs.root(), "d"))!;
    await fs.lookup(folder, "none");
    for (const name of ["a", "b"]) {
      await asked.file();
      clock.advance(1000);
      await fs.getattr(folder);
      assertEquals(asked.names, 1);
      Deno.mkdirSync(`${box.path}/d/${name}`);
      const { nlink } = Deno.statSync(`${box.path}/d`);
      assertEquals((await fs.getattr(folder)).nlink, nlink);
      assertEquals(asked.names, 1);
    }
    Deno.renameSync(`${box.path}/d`, `${box.outside}/d`);
    clock.advance(1000);
    assertEquals(await codeOf(() => fs.getattr(folder)), "stale");
  },
});

Deno.test({
  name:
    "local: an open file whose name the host removes or gives to another is still told",
  ignore,
  fn: async () => {
    for (const isReplaced of [false, true]) {
      await using asked = new Asked();
      const { fs, path } = asked;
      const file = await asked.file();
      await fs.open(file, READ);
      Deno.removeSync(path);
      if (isReplaced) Deno.writeTextFileSync(path, "another");
      const { nlink, size } = await fs.getattr(file);
      assertEquals([nlink, size], [0, 0]);
      fs.close(file, READ);
    }
  },
});
