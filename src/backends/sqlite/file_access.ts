import type { Awaitable } from "../../base/awaitable.ts";
import { after, goingOn } from "../../base/ongoing_call.ts";
import {
  assertJudged,
  type AttributeChanges,
  type CloneRange,
  type ContentKind,
  FsError,
  type ReadResult,
  type Rights,
  type Stability,
} from "../../vfs/mod.ts";
import { assertInBlocks } from "../common/clone_blocks.ts";
import { BLOCK } from "./clones.ts";
import type { SqliteNode } from "./node.ts";
import type { Settling } from "./settling.ts";
import type { Store } from "./store.ts";
import type { Write } from "./writes.ts";

/** Nodes that were written to whose attributes may wait in memory, so that a commit of them takes 3 ms. */
const MOST_UNSAVED = 1024;

/** What {@linkcode FileAccess} works with. */
export type FileAccessParts =
  & Pick<Store, "accessTimes" | "data" | "nodes" | "tree">
  & { readonly settling: Settling };

/**
 * What clients ask of an open file: each waits for what {@linkcode FileData} is not
 * ready for, and looks at the file anew then.
 */
export class FileAccess {
  /** Bytes that were written since the store was opened. */
  writtenBytes = 0;
  readonly #parts: FileAccessParts;

  constructor(parts: FileAccessParts) {
    this.#parts = parts;
  }

  /** See `FileSystem.open`. */
  open(file: SqliteNode): void {
    this.#parts.nodes.live(file).opens++;
  }

  /** See `FileSystem.close`. */
  close(file: SqliteNode): void {
    // A file whose making could not be kept is gone with its opens.
    if (file.isGone) return;
    const { nodes, tree: { orphans } } = this.#parts;
    const live = nodes.live(file);
    if (live.opens === 0) throw new FsError("invalid", "close without open");
    live.opens--;
    if (live.nlink === 0 && orphans.canGo(live)) orphans.free(live);
  }

  /** See `FileSystem.read`. */
  read(
    file: SqliteNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    const { data, nodes } = this.#parts;
    const live = nodes.file(file);
    const ready = data.readyToRead(live);
    if (ready) {
      const read = () => this.read(file, offset, target);
      return after(ready, () => this.#hasWaited(read));
    }
    const bytes = data.read(live, offset, target);
    if (typeof bytes === "number") return this.#wasRead(live, offset, bytes);
    const again = goingOn(() => this.read(file, offset, target));
    if (bytes === undefined) return again();
    return bytes.then((bytes) =>
      this.#hasWaited(() =>
        bytes === undefined
          ? again()
          : this.#wasRead(nodes.live(file), offset, bytes)
      )
    );
  }

  /** See `FileSystem.setattr`. */
  setattr(
    node: SqliteNode,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    const { data, nodes } = this.#parts;
    const live = nodes.live(node);
    const { size } = changes;
    if (size !== undefined) {
      data.assertSize(live.type, size);
      const ready = data.readyToResize(live, size);
      if (ready) return after(ready, () => this.setattr(node, changes, judged));
    }
    assertJudged(judged, live);
    data.change(live, changes);
  }

  /** See `FileSystem.write`. */
  write(file: SqliteNode, offset: number, how: Write): Awaitable<Stability> {
    const { data, nodes } = this.#parts;
    const live = nodes.file(file);
    const { length } = how.data;
    data.assertSize("file", offset + length);
    // RFC 8881 18.32.3: a WRITE of nothing succeeds, and that is all.
    if (length === 0) return "file";
    const ready = data.readyOnHost(live, offset, length);
    // Once: the host may forget as quickly as it reads.
    return after(ready, () => this.#write(file, offset, how));
  }

  #write(file: SqliteNode, offset: number, how: Write): Awaitable<Stability> {
    const { data, nodes, settling } = this.#parts;
    const live = nodes.file(file);
    const ready = data.readyToWrite(live, offset, how);
    if (ready) return after(ready, () => this.#write(file, offset, how));
    this.writtenBytes += how.data.length;
    const written = data.isThrough(live, offset, how)
      ? this.#writeThrough(file, offset, how)
      : data.write(live, offset, how);
    if (nodes.unsaved.size > MOST_UNSAVED) settling.save();
    return written;
  }

  /** A write that is answered once its content is on disk: only its own client waits for that. */
  #writeThrough(
    file: SqliteNode,
    offset: number,
    how: Write,
  ): Awaitable<Stability> {
    const { data, nodes } = this.#parts;
    const live = nodes.file(file);
    const stability = data.write(live, offset, {
      ...how,
      stability: "unstable",
    });
    // The database has it.
    if (stability !== "unstable") return stability;
    return data.flushAll(live).then(() => {
      this.#commitFlushed(file);
      return "file";
    });
  }

  /** See `FileSystem.deallocate`. */
  deallocate(
    file: SqliteNode,
    offset: number,
    length: number,
  ): Awaitable<void> {
    const { data: { ranges }, nodes } = this.#parts;
    const live = nodes.file(file);
    const ready = ranges.readyToPunch(live);
    if (ready) return after(ready, () => this.deallocate(file, offset, length));
    const now = () => nodes.file(file);
    return ranges.punch(live, { offset, end: offset + length, now });
  }

  /** See `FileSystem.clone`. */
  clone(
    source: SqliteNode,
    target: SqliteNode,
    range: CloneRange,
  ): Awaitable<void> {
    const { data, nodes } = this.#parts;
    const { targetOffset, length } = range;
    const files = { source: nodes.file(source), target: nodes.file(target) };
    const cloning = { ...files, range };
    data.assertSize("file", targetOffset + length);
    assertInBlocks(BLOCK, cloning, cloning.range);
    const copied = data.clones.copied(cloning);
    if (copied !== undefined) {
      const how: Write = { data: copied, stability: "file" };
      const written = this.write(target, targetOffset, how);
      return written instanceof Promise ? written.then(() => {}) : undefined;
    }
    const ready = data.clones.ready(cloning);
    if (ready) return after(ready, () => this.clone(source, target, range));
    data.clones.clone(cloning);
  }

  /** See `FileSystem.seek`. */
  seek(
    file: SqliteNode,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    const { data, nodes } = this.#parts;
    const live = nodes.file(file);
    const ready = data.readyToRead(live);
    if (ready) return after(ready, () => this.seek(file, offset, what));
    if (offset >= live.size) return undefined;
    return data.ranges.seek(live, offset, what);
  }

  /** See `FileSystem.commit`. */
  commit(file: SqliteNode): Awaitable<void> {
    const { data, nodes } = this.#parts;
    const live = nodes.live(file);
    // What it says is durable may be on its way there for another's COMMIT.
    nodes.shown++;
    const flushed = data.flush(live);
    if (flushed === undefined) return data.commit(live);
    return flushed.then(() => this.#commitFlushed(file));
  }

  #commitFlushed(file: SqliteNode): void {
    const { data, nodes } = this.#parts;
    // What it says is durable may be on its way there for another's COMMIT.
    nodes.shown++;
    data.commitFlushed(nodes.live(file));
  }

  /** Goes on with a read that has waited, and says whether what it looks at from here on is settled. */
  #hasWaited(read: () => Awaitable<ReadResult>): Awaitable<ReadResult> {
    const { settling } = this.#parts;
    const { unsettled } = settling;
    const result = read();
    const isSettled = unsettled !== undefined &&
      settling.unsettled === unsettled;
    if (!(result instanceof Promise)) return { ...result, isSettled };
    return result.then((result) => ({
      ...result,
      isSettled: isSettled && result.isSettled,
    }));
  }

  /** So many bytes of a file were read, which another request may have cut meanwhile. */
  #wasRead(file: SqliteNode, offset: number, bytes: number): ReadResult {
    this.#parts.accessTimes.note(file);
    const rest = Math.max(0, file.size - offset);
    return { bytes: Math.min(bytes, rest), eof: bytes >= rest };
  }
}
