import { type Ace, AceMask } from "../../../src/vfs/acl.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
  type SqliteOptions,
} from "../../../src/backends/sqlite/mod.ts";

/** Whether a test may make a store in a folder. */
export const canWrite: boolean =
  Deno.permissions.querySync({ name: "write" }).state === "granted";

/** Attributes for create. */
export const attributes = { mode: 0o644, uid: 0, gid: 0 };

/** A folder that is removed when a test is done with it. */
export function temporary(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync();
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** Opens the store in `path`, has `act` work with it and closes it again. */
export async function using<T>(
  path: string,
  act: (fs: SqliteFileSystem) => T | Promise<T>,
  options: SqliteOptions = {},
): Promise<T> {
  const fs = sqlite(path, options);
  try {
    return await act(fs);
  } finally {
    await fs.dispose();
  }
}

/** Makes a file in the root, or in `folder`. */
export function make(
  fs: SqliteFileSystem,
  name: string,
  folder: SqliteNode = fs.root(),
): SqliteNode {
  return fs.create(folder, name, { type: "file" }, { attributes }).node;
}

/** The node of a path. */
export function find(fs: SqliteFileSystem, path: string): SqliteNode {
  let node = fs.root();
  for (const name of path.split("/")) node = fs.lookup(node, name)!;
  return node;
}

/** All bytes of a file, which may have to come from the disk. */
export async function whole(
  fs: SqliteFileSystem,
  file: SqliteNode,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  await fs.read(file, 0, bytes);
  return bytes;
}

/** `length` bytes, none of them 0, different for each `seed`. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = 1 + (i * 31 + seed * 7) % 255;
  return bytes;
}

/** Numbers that look random and are the same for a seed (mulberry32). */
export function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What kill -9 would leave of a store that is open. */
export function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    if (isDirectory) copyFolder(source, target);
    else Deno.copyFileSync(source, target);
  }
}

/** An access list of so many entries. */
export function listOf(count: number): readonly Ace[] {
  return Array.from({ length: count }, (_, i): Ace => ({
    type: i % 3 === 0 ? "deny" : "allow",
    flags: 0,
    mask: AceMask.READ_DATA | i * 64 & AceMask.ALL,
    who: (["user", "group", "owner@"] as const)[i % 3]!,
    id: i % 3 === 2 ? 0 : 2 ** 31 + i,
  }));
}
