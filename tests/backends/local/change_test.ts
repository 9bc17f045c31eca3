import { assert, assertEquals, assertGreater } from "@std/assert";
import { changeOf } from "../../../src/backends/local/change_counter.ts";
import type { Host, HostStat } from "../../../src/backends/local/host.ts";
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
  const time = { host, now: 1_000_001 };
  const first = changeOf(node, statAt(1000, 0), time);
  assertEquals(changeOf(node, statAt(1000, 0), time), first);
  node.touched = true;
  const second = changeOf(node, statAt(1000, 0), time);
  assertGreater(second, first);
  const third = changeOf(node, statAt(1000, 0, 7), time);
  assertGreater(third, second);
});

Deno.test("change counter: does not go back when the node leaves memory", () => {
  const stat = statAt(1000, 500_000);
  const node = new LocalNode(stat, 1);
  let last = changeOf(node, stat, { host, now: 1_000_001 });
  for (let i = 0; i < 500; i++) {
    node.touched = true;
    last = changeOf(node, stat, { host, now: 1_000_002 });
  }
  const again = new LocalNode(stat, 1);
  const seen = changeOf(again, stat, { host, now: 1_000_100 });
  assertGreater(seen, last);
  const later = statAt(1000, 200_000_000);
  assertGreater(changeOf(again, later, { host, now: 1_000_200 }), seen);
});

Deno.test("change counter: two that see a settled file agree", () => {
  const stat = statAt(1000, 0);
  const time = { host, now: 2_000_000 };
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
