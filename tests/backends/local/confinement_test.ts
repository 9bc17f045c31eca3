import { assert, assertEquals } from "@std/assert";
import { toldClock } from "../../support/fake_clock.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { type Host, UNPINNED } from "../../../src/backends/local/host.ts";
import { type CreateKind, FsError } from "../../../src/vfs/mod.ts";
import {
  attributes,
  codeOf,
  isRoot,
  makeHost,
  noFolder,
  PlainHost,
  Sandbox,
  testBothHosts,
} from "./fixture.ts";

/** Everything beside the export, so that a change of any of it shows. */
function picture(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => {
    const { mode, size, nlink } = Deno.lstatSync(`${path}/${name}`);
    const content = Deno.readTextFileSync(`${path}/${name}`);
    return `${name} ${mode} ${size} ${nlink} ${content}`;
  }).sort();
}

testBothHosts("symlinks lead nowhere, wherever they point", async (make) => {
  await using box = make();
  const { fs, path, outside } = box;
  Deno.writeTextFileSync(`${outside}/secret`, "secret");
  const targets = [outside, "../outside", "../outside/secret", "/", "..", "."];
  for (const [index, target] of targets.entries()) {
    Deno.symlinkSync(target, `${path}/link${index}`);
    const link = (await fs.lookup(fs.root(), `link${index}`))!;
    assertEquals((await fs.getattr(link)).type, "symlink");
    assertEquals(await fs.readlink(link), target);
    const target1 = new Uint8Array(10);
    assertEquals(
      await codeOf(() => fs.lookup(link, "secret")),
      "not-directory",
    );
    assertEquals(await codeOf(() => fs.readdir(link, 0, 9)), "not-directory");
    assertEquals(await codeOf(() => fs.read(link, 0, target1)), "wrong-type");
    assertEquals(
      await codeOf(() => fs.open(link, { read: true, write: true })),
      "wrong-type",
    );
    const made = () => fs.create(link, "x", { type: "file" }, { attributes });
    assertEquals(await codeOf(made), "not-directory");
  }
  assertEquals(picture(outside).length, 1);
});

testBothHosts(
  "a folder that is moved out is gone within a second",
  async (make) => {
    let now = 0;
    await using box = make({ clock: toldClock(() => now) });
    const { fs, path, outside } = box;
    Deno.mkdirSync(`${path}/folder`);
    Deno.writeTextFileSync(`${path}/folder/mine`, "mine");
    Deno.writeTextFileSync(`${outside}/secret`, "secret");
    const folder = (await fs.lookup(fs.root(), "folder"))!;
    const mine = (await fs.lookup(folder, "mine"))!;
    await fs.read(mine, 0, new Uint8Array(4));
    Deno.renameSync(`${path}/folder`, `${outside}/../moved`);
    Deno.symlinkSync(outside, `${path}/folder`);
    now += 1500;
    assertEquals(await codeOf(() => fs.lookup(folder, "secret")), "stale");
    assertEquals(await codeOf(() => fs.getattr(mine)), "stale");
    assertEquals(
      await codeOf(() => fs.read(mine, 0, new Uint8Array(4))),
      "stale",
    );
    const made = () => fs.create(folder, "x", { type: "file" }, { attributes });
    assertEquals(await codeOf(made), "stale");
    assertEquals(picture(outside).length, 1);
  },
);

/** Every way to use a folder and a file in it. */
const uses: Record<
  string,
  (
    fs: HostedFileSystem,
    at: { folder: LocalNode; file: LocalNode },
  ) => unknown
> = {
  lookup: (fs, { folder }) => fs.lookup(folder, "secret"),
  readdir: (fs, { folder }) => fs.readdir(folder, 0, 10),
  read: async (fs, { file }) => {
    const target = new Uint8Array(6);
    await fs.read(file, 0, target);
    assert(new TextDecoder().decode(target) !== "secret", "read from outside");
  },
  write: (fs, { file }) => fs.write(file, 0, new Uint8Array(9), "unstable"),
  chmod: (fs, { file }) => fs.setattr(file, { mode: 0o777 }),
  truncate: (fs, { file }) => fs.setattr(file, { size: 1 }),
  touch: (fs, { file }) => fs.setattr(file, { mtime: "now" }),
  create: (fs, { folder }) =>
    fs.create(folder, "new", { type: "file" }, { attributes }),
  mkdir: (fs, { folder }) =>
    fs.create(folder, "new", { type: "directory" }, { attributes }),
  symlink: (fs, { folder }) =>
    fs.create(folder, "new", { type: "symlink", target: "x" }, { attributes }),
  link: (fs, { folder, file }) => fs.link(file, folder, "new"),
  linkOut: (fs, { file }) => fs.link(file, fs.root(), "new"),
  remove: (fs, { folder }) => fs.remove(folder, "secret"),
  renameIn: (fs, { folder }) =>
    fs.rename(
      { directory: fs.root(), name: "other" },
      { directory: folder, name: "secret" },
    ),
  renameOut: (fs, { folder }) =>
    fs.rename(
      { directory: folder, name: "secret" },
      { directory: fs.root(), name: "new" },
    ),
};

/** Runs a use with `swap` called right after the `nth` time that the host was asked about `name`. */
async function race(
  ffi: boolean,
  { name, nth, use, swap, cold = false }: {
    name: string;
    nth: number;
    use: string;
    /** The folder was not open before. */
    cold?: boolean;
    swap: (box: Sandbox) => void;
  },
): Promise<void> {
  await using box = new Sandbox();
  const { path, outside } = box;
  Deno.mkdirSync(`${path}/folder`);
  Deno.writeTextFileSync(`${path}/folder/file`, "inside");
  Deno.writeTextFileSync(`${path}/other`, "other");
  Deno.writeTextFileSync(`${outside}/secret`, "secret");
  Deno.writeTextFileSync(`${outside}/file`, "secret");
  const before = picture(outside);
  const host: Host = makeHost(ffi);
  let armed = false;
  let asked = 0;
  const stat = host.stat.bind(host);
  host.stat = (folder, asking) => {
    const answer = stat(folder, asking);
    if (armed && asking === name && ++asked === nth) swap(box);
    return answer;
  };
  let now = 0;
  const fs = new HostedFileSystem(host, path, { clock: toldClock(() => now) });
  try {
    const folder = (await fs.lookup(fs.root(), "folder"))!;
    const file = cold ? folder : (await fs.lookup(folder, "file"))!;
    now += 5000;
    armed = true;
    try {
      await uses[use]!(fs, { folder, file });
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
    }
    assertEquals(picture(outside), before, `${use} of ${name}, time ${nth}`);
  } finally {
    await fs.dispose();
  }
}

const folderCases = [1, 2, 3].flatMap((nth) =>
  [false, true].map((cold) => [nth, cold] as const)
);

for (const ffi of [true, false]) {
  const host = ffi ? "libc" : "no libc";
  Deno.test({
    name:
      `local, ${host}: a folder swapped for a symlink in a race leads nowhere`,
    ignore: noFolder || !makeHost.can(ffi),
    fn: async () => {
      for (const use of Object.keys(uses)) {
        for (const [nth, cold] of folderCases) {
          await race(ffi, {
            name: "folder",
            cold,
            nth,
            use,
            swap: ({ path, outside }) => {
              Deno.renameSync(`${path}/folder`, `${path}/moved`);
              Deno.symlinkSync(outside, `${path}/folder`);
            },
          });
        }
      }
    },
  });

  Deno.test({
    name:
      `local, ${host}: a file swapped for a symlink in a race leads nowhere`,
    ignore: noFolder || !makeHost.can(ffi),
    fn: async () => {
      for (const use of Object.keys(uses)) {
        for (const nth of [1, 2, 3, 4]) {
          await race(ffi, {
            name: "file",
            nth,
            use,
            swap: ({ path, outside }) => {
              Deno.removeSync(`${path}/folder/file`);
              Deno.symlinkSync(`${outside}/file`, `${path}/folder/file`);
            },
          });
        }
      }
    },
  });
}

Deno.test({
  name:
    "local: a new file is the one that was made, whatever has its name then",
  ignore: !isRoot,
  fn: async () => {
    await using box = new Sandbox();
    const { path } = box;
    Deno.writeTextFileSync(`${path}/secret`, "secret");
    const host = makeHost(true);
    const open = host.open.bind(host);
    host.open = (at, flags, mode) => {
      const fd = open(at, flags, mode);
      Deno.renameSync(`${path}/new`, `${path}/moved`);
      Deno.renameSync(`${path}/secret`, `${path}/new`);
      host.open = open;
      return fd;
    };
    const fs = new HostedFileSystem(host, path);
    const { node } = await fs.create(fs.root(), "new", { type: "file" }, {
      attributes: { mode: 0o666, uid: 1001, gid: 1001 },
    });
    await fs.write(node, 0, new TextEncoder().encode("new"), "unstable");
    await fs.dispose();
    assertEquals(Deno.readTextFileSync(`${path}/moved`), "new");
    assertEquals(Deno.readTextFileSync(`${path}/new`), "secret");
    const { uid, mode } = Deno.statSync(`${path}/new`);
    assertEquals(uid, 0);
    assert((mode! & 0o002) === 0);
  },
});

/** What a user of the host moves to where something was just made. */
const kinds: readonly CreateKind[] = [
  { type: "directory" },
  { type: "fifo" },
];

for (const kind of kinds) {
  Deno.test({
    name:
      `local: what takes the place of a new ${kind.type} in a race is given to nobody`,
    ignore: !isRoot,
    fn: async () => {
      for (const secret of ["secret", "folder"]) {
        await using box = new Sandbox();
        const { path } = box;
        Deno.writeTextFileSync(`${path}/secret`, "secret");
        Deno.mkdirSync(`${path}/folder`);
        Deno.writeTextFileSync(`${path}/folder/mine`, "mine");
        const host = makeHost(true);
        const stat = host.stat.bind(host);
        host.stat = (folder, name) => {
          if (name === "new" && stat(folder, name) !== undefined) {
            Deno.renameSync(`${path}/new`, `${path}/moved`);
            Deno.renameSync(`${path}/${secret}`, `${path}/new`);
            host.stat = stat;
          }
          return stat(folder, name);
        };
        const fs = new HostedFileSystem(host, path);
        const made = () =>
          fs.create(fs.root(), "new", kind, {
            attributes: { mode: 0o666, uid: 1001, gid: 1001 },
          });
        assertEquals(await codeOf(made), "busy");
        await fs.dispose();
        const { uid, mode } = Deno.statSync(`${path}/new`);
        assertEquals(uid, 0);
        assert((mode! & 0o002) === 0);
      }
    },
  });
}

Deno.test({
  name: "local: what is mounted in the folder is not there",
  ignore: noFolder || Deno.build.os !== "linux" ||
    Deno.statSync("/proc").dev === Deno.statSync("/").dev,
  fn: async () => {
    await using fs = disposing(new HostedFileSystem(makeHost(false), "/", {}));
    assertEquals(await fs.value.lookup(fs.value.root(), "proc"), undefined);
    const { entries } = await fs.value.readdir(fs.value.root(), 0, 1000);
    assert(entries.length > 0);
    assert(!entries.some(({ name }) => name === "proc"));
  },
});

function disposing(value: HostedFileSystem) {
  return { value, [Symbol.asyncDispose]: () => value.dispose() };
}

Deno.test({
  name: "local: where folders can't be pinned, that is one of the limitations",
  ignore: noFolder,
  fn: async () => {
    const path = Deno.makeTempDirSync();
    for (const host of [new PlainHost(), makeHost(false)]) {
      const fs = new HostedFileSystem(host, path);
      const isTold = fs.limitations.includes(UNPINNED);
      assertEquals(isTold, !host.pinsFolders);
      await fs.dispose();
    }
    Deno.removeSync(path);
  },
});
