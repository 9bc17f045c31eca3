import { assertEquals } from "@std/assert";
import fs from "node:fs";
import { hasSubvolumes } from "../../../src/backends/local/file_system_type.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { readMountTable } from "../../../src/backends/local/mount_table.ts";
import { LOOK_MS } from "../../../src/backends/local/mount_watch.ts";
import { eventually } from "../../backchannel/fixture.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { codeOf, makeHost, namesIn, Sandbox } from "./fixture.ts";
import { canMount, mount, MS_BIND } from "./mounting.ts";

/** A FUSE file system of another user with no program behind it: who else steps into it is refused. */
function mountOfAnother(path: string): Disposable | undefined {
  const device = fs.openSync("/dev/fuse", "r+");
  const user = "user_id=1234,group_id=1234";
  const data = `fd=${device},rootmode=40000,${user}`;
  const mounted = mount(path, { source: "x", type: "fuse", data });
  if (mounted === undefined) fs.closeSync(device);
  return mounted && {
    [Symbol.dispose]() {
      mounted[Symbol.dispose]();
      fs.closeSync(device);
    },
  };
}

const mounts: Record<string, (path: string) => Disposable | undefined> = {
  "a file system of memory": (path) =>
    mount(path, { source: "x", type: "tmpfs" }),
  "another folder": (path) =>
    mount(path, { source: `${path}/../a`, type: "", flags: MS_BIND }),
  "what another user mounted": mountOfAnother,
};

for (const [what, make] of Object.entries(mounts)) {
  Deno.test({
    name: `local: ${what}, mounted below, is not shown and hides nothing`,
    ignore: !canMount((base) => {
      for (const name of ["a", "m"]) Deno.mkdirSync(`${base}/${name}`);
      return make(`${base}/m`);
    }),
    fn: async () => {
      await using box = new Sandbox();
      const { path } = box;
      const identities: Uint8Array[] = [];
      for (const name of ["a", "m", "z"]) {
        Deno.mkdirSync(`${path}/${name}`);
        Deno.writeTextFileSync(`${path}/${name}/file`, name);
        const folder = (await box.fs.lookup(box.fs.root(), name))!;
        const file = (await box.fs.lookup(folder, "file"))!;
        identities.push(box.fs.identify(file).slice());
      }
      const [a, covered, z] = identities as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      using _mounted = make(`${path}/m`);
      await box.restart();
      for (const identity of [a, z]) {
        const node = await box.fs.resolve(identity);
        assertEquals((await box.fs.getattr(node)).size, 1);
      }
      assertEquals(await codeOf(() => box.fs.resolve(covered)), "stale");
      const root = box.fs.root();
      assertEquals(await namesIn(box.fs), ["a", "z"]);
      assertEquals(await box.fs.lookup(root, "m"), undefined);
    },
  });
}

Deno.test({
  name:
    "local: a folder that is no longer on what it serves is told, until it is again",
  ignore: !canMount(mounts["a file system of memory"]!),
  fn: async () => {
    const clock = new FakeClock();
    const base = Deno.makeTempDirSync();
    const [path, elsewhere] = [`${base}/m`, `${base}/e`];
    for (const place of [path, elsewhere]) Deno.mkdirSync(place);
    const memory = { source: "x", type: "tmpfs" };
    const first = mount(path, memory);
    const bound = { source: path, type: "", flags: MS_BIND };
    const kept = mount(elsewhere, bound);
    const fs = new HostedFileSystem(makeHost(true), path, { clock });
    const failureIs = (expected: string | undefined) =>
      eventually(`${expected}`, () => {
        clock.advance(LOOK_MS);
        return fs.failure() === expected;
      });
    try {
      assertEquals(fs.failure(), undefined);
      first?.[Symbol.dispose]();
      const table = readMountTable();
      const { place } = table.at(base)!;
      await failureIs(`${path} is now on what is mounted at ${place}`);
      const other = mount(path, memory);
      await failureIs(`${path} was mounted anew`);
      other?.[Symbol.dispose]();
      // The very file system that it serves.
      const again = mount(path, { ...bound, source: elsewhere });
      await failureIs(undefined);
      again?.[Symbol.dispose]();
    } finally {
      await fs.dispose();
      kept?.[Symbol.dispose]();
      Deno.removeSync(base, { recursive: true });
    }
  },
});

Deno.test("a folder on btrfs may have subvolumes below it, one on another file system or an unknown has none", () => {
  const btrfs = 0x9123683e, ext4 = 0xef53;
  const told = [btrfs, ext4, undefined]
    .map((type) => hasSubvolumes("/folder", () => type));
  assertEquals(told, [true, false, false]);
});
