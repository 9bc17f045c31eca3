import { constants } from "node:os";
import { assertEquals } from "@std/assert";
import { toldClock } from "../../support/fake_clock.ts";
import { hostError } from "../../../src/base/host_error.ts";
import type { Host, OpenFolder } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { FsError } from "../../../src/vfs/mod.ts";
import { codeOf, hasFfi, makeHost, noFolder, Sandbox } from "./fixture.ts";

/** How a host can keep one entry of a folder to itself. */
const ways = ["stat", "openFolder", "list"] as const;

/** Errors of one file: of its mode, of a mount that is another user's or dead, of a bad disk. */
const OF_ONE_FILE = [
  ...["EACCES", "EPERM", "EIO", "ENOTCONN", "ESTALE", "ELOOP", "ETIMEDOUT"],
  ...["EHOSTDOWN", "ENXIO", "EOVERFLOW"],
] as const;

/** Where the host has no room for any look. */
const OF_ALL = ["EMFILE", "ENFILE", "ENOMEM"] as const;

/** Makes one call of the host fail where it is about the folder "withheld". */
function withhold(
  host: Host,
  way: typeof ways[number],
  error: { readonly name: string; readonly folder: string },
): void {
  const refuse = () => {
    const { errno } = constants;
    throw hostError(errno[error.name as keyof typeof errno], way);
  };
  const { ino } = Deno.lstatSync(error.folder);
  const isIt = (folder: OpenFolder) => host.statFolder(folder).fileid === ino;
  const { stat, openFolder, list } = host;
  const replaced: Record<typeof way, unknown> = {
    stat: (folder: OpenFolder, name: string) =>
      name === "withheld" ? refuse() : stat.call(host, folder, name),
    openFolder: (folder: OpenFolder, name: string) =>
      name === "withheld" ? refuse() : openFolder.call(host, folder, name),
    list: (folder: OpenFolder) =>
      isIt(folder) ? refuse() : list.call(host, folder),
  };
  Object.assign(host, { [way]: replaced[way] });
}

/** Folders with a file in each, in the midst of them the one that is withheld; and their identities. */
async function plant({ fs, path }: Sandbox): Promise<Map<string, Uint8Array>> {
  const identities = new Map<string, Uint8Array>();
  for (const name of ["a", "b", "withheld", "x", "y"]) {
    Deno.mkdirSync(`${path}/${name}`);
    Deno.writeTextFileSync(`${path}/${name}/file`, name);
    const folder = (await fs.lookup(fs.root(), name))!;
    const file = (await fs.lookup(folder, "file"))!;
    identities.set(name, fs.identify(folder).slice());
    identities.set(`${name}/file`, fs.identify(file).slice());
  }
  return identities;
}

function testHosts(
  name: string,
  run: (box: Sandbox, host: () => Host) => Promise<void>,
): void {
  for (const ffi of [true, false]) {
    Deno.test({
      name: `local, ${ffi ? "libc" : "no libc"}: ${name}`,
      ignore: noFolder || (ffi && !hasFfi),
      fn: async () => {
        await using box = new Sandbox({ ffi });
        await run(box, () => makeHost(ffi));
      },
    });
  }
}

testHosts(
  "whatever one folder answers with, all other files are found and listed",
  async (box, makeHost) => {
    const identities = await plant(box);
    for (const way of ways) {
      for (const name of OF_ONE_FILE) {
        const host = makeHost();
        withhold(host, way, { name, folder: `${box.path}/withheld` });
        const fs = new HostedFileSystem(host, box.path);
        const said = `${way} ${name}`;
        for (const [path, identity] of identities) {
          if (path.startsWith("withheld")) continue;
          await fs.getattr(await fs.resolve(identity));
        }
        const { entries, end } = await fs.readdir(fs.root(), 0, 10);
        const names = entries.map(({ name }) => name).sort();
        assertEquals(names, ["a", "b", "withheld", "x", "y"], said);
        assertEquals(end, true);
        const bare = entries.filter(({ node }) => node === undefined);
        assertEquals(
          bare.map(({ name }) => name),
          way === "stat" ? ["withheld"] : [],
          said,
        );
        await fs.dispose();
      }
    }
  },
);

testHosts(
  "what may be behind a folder that can't be read is stale, until it can be",
  async (box, makeHost) => {
    const hidden = (await plant(box)).get("withheld/file")!;
    let now = 0;
    const host = makeHost();
    const { list } = host;
    const folder = `${box.path}/withheld`;
    withhold(host, "list", { name: "EACCES", folder });
    const clock = toldClock(() => now);
    const fs = new HostedFileSystem(host, box.path, { clock });
    assertEquals(await codeOf(() => fs.resolve(hidden)), "stale");
    Object.assign(host, { list });
    now += 120_000;
    assertEquals((await fs.getattr(await fs.resolve(hidden))).size, 8);
    await fs.dispose();
  },
);

testHosts(
  "a file that the host replaces is stale, also beside a folder that can't be read",
  async (box, makeHost) => {
    await plant(box);
    const host = makeHost();
    const folder = `${box.path}/withheld`;
    withhold(host, "list", { name: "EACCES", folder });
    const fs = new HostedFileSystem(host, box.path);
    const file = async (name: string) =>
      (await fs.lookup((await fs.lookup(fs.root(), name))!, "file"))!;
    const [replaced, removed] = [await file("a"), await file("y")];
    Deno.writeTextFileSync(`${box.path}/a/new`, "new");
    Deno.renameSync(`${box.path}/a/new`, `${box.path}/a/file`);
    Deno.removeSync(`${box.path}/y/file`);
    assertEquals(await codeOf(() => fs.getattr(replaced)), "stale");
    assertEquals(await codeOf(() => fs.getattr(removed)), "stale");
    await fs.dispose();
  },
);

testHosts(
  "where the host has no room for a look, nothing is called stale",
  async (box, makeHost) => {
    const identities = await plant(box);
    for (const way of ways) {
      for (const name of OF_ALL) {
        const host = makeHost();
        const working = host[way];
        withhold(host, way, { name, folder: `${box.path}/withheld` });
        const fs = new HostedFileSystem(host, box.path);
        for (const identity of identities.values()) {
          try {
            await fs.resolve(identity);
          } catch (error) {
            const { code } = error as FsError;
            assertEquals(code, "busy", `${way} ${name}`);
          }
        }
        Object.assign(host, { [way]: working });
        for (const identity of identities.values()) await fs.resolve(identity);
        await fs.dispose();
      }
    }
  },
);
