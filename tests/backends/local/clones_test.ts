import fs from "node:fs";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { HostClones } from "../../../src/backends/local/clone_calls.ts";
import { type CloneRange, FsError } from "../../../src/vfs/mod.ts";
import { cloneTests } from "../behaviour/clones.ts";
import { register, type Subject } from "../behaviour/fixture.ts";
import { ApartBox, WorkerHere } from "./apart/fixture.ts";
import {
  codeOf,
  hasFfi,
  isRoot,
  makeHost,
  noFolder,
  Sandbox,
} from "./fixture.ts";
import { mountImage, SHARING } from "./image.ts";

const BLOCK = 4096;
const LENGTH = 4 * BLOCK;
const whole: CloneRange = { sourceOffset: 0, targetOffset: 0, length: LENGTH };

/** Folders on an image of their own. */
const KINDS = {
  "local": (dir: string) => new Sandbox({}, { dir }),
  "local, apart": (dir: string) =>
    ApartBox.open({}, { open: () => new WorkerHere() }, { dir }),
} as const;

async function onImage(
  type: string,
  open: typeof KINDS[keyof typeof KINDS],
): Promise<Subject> {
  const image = mountImage(type)!;
  const box = await open(image.path);
  return {
    fs: box.fs,
    owner: { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 },
    tick: () => new Promise((resolve) => setTimeout(resolve, 12)),
    async [Symbol.asyncDispose]() {
      await box[Symbol.asyncDispose]();
      image[Symbol.dispose]();
    },
  };
}

function canHave(type: string): boolean {
  using image = isRoot ? mountImage(type) : undefined;
  return image !== undefined;
}

for (const type of SHARING) {
  const ignore = !canHave(type);
  for (const [kind, open] of Object.entries(KINDS)) {
    for (const test of cloneTests) {
      const factory = () => onImage(type, open);
      register(`${kind}, on ${type}`, test, { factory, ignore });
    }
  }
}

/** A folder with files "a" and "b" of data, whose host has them share blocks as the test says. */
async function folder(share: HostClones["share"]) {
  const box = new Sandbox();
  for (const [i, name] of ["a", "b"].entries()) {
    Deno.writeFileSync(`${box.path}/${name}`, new Uint8Array(LENGTH).fill(i));
  }
  const host = makeHost(true);
  const value: HostClones = { block: BLOCK, share };
  Object.defineProperty(host, "clones", { value });
  const fs = new HostedFileSystem(host, box.path);
  const [a, b] = [
    await fs.lookup(fs.root(), "a"),
    await fs.lookup(fs.root(), "b"),
  ];
  return {
    ...{ fs, a: a!, b: b! },
    async [Symbol.asyncDispose]() {
      await fs.dispose();
      await box[Symbol.asyncDispose]();
    },
  };
}

const ignore = noFolder || !hasFfi;

Deno.test(
  "local: what reads or changes one of two files waits while the host has them share blocks, and others don't",
  {
    ignore,
  },
  async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using at = await folder(async () => {
      begun.resolve();
      await gate.promise;
    });
    const { fs, a, b } = at;
    const order: string[] = [];
    const note = (what: string, work: unknown) =>
      Promise.resolve(work).then(() => order.push(what));
    const cloned = note("cloned", fs.clone(a, b, whole));
    await begun.promise;
    const all = [a, b].flatMap((file) => [
      note("read", fs.read(file, 0, new Uint8Array(1))),
      note("write", fs.write(file, 0, Uint8Array.of(1), "unstable")),
      note("size", fs.setattr(file, { size: LENGTH })),
    ]);
    await fs.getattr(a);
    await fs.getattr(b);
    await fs.readdir(fs.root(), 0, 10);
    await new Promise((go) => setTimeout(go));
    assertEquals(order, []);
    gate.resolve();
    await Promise.all([cloned, ...all]);
  },
);

Deno.test(
  "local: a host that refuses to have files share blocks is told as that, and the files are served on",
  {
    ignore,
  },
  async () => {
    await using at = await folder(() =>
      Promise.reject(new FsError("not-supported"))
    );
    const { fs, a, b } = at;
    assertEquals(await codeOf(() => fs.clone(a, b, whole)), "not-supported");
    const read = new Uint8Array(1);
    await fs.read(b, 0, read);
    assertEquals(read[0], 1);
  },
);

Deno.test("local: what is not in blocks is not asked of the host", {
  ignore,
}, async () => {
  await using at = await folder(() => Promise.reject(new Error("asked")));
  const { fs, a, b } = at;
  const wrong: Partial<CloneRange>[] = [
    { sourceOffset: 1, length: BLOCK },
    { targetOffset: 1 },
    { length: 1 },
    // Beyond the end of the source.
    { length: LENGTH + BLOCK },
    { sourceOffset: BLOCK },
  ];
  for (const range of wrong) {
    const code = await codeOf(() => fs.clone(a, b, { ...whole, ...range }));
    assertEquals(code, "invalid");
  }
});

Deno.test(
  "local: a file system without shared blocks has no CLONE, and tells no block of it",
  {
    ignore,
  },
  async () => {
    await using box = new Sandbox({}, { dir: "/dev/shm" });
    assertEquals(box.fs.clone, undefined);
    assertEquals(box.fs.limits.cloneBlock, undefined);
  },
);

for (const type of SHARING) {
  Deno.test(`local: what can't be shared on ${type} says why`, {
    ignore: !canHave(type),
  }, async () => {
    using image = mountImage(type)!;
    const host = makeHost(true);
    using open = new DisposableStack();
    host.closeFolder(host.openRoot(image.path));
    open.defer(() => host.close());
    assert(host.clones !== undefined);
    const fd = (path: string, flags: string) => {
      const fd = fs.openSync(path, flags);
      open.defer(() => fs.closeSync(fd));
      return fd;
    };
    const a = fd(`${image.path}/a`, "w+");
    const readOnly = fd(`${image.path}/a`, "r");
    const elsewhere = Deno.makeTempFileSync();
    open.defer(() => Deno.removeSync(elsewhere));
    fs.writeSync(a, new Uint8Array(LENGTH));
    const share = (from: number, to: number) =>
      assertRejects(() => host.clones!.share(from, to, whole), Error);
    assert((await share(a, readOnly)).message.includes("EBADF"));
    assert((await share(fd(elsewhere, "r"), a)).message.includes("EXDEV"));
  });
}
