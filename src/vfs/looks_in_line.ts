import type { Awaitable } from "../base/awaitable.ts";
import type { CheckedCalls } from "./checked_calls.ts";
import { wrongAttributes, wrongEntry, wrongPage } from "./checks.ts";
import type {
  DirectoryPage,
  FileAttributes,
  FileSystem,
  WantedAttributes,
} from "./file_system.ts";

/**
 * The looks that nearly all requests make, as calls that leave the line which
 * they stand in when they are given up. Where there is no line it takes more to
 * make such a call than to look.
 */
export class LooksInLine {
  readonly #fs: FileSystem;
  readonly #calls: CheckedCalls;

  constructor(fs: FileSystem, calls: CheckedCalls) {
    this.#fs = fs;
    this.#calls = calls;
  }

  /** `FileSystem.getattr`. */
  getattr(
    node: object,
    wanted: WantedAttributes | undefined,
  ): Awaitable<FileAttributes> {
    const call = { method: "getattr", node };
    const ask = () => this.#fs.getattr(node, wanted);
    return this.#calls.called(call, ask, wrongAttributes);
  }

  /** `FileSystem.lookup`. */
  lookup(directory: object, name: string): Awaitable<object | undefined> {
    const call = { method: "lookup", node: directory, name };
    const ask = () => this.#fs.lookup(directory, name);
    return this.#calls.called(call, ask, wrongEntry);
  }

  /** `FileSystem.readdir`. */
  readdir(
    directory: object,
    cookie: number,
    limit: number,
    wanted: WantedAttributes | undefined,
  ): Awaitable<DirectoryPage<object>> {
    const call = { method: "readdir", node: directory };
    const ask = () => this.#fs.readdir(directory, cookie, limit, wanted);
    const wrong = (page: DirectoryPage<object>) => wrongPage(page, cookie);
    return this.#calls.called(call, ask, wrong);
  }
}
