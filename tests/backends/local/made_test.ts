import { assertEquals } from "@std/assert";
import { openHostCalls } from "../../../src/backends/common/host_calls.ts";
import type { HostStat, OpenFolder } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { LinuxHost } from "../../../src/backends/local/linux_host.ts";
import type { CreateKind } from "../../../src/vfs/mod.ts";
import { PortableHost } from "../../../src/backends/local/portable_host.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { attributes, codeOf, isRoot, noFolder } from "./fixture.ts";

/** A host on which a user moves something else to the name of what was just made. */
class SwappingHost extends LinuxHost {
  /** The path of what is moved there, and in place of what. */
  swap: { readonly from: string; readonly to: string } | undefined;

  /** The inode number of what was born a minute ago. */
  old = 0;

  override makeNode(
    folder: OpenFolder,
    name: string,
    node: Parameters<LinuxHost["makeNode"]>[2],
  ): void {
    super.makeNode(folder, name, node);
    this.#swap();
  }

  override makeFolder(
    at: Parameters<LinuxHost["makeFolder"]>[0],
    mode: number,
  ) {
    super.makeFolder(at, mode);
    this.#swap();
  }

  override statFile(fd: number): HostStat {
    const stat = super.statFile(fd);
    if (stat.fileid !== this.old || stat.birthtime === undefined) return stat;
    const { seconds, nanoseconds } = stat.birthtime;
    return { ...stat, birthtime: { seconds: seconds - 60, nanoseconds } };
  }

  #swap(): void {
    if (this.swap !== undefined) Deno.renameSync(this.swap.from, this.swap.to);
  }
}

const kinds: CreateKind[] = [
  { type: "fifo" },
  { type: "socket" },
  { type: "directory" },
];
for (const kind of kinds) {
  for (const isLinked of kind.type === "directory" ? [false] : [false, true]) {
    const how = isLinked ? "links" : "moves";
    Deno.test({
      name:
        `local: a ${kind.type} that a user ${how} to the name of a new one stays its owner's`,
      ignore: !isRoot,
      fn: () => makeBeside(kind, isLinked),
    });
  }
}

async function makeBeside(kind: CreateKind, isLinked: boolean): Promise<void> {
  const path = await Deno.makeTempDir();
  const host = new SwappingHost(openHostCalls()!);
  const fs = new HostedFileSystem(host, path);
  try {
    const root = host.openRoot(path);
    if (kind.type === "directory") {
      host.makeFolder({ folder: root, name: "theirs" }, 0o700);
    } else host.makeNode(root, "theirs", { ...kind, mode: 0o700 });
    host.closeFolder(root);
    host.old = Deno.lstatSync(`${path}/theirs`).ino!;
    if (isLinked) Deno.linkSync(`${path}/theirs`, `${path}/link`);
    const from = `${path}/${isLinked ? "link" : "theirs"}`;
    host.swap = { from, to: `${path}/new` };
    const theirs = { mode: 0o666, uid: 1000, gid: 1000 };
    const make = () =>
      fs.create(fs.root(), "new", kind, { attributes: theirs });
    assertEquals(await codeOf(make), "busy");
    const { uid, mode } = Deno.lstatSync(`${path}/new`);
    assertEquals([uid, mode! & 0o777], [0, 0o700]);
  } finally {
    await fs.dispose();
    await Deno.remove(path, { recursive: true });
  }
}

/** A host that fails to tell what it was that it has just made. */
class ForgetfulHost extends PortableHost {
  override readonly pinsFolders: boolean;
  isForgetful = false;

  constructor(pinsFolders: boolean) {
    super();
    this.pinsFolders = pinsFolders && Deno.build.os === "linux";
  }

  override open(...args: Parameters<PortableHost["open"]>): number {
    const fd = super.open(...args);
    this.isForgetful = true;
    return fd;
  }

  override makeFolder(...args: Parameters<PortableHost["makeFolder"]>): void {
    super.makeFolder(...args);
    this.isForgetful = true;
  }

  override stat(...args: Parameters<PortableHost["stat"]>) {
    this.#remember();
    return super.stat(...args);
  }

  override statFile(fd: number): HostStat {
    this.#remember();
    return super.statFile(fd);
  }

  #remember(): void {
    if (this.isForgetful) throw new FsError("io");
  }
}

for (const pinsFolders of [true, false]) {
  for (const type of ["file", "directory"] as const) {
    Deno.test({
      name:
        `local: nothing is left of a new ${type} that the host can't tell of${
          pinsFolders ? "" : ", where paths have to do"
        }`,
      ignore: noFolder,
      fn: async () => {
        const path = await Deno.makeTempDir();
        const host = new ForgetfulHost(pinsFolders);
        const fs = new HostedFileSystem(host, path);
        const before = openFiles();
        const make = () =>
          fs.create(fs.root(), "new", { type }, { attributes });
        assertEquals(await codeOf(make), "io");
        host.isForgetful = false;
        assertEquals([openFiles(), [...Deno.readDirSync(path)]], [before, []]);
        await fs.dispose();
        await Deno.remove(path, { recursive: true });
      },
    });
  }
}

/** Descriptors of this process, where the host tells of them. */
function openFiles(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
