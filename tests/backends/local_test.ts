import { assertEquals } from "@std/assert";
import { behaviourSuite, type Capabilities } from "./behaviour.ts";
import { HostedFileSystem } from "../../src/backends/local/hosted_file_system.ts";
import { ApartBox } from "./local/apart/fixture.ts";
import {
  hasFfi,
  isRoot,
  noFolder,
  PlainHost,
  Sandbox,
} from "./local/fixture.ts";

const capabilities: Partial<Capabilities> = {
  ownership: isRoot,
  device: isRoot,
  // Kept by the host's file system, or not: a mount option.
  atime: false,
  // No host lets it be set.
  birthtime: false,
  lists: false,
  // ext4 has a block for all of a file.
  largeXattrs: false,
  // Few hosts' file systems can.
  clones: false,
  // What ext4 takes is less than what the interface does.
  largest: 2 ** 43,
};

function owner() {
  return { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
}

behaviourSuite("local", () => {
  const sandbox = new Sandbox();
  return {
    fs: sandbox.fs,
    owner: owner(),
    tick: () => new Promise((resolve) => setTimeout(resolve, 12)),
    reopen: async () => {
      await sandbox.restart();
      return sandbox.fs;
    },
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}, { ignore: noFolder || !hasFfi, capabilities });

behaviourSuite("local, apart", async () => {
  const box = await ApartBox.open();
  return {
    fs: box.fs,
    owner: owner(),
    tick: () => new Promise((resolve) => setTimeout(resolve, 12)),
    reopen: async () => {
      await box.restart();
      return box.fs;
    },
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}, { ignore: noFolder || !hasFfi, capabilities });

const portable: Partial<Capabilities> = {
  ...capabilities,
  fifo: false,
  socket: false,
  device: false,
  xattrs: false,
  clock: false,
  restart: false,
  allocates: false,
  punches: false,
  seeks: false,
  resolution: 1_000_000,
};

behaviourSuite("local without libc", () => {
  const sandbox = new Sandbox({ ffi: false });
  return {
    fs: sandbox.fs,
    owner: owner(),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}, { ignore: noFolder, capabilities: portable });

behaviourSuite("local without /proc", () => {
  const sandbox = new Sandbox();
  return {
    fs: new HostedFileSystem(new PlainHost(), sandbox.path),
    owner: owner(),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}, {
  ignore: noFolder,
  // node:fs has a lutimes that takes no time before 1970.
  capabilities: { ...portable, timesBefore1970: false },
});

Deno.test(
  "local says how exact its times are, and what it lacks without libc",
  { ignore: noFolder },
  async () => {
    await using portableBox = new Sandbox({ ffi: false });
    assertEquals(portableBox.fs.limits?.timeDelta, portable.resolution);
    await using box = new Sandbox();
    const expected = hasFfi ? 1 : portable.resolution;
    assertEquals(box.fs.limits?.timeDelta, expected);
    assertEquals(portableBox.fs.limitations.length, 8);
    assertEquals(box.fs.limitations.length, hasFfi ? 0 : 8);
  },
);
