/**
 * A file system that notes what is done to it, and may take its time: calls of
 * one request meet those of others at every await.
 */

import {
  memory,
  type MemoryFileSystem,
} from "../../src/backends/memory/mod.ts";
import type { MemoryNode } from "../../src/backends/memory/mod.ts";
import type { FileSystem, OpenMode } from "../../src/vfs/mod.ts";
import type { World } from "./world.ts";

/** How many of the calls wait: none, all, or now one and now the other. */
export type Pace = "immediate" | "waiting" | "mixed";

/** Bytes of a cell: what one WRITE writes and one READ reads. */
export const CELL = 16;
/** Cells of a file. */
export const CELLS = 4;
/** Names of the files that all clients use. */
export const SHARED_FILES: readonly string[] = ["f0", "f1", "f2"];
/** The folder where each client makes, renames and removes names of its own. */
export const NAMES = "names";

/** What a cell held, from a moment on. */
export interface CellValue {
  readonly at: number;
  readonly text: string;
}

/** The methods that never wait. */
const SYNCHRONOUS: ReadonlySet<string | symbol> = new Set(["root", "identify"]);
const utf8 = new TextDecoder();

/** The text of a cell; nothing where there are only spaces or, in a gap, zeros. */
export function textOf(bytes: Uint8Array): string {
  return utf8.decode(bytes).replaceAll("\0", "").trim();
}

/** The witness. */
export class Witness {
  /** How often something unique was done, by what it was. */
  readonly executed = new Map<string, number>();
  /** When each WRITE was done, by its text. */
  readonly written = new Map<string, number>();
  readonly #world: World;
  readonly #pace: Pace;
  /** One in so many waits is a long one. */
  readonly #seldom: number;
  readonly #inner: MemoryFileSystem;
  readonly #cells = new Map<string, CellValue[]>();
  readonly #opens = new Map<MemoryNode, number[]>();
  /** Calls of an earlier start of the server come to nothing. */
  #epoch = 0;

  constructor(world: World, pace: Pace) {
    this.#world = world;
    this.#pace = pace;
    this.#seldom = world.random.pick([20, 20, 3]);
    const blank = " ".repeat(CELL * CELLS);
    const files = SHARED_FILES.map((name) => [name, blank]);
    this.#inner = memory(
      { ...Object.fromEntries(files), [NAMES]: {} },
      {
        instance: 1,
        now: () => ({
          seconds: Math.floor(world.now / 1000),
          nanoseconds: world.now % 1000 * 1e6,
        }),
      },
    );
  }

  /** A start of the server gets the file system; what an earlier one was at is not done. */
  start(): FileSystem {
    this.#closeAll();
    const epoch = ++this.#epoch;
    return new Proxy<FileSystem>(this.#inner as unknown as FileSystem, {
      get: (target, name) => this.#method(target, name, epoch),
    });
  }

  /** Opens that the server has not closed. */
  get opens(): number {
    let opens = 0;
    for (const modes of this.#opens.values()) opens += modes.length;
    return opens;
  }

  /** What a cell of a file has held, the oldest first. */
  history(fileid: bigint, cell: number): readonly CellValue[] {
    return this.#cells.get(`${fileid} ${cell}`) ?? [];
  }

  /** What a cell holds now, as the file system has it. */
  current(file: string, cell: number): { fileid: bigint; text: string } {
    const node = this.#inner.lookup(this.#inner.root(), file)!;
    const bytes = new Uint8Array(CELL);
    this.#inner.read(node, cell * CELL, bytes);
    return { fileid: BigInt(node.fileid), text: textOf(bytes) };
  }

  /** The server's process is gone: what it had open is closed. */
  #closeAll(): void {
    for (const [node, modes] of this.#opens) {
      for (const mode of modes) this.#inner.close(node, OPEN_MODES[mode]!);
    }
    this.#opens.clear();
  }

  #method(target: FileSystem, name: string | symbol, epoch: number): unknown {
    const value = Reflect.get(target, name);
    if (typeof value !== "function") return value;
    if (SYNCHRONOUS.has(name)) return value.bind(target);
    return (...args: unknown[]) => {
      const act = () => {
        this.#note(String(name), args);
        const result = value.apply(target, args);
        this.#noteDone(String(name), args);
        return result;
      };
      if (epoch === this.#epoch && !this.#waits()) return act();
      return this.#later(act, epoch);
    };
  }

  #waits(): boolean {
    if (this.#pace === "mixed") return this.#world.random.oneIn(2);
    return this.#pace === "waiting";
  }

  async #later<T>(act: () => T, epoch: number): Promise<T> {
    await this.#delay();
    // Nobody is there any more who could go on.
    const nobody = new Promise<never>(() => {});
    if (this.#epoch !== epoch) return await nobody;
    const result = act();
    await this.#delay();
    return this.#epoch === epoch ? result : await nobody;
  }

  async #delay(): Promise<void> {
    const { random } = this.#world;
    if (random.oneIn(3)) return;
    await this.#world.pause(1, random.oneIn(this.#seldom) ? 300 : 15);
  }

  /** Before it is tried: an attempt that fails is an execution too. */
  #note(method: string, args: unknown[]): void {
    if (method === "create" || method === "remove") {
      this.#once(`${method} ${args[1]}`);
    } else if (method === "rename") {
      const { name } = args[0] as { readonly name: string };
      this.#once(`rename ${name}`);
    } else if (method === "write") {
      const [node, offset, data] = args as [MemoryNode, number, Uint8Array];
      this.#noteWrite(node, offset, textOf(data));
    }
  }

  #noteDone(method: string, args: unknown[]): void {
    if (method !== "open" && method !== "close") return;
    const [node, mode] = args as [MemoryNode, OpenMode];
    const number = (mode.read ? 1 : 0) | (mode.write ? 2 : 0);
    const modes = this.#opens.get(node) ?? [];
    this.#opens.set(node, modes);
    if (method === "open") {
      modes.push(number);
      return;
    }
    const at = modes.indexOf(number);
    if (at < 0) this.#world.blame(`fs.close of mode ${number} without open`);
    else modes.splice(at, 1);
  }

  #noteWrite(node: MemoryNode, offset: number, text: string): void {
    this.#once(`write ${text}`);
    const at = this.#world.now;
    this.written.set(text, at);
    const key = `${node.fileid} ${offset / CELL}`;
    const values = this.#cells.get(key) ?? [];
    this.#cells.set(key, values);
    values.push({ at, text });
  }

  /** Each of these carries something that no other request has. */
  #once(what: string): void {
    const times = (this.executed.get(what) ?? 0) + 1;
    this.executed.set(what, times);
    if (times > 1) this.#world.blame(`executed ${times} times: ${what}`);
  }
}

/** By the numbers that {@linkcode Witness} keeps. */
const OPEN_MODES: readonly OpenMode[] = [
  { read: false, write: false },
  { read: true, write: false },
  { read: false, write: true },
  { read: true, write: true },
];
