import fs from "node:fs";
import { assertEquals } from "@std/assert";
import { codeOf, isRoot, Sandbox } from "./fixture.ts";

const MS_BIND = 0x1000n;
const MNT_DETACH = 2;
const encoder = new TextEncoder();
const cString = (text: string) => encoder.encode(`${text}\0`);

/** What mount(2) takes. */
interface Mount {
  readonly source: string;
  readonly type: string;
  readonly flags?: bigint;
  readonly data?: string;
}

/** Mounts until that is disposed of; `undefined` where this process may not. */
function mount(path: string, what: Mount): Disposable | undefined {
  const { source, type, flags = 0n, data = "" } = what;
  const libc = Deno.dlopen("libc.so.6", {
    mount: {
      parameters: ["buffer", "buffer", "buffer", "usize", "buffer"],
      result: "i32",
    },
    umount2: { parameters: ["buffer", "i32"], result: "i32" },
  });
  const at = cString(path);
  const failed = libc.symbols.mount(
    cString(source),
    at,
    cString(type),
    flags,
    cString(data),
  );
  if (failed !== 0) {
    libc.close();
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      libc.symbols.umount2(at, MNT_DETACH);
      libc.close();
    },
  };
}

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

/** Whether this process may mount, as one in a container may not. */
function canMount(make: (path: string) => Disposable | undefined): boolean {
  if (!isRoot) return false;
  const path = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${path}/a`);
    Deno.mkdirSync(`${path}/m`);
    using mounted = make(`${path}/m`);
    return mounted !== undefined;
  } catch {
    return false;
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

for (const [what, make] of Object.entries(mounts)) {
  Deno.test({
    name: `local: ${what}, mounted below, is not shown and hides nothing`,
    ignore: !canMount(make),
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
      const { entries, end } = await box.fs.readdir(root, 0, 9);
      assertEquals(entries.map(({ name }) => name).sort(), ["a", "z"]);
      assertEquals(end, true);
      assertEquals(await box.fs.lookup(root, "m"), undefined);
    },
  });
}
