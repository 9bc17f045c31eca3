import { constants } from "node:os";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { hostError } from "../../../src/base/host_error.ts";
import { toFsError } from "../../../src/backends/local/errno.ts";
import type { Host } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { FsError, type FsErrorCode } from "../../../src/vfs/mod.ts";
import {
  attributes,
  codeOf,
  hasFfi,
  makeHost,
  noFolder,
  Sandbox,
  testBothHosts,
} from "./fixture.ts";

const { errno } = constants;

const told: Record<string, FsErrorCode> = {
  EPERM: "permission",
  ENOENT: "not-found",
  EIO: "io",
  ENXIO: "wrong-type",
  EACCES: "access",
  EBUSY: "busy",
  EEXIST: "exists",
  EXDEV: "cross-device",
  EMFILE: "busy",
  ETXTBSY: "access",
  EFBIG: "too-big",
  ENOSPC: "no-space",
  EROFS: "read-only",
  EMLINK: "too-many-links",
  ENAMETOOLONG: "name-too-long",
  ELOOP: "stale",
  EOVERFLOW: "too-big",
  EOPNOTSUPP: "not-supported",
  ESTALE: "stale",
  EDQUOT: "quota",
  // Nobody's own word for it.
  EPROTO: "io",
};

Deno.test("local: whichever way Deno puts an error of the host, it is the host's", () => {
  for (const [name, number] of Object.entries(errno)) {
    const shapes = [
      Object.assign(new Error("…"), { code: name }),
      new Error(`Something happened (os error ${number})`),
      hostError(number, "call"),
      // As node:fs puts those that it has no name for.
      Object.assign(new Error("UNKNOWN: unknown error, mkdir"), {
        code: "UNKNOWN",
        errno: -number,
      }),
    ];
    for (const shape of shapes) {
      const error = toFsError(shape);
      assert(error instanceof FsError, name);
      if (name in told) assertEquals(error.code, told[name], name);
    }
  }
  assertEquals((toFsError(new Error("(os error 9999)")) as FsError).code, "io");
});

Deno.test("local: what is not the host's error stays a fault of ours", () => {
  for (
    const fault of [
      new TypeError("x is not a function"),
      Object.assign(new TypeError("…"), { code: "ERR_INVALID_ARG_TYPE" }),
    ]
  ) assertEquals(toFsError(fault), fault);
});

/** Calls of the host that a client's request leads to. */
const calls = [
  "open",
  "stat",
  "statFolder",
  "statFile",
  "list",
  "readLink",
  "makeFolder",
  "makeSymlink",
  "makeNode",
  "link",
  "rename",
  "removeFile",
  "removeFolder",
  "removeFolderLater",
  "replaceFolderLater",
  "openFolder",
  "setTimes",
  "pin",
] as const satisfies (keyof Host)[];

for (const ffi of [true, false]) {
  Deno.test({
    name: `local, ${
      ffi ? "libc" : "no libc"
    }: no error of any call of the host is a fault of ours`,
    ignore: noFolder || (ffi && !hasFfi),
    fn: async () => {
      await using box = new Sandbox();
      const host = makeHost(ffi);
      const fs = new HostedFileSystem(host, box.path);
      const root = fs.root();
      const create = (name: string, type: "file" | "directory" | "fifo") =>
        fs.create(root, name, { type }, { attributes });
      const { node: file } = await create("file", "file");
      const { node: folder } = await create("folder", "directory");
      const target = "file";
      const { node: link } = await fs.create(root, "link", {
        type: "symlink",
        target,
      }, { attributes });
      const requests: (() => unknown)[] = [
        () => fs.getattr(file),
        () => fs.lookup(folder, "x"),
        () => fs.readdir(folder, 0, 10),
        () => fs.readlink(link),
        () => fs.read(file, 0, new Uint8Array(1)),
        () => fs.write(file, 0, new Uint8Array(1), "file"),
        () => fs.setattr(link, { mtime: "now" }),
        () => fs.setattr(file, { mode: 0o600, size: 1 }),
        () => create("new", "file"),
        () => create("new-folder", "directory"),
        () => create("fifo", "fifo"),
        () => fs.create(root, "s", { type: "symlink", target }, { attributes }),
        () => fs.link(file, root, "hard"),
        () =>
          fs.rename(
            { directory: root, name: "hard" },
            { directory: folder, name: "hard" },
          ),
        () => fs.remove(folder, "hard"),
        () => fs.remove(root, "folder"),
        () => fs.resolve(fs.identify(file)),
        () => fs.status(),
      ];
      let failures = 0;
      for (const call of calls) {
        for (const name of ["EIO", "ESTALE", "EPERM", "ELOOP", "EDQUOT"]) {
          const works = host[call];
          Object.assign(host, {
            [call]: () => {
              throw new Error(
                `(os error ${errno[name as keyof typeof errno]})`,
              );
            },
          });
          for (const request of requests) {
            try {
              await request();
            } catch (error) {
              failures++;
              assert(error instanceof FsError, `${call} ${name}: ${error}`);
            }
          }
          Object.assign(host, { [call]: works });
        }
      }
      assertGreater(failures, 100);
      await fs.dispose();
    },
  });
}

testBothHosts(
  "what is larger than the host's files may be is too big, however it is written",
  async (make) => {
    await using box = make();
    const { fs } = box;
    const { maxFileSize = 0 } = fs.limits;
    assertGreater(maxFileSize, 2 ** 31);
    const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
      attributes,
    });
    await fs.setattr(node, { size: maxFileSize });
    await fs.setattr(node, { size: 0 });
    if (maxFileSize === Number.MAX_SAFE_INTEGER) return;
    const size = maxFileSize + 1;
    assertEquals(await codeOf(() => fs.setattr(node, { size })), "too-big");
    for (const length of [1, 1 << 19]) {
      const data = new Uint8Array(length);
      const write = () => fs.write(node, size, data, "unstable");
      assertEquals(await codeOf(write), "too-big");
    }
    assertEquals((await fs.getattr(node)).size, 0);
  },
);

testBothHosts("a time that no clock tells is nobody's fault", async (make) => {
  await using box = make();
  const { fs } = box;
  const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
    attributes,
  });
  for (const seconds of [2 ** 52, -(2 ** 52)]) {
    await fs.setattr(node, { mtime: { seconds, nanoseconds: 999_999_999 } });
  }
  assertEquals((await fs.getattr(node)).size, 0);
});

Deno.test({
  name: "local: a limit of the process bounds files, and does not end it",
  ignore: noFolder || Deno.build.os !== "linux",
  fn: async () => {
    await using box = new Sandbox();
    const module = new URL(
      "../../../src/backends/local/mod.ts",
      import.meta.url,
    );
    const script = `
      import { local } from ${JSON.stringify(module.href)};
      const fs = local(Deno.args[0]);
      console.log(fs.limits.maxFileSize);
      await fs.dispose();`;
    Deno.writeTextFileSync(`${box.outside}/limited.ts`, script);
    const { stdout } = await new Deno.Command("bash", {
      args: [
        "-c",
        'ulimit -f 100000; exec "$0" run --no-check -A "$1" "$2"',
        Deno.execPath(),
        `${box.outside}/limited.ts`,
        box.path,
      ],
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "102400000");
  },
});
