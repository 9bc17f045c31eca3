import { assert, assertEquals, assertGreater } from "@std/assert";
import { changeOf } from "../../../src/backends/local/change_counter.ts";
import type {
  Host,
  HostStat,
  OpenFolder,
} from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { PortableHost } from "../../../src/backends/local/portable_host.ts";
import { Bitmap } from "../../../src/nfs4/bitmap.ts";
import { wantedBy } from "../../../src/nfs4/wanted_attributes.ts";
import type { FileSystem } from "../../../src/vfs/file_system.ts";
import { Fixture } from "../../engine/ops/fixture.ts";
import { list } from "../../engine/ops/listing.ts";
import { LocalNode } from "../../../src/backends/local/node.ts";
import {
  attributes,
  hasFfi,
  noFolder,
  Sandbox,
  testBothHosts,
} from "./fixture.ts";

function statAt(seconds: number, nanoseconds: number, size = 0): HostStat {
  const time = { seconds, nanoseconds };
  return {
    type: "file",
    mode: 0o644,
    nlink: 1,
    uid: 0,
    gid: 0,
    size,
    used: 0,
    fileid: 5,
    change: 0,
    atime: time,
    mtime: time,
    ctime: time,
    device: 1,
    mountRoot: false,
  };
}

const host = { tick: 10_000 } as Host;

Deno.test("change counter: grows within one tick of ctime, by us or by size alone", () => {
  const node = new LocalNode(statAt(1000, 0), 1);
  const time = { host, now: () => 1_000_001 };
  const first = changeOf(node, statAt(1000, 0), time);
  assertEquals(changeOf(node, statAt(1000, 0), time), first);
  node.isTouched = true;
  const second = changeOf(node, statAt(1000, 0), time);
  assertGreater(second, first);
  const third = changeOf(node, statAt(1000, 0, 7), time);
  assertGreater(third, second);
});

Deno.test("change counter: does not go back when the node leaves memory", () => {
  const stat = statAt(1000, 500_000);
  const node = new LocalNode(stat, 1);
  let last = changeOf(node, stat, { host, now: () => 1_000_001 });
  for (let i = 0; i < 500; i++) {
    node.isTouched = true;
    last = changeOf(node, stat, { host, now: () => 1_000_002 });
  }
  const again = new LocalNode(stat, 1);
  const seen = changeOf(again, stat, { host, now: () => 1_000_100 });
  assertGreater(seen, last);
  const later = statAt(1000, 200_000_000);
  assertGreater(changeOf(again, later, { host, now: () => 1_000_200 }), seen);
});

Deno.test("change counter: two that see a settled file agree", () => {
  const stat = statAt(1000, 0);
  const time = { host, now: () => 2_000_000 };
  const values = [1, 2].map(() => changeOf(new LocalNode(stat, 1), stat, time));
  assertEquals(values[0], values[1]);
  assert(Number.isSafeInteger(values[0]));
});

testBothHosts(
  "the change counter sees what the host does, and survives a restart",
  async (make) => {
    await using box = make();
    const { path } = box;
    const { node: file } = await box.fs.create(box.fs.root(), "file", {
      type: "file",
    }, { attributes });
    const id = box.fs.identify(file).slice();
    let last = (await box.fs.getattr(file)).change;
    for (let i = 1; i < 5; i++) {
      Deno.writeTextFileSync(`${path}/file`, "x".repeat(i));
      const { change } = await box.fs.getattr(file);
      assertGreater(change, last);
      last = change;
    }
    for (let i = 0; i < 100; i++) {
      await box.fs.write(file, 0, new Uint8Array(i), "unstable");
      last = (await box.fs.getattr(file)).change;
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
    await box.restart();
    const found = await box.fs.resolve(id);
    const { change } = await box.fs.getattr(found);
    assert(change >= last);
    await box.fs.write(found, 0, new Uint8Array(1), "unstable");
    assertGreater((await box.fs.getattr(found)).change, change);
  },
);

Deno.test({
  name: "local, libc: times are exact to the nanosecond",
  ignore: noFolder || !hasFfi,
  fn: async () => {
    await using box = new Sandbox();
    const { fs } = box;
    const mtime = { seconds: 1_700_000_000, nanoseconds: 123_456_789 };
    const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
      attributes: { ...attributes, mtime },
    });
    await fs.setattr(node, { atime: { seconds: -5, nanoseconds: 1 } });
    const stat = await fs.getattr(node);
    assertEquals(stat.mtime, mtime);
    assertEquals(stat.atime, { seconds: -5, nanoseconds: 1 });
  },
});

testBothHosts(
  "a change is not lost where the counter was not wanted meanwhile",
  async (make) => {
    await using box = make();
    const { fs } = box;
    const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
      attributes,
    });
    const before = await fs.getattr(node);
    await fs.write(node, 0, new Uint8Array(1), "unstable");
    const size = wantedBy(Bitmap.ofNumbers([4]));
    assertEquals((await fs.getattr(node, size)).size, 1);
    const after = await fs.getattr(node);
    assertGreater(after.change, before.change);
    assertEquals((await fs.getattr(node)).change, after.change);
  },
);

Deno.test({
  name:
    "the host is asked once for an entry that is listed with its attributes",
  ignore: noFolder,
  fn: async () => {
    let stats = 0;
    class CountingHost extends PortableHost {
      override stat(folder: OpenFolder, name: string) {
        stats++;
        return super.stat(folder, name);
      }
    }
    const path = Deno.makeTempDirSync();
    const host = new CountingHost();
    const fs = new HostedFileSystem(host, Deno.realPathSync(path));
    for (const name of ["a", "b", "c"]) {
      Deno.writeTextFileSync(`${path}/${name}`, name);
    }
    const fixture = new Fixture({
      path: "/",
      fs: fs as FileSystem,
      squash: "none",
    });
    const root = await fixture.at("/");
    await list(root, { attributes: [1, 3, 4] });
    stats = 0;
    const listed = await list(root, { attributes: [1, 3, 4] });
    assertEquals(listed.names.length, 3);
    assertEquals(stats, 3);
    await fs.dispose();
    Deno.removeSync(path, { recursive: true });
  },
});
