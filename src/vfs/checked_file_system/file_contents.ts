import { type Awaitable, promised } from "../../base/awaitable.ts";
import {
  wrongPlace,
  wrongRead,
  wrongStability,
  wrongTarget,
} from "../checks.ts";
import type {
  CloneRange,
  ContentKind,
  FileContents,
  OpenMode,
  ReadResult,
  Stability,
} from "../file_system.ts";
import { CheckedXattrs } from "./extended_attributes.ts";

/** What its files and symlinks contain. */
export abstract class CheckedContents extends CheckedXattrs
  implements Required<FileContents> {
  read(
    file: object,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    if (!this.isSound) return this.#readApart(file, offset, target);
    const read = () => this.inner.read(file, offset, target);
    return this.calls.called({ method: "read", node: file }, read, wrongRead);
  }

  /**
   * Reads into memory that is the file system's own: what it leaves unfilled is
   * zero, and what it fills too late, or gives to a worker, is part of no reply.
   */
  #readApart(
    file: object,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    const { length } = target;
    let own: Uint8Array;
    const call = { method: "read", node: file };
    const ask = () => {
      own = new Uint8Array(length);
      return this.inner.read(file, offset, own);
    };
    const wrong = (result: ReadResult) =>
      own.length < length ? "a target that was given away" : wrongRead(result);
    const copy = ({ bytes, eof, isSettled }: ReadResult): ReadResult => {
      target.set(own);
      return { bytes, eof, isSettled: isSettled === true };
    };
    const read = this.calls.called(call, ask, wrong);
    return read instanceof Promise ? read.then(copy) : copy(read);
  }

  readlink(symlink: object): Awaitable<string> {
    const call = { method: "readlink", node: symlink };
    const ask = () => this.inner.readlink!(symlink);
    const wrong = (target: string) => wrongTarget(target, this.limits);
    return this.calls.called(call, ask, wrong);
  }

  open(file: object, mode: OpenMode): Awaitable<void> {
    const call = { method: "open", node: file };
    const open = () => promised(this.inner.open!(file, mode));
    // The client was told that it is not open.
    const late = () => this.#closeLate(file, mode);
    return this.calls.called(call, open, () => undefined, late);
  }

  close(file: object, mode: OpenMode): Awaitable<void> {
    // Asked for even where nothing else is, and never given up in a line, or the
    // file would stay open for ever.
    const given = this.inner.close!(file, mode);
    return this.calls.done({ method: "close", node: file }, given);
  }

  preserveUnlinked(): Disposable | undefined {
    const ask = () => this.inner.preserveUnlinked!();
    return this.given("preserveUnlinked", ask);
  }

  #closeLate(file: object, mode: OpenMode): void {
    if (this.inner.close === undefined) return;
    const failed = () => this.calls.say("close", "an error");
    try {
      const closed = this.close(file, mode);
      if (closed instanceof Promise) closed.catch(failed);
    } catch {
      failed();
    }
  }

  write(
    file: object,
    offset: number,
    data: Uint8Array,
    stability: Stability,
  ): Awaitable<Stability> {
    const call = { method: "write", node: file };
    const write = () => {
      // Others' requests lie in the same memory, which may be given to a worker.
      const own = this.isSound ? data : data.slice();
      return this.inner.write!(file, offset, own, stability);
    };
    return this.calls.called(call, write, wrongStability);
  }

  commit(file: object): Awaitable<void> {
    const call = { method: "commit", node: file };
    const commit = () => promised(this.inner.commit!(file));
    return this.calls.called(call, commit, () => undefined);
  }

  allocate(file: object, offset: number, length: number): Awaitable<void> {
    const call = { method: "allocate", node: file };
    const allocate = () => promised(this.inner.allocate!(file, offset, length));
    return this.calls.called(call, allocate, () => undefined);
  }

  deallocate(file: object, offset: number, length: number): Awaitable<void> {
    const call = { method: "deallocate", node: file };
    const deallocate = () =>
      promised(this.inner.deallocate!(file, offset, length));
    return this.calls.called(call, deallocate, () => undefined);
  }

  clone(source: object, target: object, range: CloneRange): Awaitable<void> {
    const call = { method: "clone", node: target };
    const clone = () => promised(this.inner.clone!(source, target, range));
    return this.calls.called(call, clone, () => undefined);
  }

  seek(
    file: object,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    const call = { method: "seek", node: file };
    const seek = () => this.inner.seek!(file, offset, what);
    const wrong = (place: number | undefined) => wrongPlace(place, offset);
    return this.calls.called(call, seek, wrong);
  }
}
