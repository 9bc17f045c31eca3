/**
 * Run by permissions_test.ts as an ordinary user on a folder of its own: prints
 * what clients can do with files whose mode keeps this user from a part of it.
 */
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { FsError } from "../../../src/vfs/mod.ts";
import { toldClock } from "../../support/fake_clock.ts";
import { attributes, makeHost } from "./fixture.ts";

const [path = ""] = Deno.args;
let now = 1_000_000;
const fs = new HostedFileSystem(makeHost(true), path, {
  clock: toldClock(() => now),
});
const root = fs.root();
const READ = { read: true, write: false };
const WRITE = { read: false, write: true };

async function attempt(act: () => unknown): Promise<string> {
  try {
    await act();
    return "done";
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
}

/** A file of this mode that no descriptor is held of. */
async function made(name: string, mode: number): Promise<LocalNode> {
  const kind = { type: "file" } as const;
  const { node } = await fs.create(root, name, kind, {
    attributes: { ...attributes, mode },
  });
  await fs.open(node, WRITE);
  fs.close(node, WRITE);
  return node;
}

const write = (node: LocalNode, text: string) =>
  fs.write(node, 0, new TextEncoder().encode(text), "unstable");

async function read(node: LocalNode): Promise<string> {
  const target = new Uint8Array(10);
  const { bytes } = await fs.read(node, 0, target);
  return new TextDecoder().decode(target.subarray(0, bytes));
}

/** What can be done with a file that may be written and not read. */
async function dropBox(mode: number) {
  const node = await made(`drop ${mode.toString(8)}`, mode);
  return {
    commit: await attempt(() => fs.commit(node)),
    open: await attempt(() => fs.open(node, WRITE)),
    write: await attempt(() => write(node, "text")),
    cut: await attempt(() => fs.setattr(node, { size: 2 })),
    read: await attempt(() => read(node)),
    remove: await attempt(async () => {
      await fs.remove(root, `drop ${mode.toString(8)}`);
      await write(node, "after");
    }),
    close: await attempt(() => fs.close(node, WRITE)),
  };
}

/** Whoever had a file open for reading goes on, when it may only be written. */
async function turned() {
  const node = await made("turned", 0o444);
  await fs.open(node, READ);
  await fs.setattr(node, { mode: 0o200 });
  await fs.open(node, WRITE);
  const texts: string[] = [];
  for (const text of ["one", "two"]) {
    await write(node, text);
    texts.push(await read(node));
  }
  await fs.commit(node);
  fs.close(node, WRITE);
  fs.close(node, READ);
  const held = [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).endsWith("turned");
    } catch {
      return false;
    }
  });
  return { texts, held: held.length };
}

/** What was written through a descriptor that had to go is on disk, and COMMIT says so. */
async function locked() {
  const node = await made("locked", 0o644);
  await fs.setattr(node, { mode: 0 });
  return await attempt(() => fs.commit(node));
}

/** What is open goes on, when the folder that it is in may no longer be looked into. */
async function closedFolder() {
  const file = { type: "file" } as const;
  const options = { attributes: { ...attributes, mode: 0o755 } };
  const outer = await fs.create(root, "outer", { type: "directory" }, options);
  const inner = await fs.create(
    outer.node,
    "inner",
    { type: "directory" },
    options,
  );
  const { node } = await fs.create(inner.node, "file", file, options);
  const other = await fs.create(inner.node, "other", file, options);
  await fs.open(node, { read: true, write: true });
  await fs.open(other.node, READ);
  fs.close(other.node, READ);
  await fs.setattr(outer.node, { mode: 0 });
  now += 2000;
  const report = {
    write: await attempt(() => write(node, "text")),
    read: await attempt(() => read(node)),
    getattr: await attempt(() => fs.getattr(node)),
    chmod: await attempt(() => fs.setattr(node, { mode: 0o600 })),
    cut: await attempt(() => fs.setattr(node, { size: 2 })),
    commit: await attempt(() => fs.commit(node)),
    openAgain: await attempt(() => fs.open(node, READ)),
    openOther: await attempt(() => fs.open(other.node, READ)),
    remove: await attempt(() => fs.remove(inner.node, "file")),
  };
  // Moved away meanwhile, that is seen as soon as it can be looked for.
  Deno.chmodSync(`${path}/outer`, 0o700);
  Deno.renameSync(`${path}/outer/inner/file`, `${path}/../outside/file`);
  Deno.chmodSync(`${path}/outer`, 0);
  const unseen = await attempt(() => read(node));
  Deno.chmodSync(`${path}/outer`, 0o700);
  now += 2000;
  return { ...report, unseen, moved: await attempt(() => read(node)) };
}

const dropBoxes = [];
for (const mode of [0o200, 0o222, 0o300]) dropBoxes.push(await dropBox(mode));
console.log(JSON.stringify({
  dropBoxes,
  turned: await turned(),
  locked: await locked(),
  closedFolder: await closedFolder(),
}));
await fs.dispose();
