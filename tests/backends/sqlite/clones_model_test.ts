import { assert, assertEquals } from "@std/assert";
import { checkStore } from "../../../src/backends/sqlite/check.ts";
import {
  sqlite,
  type SqliteFileSystem,
  type SqliteNode,
} from "../../../src/backends/sqlite/mod.ts";
import type { FsError, Stability } from "../../../src/vfs/mod.ts";
import { hasFfi } from "../local/fixture.ts";
import { canWrite, make, pattern, sequence, temporary } from "./fixture.ts";

const ignore = !canWrite || !hasFfi;
const BLOCK = 4096;
const NAMES = ["a", "b", "c", "d"];
const STABILITIES: readonly Stability[] = ["unstable", "data", "file"];

/** Files that share bytes, and what they should read as. */
class Files {
  fs: SqliteFileSystem;
  readonly #random: (below: number) => number;
  readonly #open: () => SqliteFileSystem;
  readonly #bytes = new Map<string, Uint8Array>();
  /** Clones that were made. */
  clones = 0;
  /** Ranges that files had at most. */
  ranges = 0;

  constructor(
    open: () => SqliteFileSystem,
    random: (below: number) => number,
  ) {
    this.#open = open;
    this.#random = random;
    this.fs = open();
  }

  async reopen(): Promise<void> {
    await this.fs.dispose();
    this.fs = this.#open();
  }

  async change(): Promise<void> {
    const random = this.#random;
    const name = NAMES[random(NAMES.length)]!;
    const kind = random(12);
    if (kind < 5) await this.#clone(name);
    else if (kind < 8) await this.#write(name);
    else if (kind < 9) await this.#punch(name);
    else if (kind < 10) await this.#resize(name);
    else if (kind < 11) await this.#commit(name);
    else if (random(3) === 0) this.#remove(name);
    this.ranges = Math.max(this.ranges, this.#find(name)?.ranges ?? 0);
  }

  /** Compares each file, byte by byte and hole by hole. */
  async compare(): Promise<void> {
    for (const name of NAMES) {
      const file = this.#find(name);
      const bytes = this.#bytes.get(name);
      assertEquals(file === undefined, bytes === undefined, name);
      if (file === undefined || bytes === undefined) continue;
      assertEquals(this.fs.getattr(file).size, bytes.length, name);
      const from = this.#random(bytes.length + 1);
      for (const start of [0, from]) {
        const read = new Uint8Array(bytes.length - start).fill(0xaa);
        await this.fs.read(file, start, read);
        const at = read.findIndex((byte, i) => byte !== bytes[start + i]);
        assertEquals(at, -1, `byte ${start + at} of ${name}`);
      }
      await this.#compareHoles(file, bytes);
    }
  }

  /** What is told to be a hole, or left out of an archive, has to be zeros. */
  async #compareHoles(file: SqliteNode, bytes: Uint8Array): Promise<void> {
    const zeros = (from: number, to: number) =>
      assert(bytes.subarray(from, to).every((byte) => byte === 0));
    for (let at = 0; at < bytes.length;) {
      const data = await this.fs.seek(file, at, "data") ?? bytes.length;
      zeros(at, data);
      if (data === bytes.length) break;
      at = await this.fs.seek(file, data, "hole") ?? bytes.length;
      assert(at > data, `${at} is behind ${data}`);
    }
    let at = 0;
    for (const { offset, length } of this.fs.segments(file)) {
      assert(offset >= at);
      zeros(at, offset);
      at = offset + length;
    }
    zeros(at, bytes.length);
  }

  #find(name: string): SqliteNode | undefined {
    return this.fs.lookup(this.fs.root(), name);
  }

  #file(name: string): [SqliteNode, Uint8Array] {
    const bytes = this.#bytes.get(name) ?? new Uint8Array();
    this.#bytes.set(name, bytes);
    return [this.#find(name) ?? make(this.fs, name), bytes];
  }

  #put(name: string, offset: number, bytes: Uint8Array): void {
    const old = this.#bytes.get(name)!;
    const size = Math.max(old.length, offset + bytes.length);
    const next = new Uint8Array(size);
    next.set(old);
    next.set(bytes, offset);
    this.#bytes.set(name, next);
  }

  #length(): number {
    const random = this.#random;
    return random([50, 5_000, 20_000, 60_000][random(4)]!);
  }

  async #write(name: string): Promise<void> {
    const random = this.#random;
    const [file] = this.#file(name);
    const [offset, length] = [this.#length(), 1 + this.#length()];
    const data = pattern(length, random(1000));
    const stability = STABILITIES[random(3)]!;
    await this.fs.write(file, offset, data, stability);
    this.#put(name, offset, data);
  }

  async #punch(name: string): Promise<void> {
    const [file, bytes] = this.#file(name);
    const [offset, length] = [this.#length(), 1 + this.#length()];
    await this.fs.deallocate(file, offset, length);
    this.#bytes.set(name, bytes.slice().fill(0, offset, offset + length));
  }

  async #resize(name: string): Promise<void> {
    const [file, bytes] = this.#file(name);
    const size = this.#random(4) === 0 ? 0 : 2 * this.#length();
    await this.fs.setattr(file, { size });
    const next = new Uint8Array(size);
    next.set(bytes.subarray(0, size));
    this.#bytes.set(name, next);
  }

  async #commit(name: string): Promise<void> {
    const [file] = this.#file(name);
    await this.fs.commit(file);
    await this.fs.settle();
  }

  #remove(name: string): void {
    if (!this.#bytes.delete(name)) return;
    this.fs.remove(this.fs.root(), name);
  }

  async #clone(target: string): Promise<void> {
    const random = this.#random;
    const source = NAMES[random(NAMES.length)]!;
    const [from, bytes] = this.#file(source);
    const [to, old] = this.#file(target);
    if (bytes.length === 0) return;
    const isAll = random(3) === 0;
    const blocks = Math.ceil(bytes.length / BLOCK);
    const sourceOffset = isAll ? 0 : BLOCK * random(blocks);
    const targetOffset = isAll ? 0 : BLOCK * random(10);
    const rest = bytes.length - sourceOffset;
    const some = BLOCK * Math.max(1, random(Math.floor(rest / BLOCK) + 1));
    const length = isAll || some > rest ? rest : some;
    const isSame = source === target &&
      Math.abs(targetOffset - sourceOffset) < length;
    const isPart = length % BLOCK !== 0 && targetOffset + length < old.length;
    if (isSame || isPart) return;
    const range = { sourceOffset, targetOffset, length };
    try {
      await this.fs.clone(from, to, range);
    } catch (error) {
      if ((error as FsError).code === "too-big") return;
      throw error;
    }
    this.clones++;
    const end = sourceOffset + length;
    this.#put(target, targetOffset, bytes.slice(sourceOffset, end));
  }
}

for (const mostRanges of [3, 1000]) {
  Deno.test(
    `files that share bytes, ${mostRanges} ranges at most, read as if they did not`,
    { ignore },
    async () => {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
      console.log(`seed ${seed}`);
      using folder = temporary();
      const path = `${folder.path}/store`;
      const few = { keptNodes: 2, commitBytes: 2 ** 15, longLog: 200_000 };
      const files = new Files(
        () => sqlite(path, { ...few, mostRanges }),
        sequence(seed),
      );
      for (let i = 1; i <= 400; i++) {
        await files.change();
        if (i % 3 === 0) await files.fs.settle();
        if (i % 10 === 0) await files.compare();
        if (i % 50 > 0) continue;
        await files.fs.settle();
        // What is below shared bytes goes behind the commit, and a reader waits for it.
        await files.compare();
        const { usedBytes } = files.fs.status();
        await files.fs.dispose();
        assertEquals((await checkStore(path)).problems, []);
        await files.reopen();
        assertEquals(files.fs.status().usedBytes, usedBytes);
        await files.compare();
      }
      const { clones, ranges } = files;
      assert(clones > 20 && ranges <= mostRanges, `${clones}, ${ranges}`);
      await files.fs.dispose();
    },
  );
}
