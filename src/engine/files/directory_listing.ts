import { type Awaitable, chain, type Steps } from "../../base/awaitable.ts";
import { Bitmap, emptyBitmap, writeBitmap } from "../../nfs4/bitmap.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { FsError } from "../../vfs/errors.ts";
import type {
  DirectoryEntry,
  DirectoryPage,
  FileAttributes,
} from "../../vfs/file_system.ts";
import { offerOf, sourceOf, spaceFor } from "../attributes/attribute_source.ts";
import type { CompoundContext } from "../context.ts";
import { writeName } from "./names.ts";
import { statusOfError } from "../status.ts";

/** What {@linkcode DirectoryListing} is to write. */
export interface ListingOptions {
  /** Attributes of each entry. */
  readonly requested: Bitmap;
  /** Cookie of the file system to go on behind. */
  readonly after: number;
  /** What is added to the file system's cookies on the wire. */
  readonly cookieBase: number;
  /** Most bytes to write. */
  readonly room: number;
  /** Most bytes of names and cookies, if that is not 0. */
  readonly hint: number;
}

/** The end of a dirlist4: no further entry, and eof. */
const TAIL = 8;
/** Bytes of an entry with attributes, at a guess. */
const USUAL_ENTRY = 128;
/** Bytes of an entry with attributes, far more than most take. */
const LARGE_ENTRY = 4_096;
/** Entries asked of the file system at a time. */
const MIN_PAGE = 4;
const MAX_PAGE = 32;
/** Entries before which it is asked whether others should have a turn: their page has taken as long. */
const ENTRIES_AT_ONCE = 32;
/** Pages of one answer: far more than fit. */
const MOST_PAGES = 65_536;
const RDATTR_ERROR = Bitmap.ofNumbers([11]);

/** Writes a dirlist4 (RFC 8881 18.23.2) of the current folder, as much as there is room for. */
export class DirectoryListing {
  readonly #context: CompoundContext;
  readonly #options: ListingOptions;
  readonly #folder: FileRef;
  /** Position in the reply behind which no entry may end. */
  readonly #end: number;
  #hintLeft: number;
  #entries = 0;

  constructor(context: CompoundContext, options: ListingOptions) {
    this.#context = context;
    this.#options = options;
    this.#folder = context.file;
    this.#end = context.reply.position + options.room - TAIL;
    // RFC 8881 18.23.4: 0 is no hint; a hint never keeps the first entry out.
    this.#hintLeft = options.hint || Infinity;
  }

  /** The steps of it. */
  *write(): Steps<StatusCode> {
    const { reply, connection, services: { turn } } = this.#context;
    // RFC 8881 18.23.3: not even an empty list fits.
    if (reply.position > this.#end) return Status.TOOSMALL;
    const { fs } = this.#folder.export;
    let after = this.#options.after;
    let eof = false;
    let pages = 0;
    let written = 0;
    while (!eof) {
      // Where a node is found by the host, a page takes milliseconds.
      if (turn?.isOver) yield turn.next(connection);
      const listed = fs.readdir(this.#folder.node, after, this.#pageSize());
      const page = listed instanceof Promise
        ? (yield listed) as DirectoryPage<object>
        : listed;
      for (const entry of page.entries) {
        after = entry.cookie;
        // What no client could ask for (CheckedFileSystem).
        if (entry.name === "") continue;
        const isDue = written++ % ENTRIES_AT_ONCE === 0;
        if (isDue && turn?.isOver) yield turn.next(connection);
        // With fewer entries than would fit the client asks for the rest.
        if (!this.#context.reserve(LARGE_ENTRY)) return this.#finishEarly();
        const outcome = this.#writeEntry(entry);
        const status = outcome instanceof Promise
          ? (yield outcome) as StatusCode
          : outcome;
        if (status === Status.TOOSMALL) return this.#finish(false);
        if (status !== Status.OK) return status;
      }
      eof = page.end || page.entries.length === 0;
      // Cookies that lead round in a circle of entries that are gone would never end.
      if (++pages > MOST_PAGES) throw new FsError("io", "an endless folder");
    }
    return this.#finish(true);
  }

  /** Connections hold too much for more of them. */
  #finishEarly(): StatusCode {
    return this.#entries === 0 ? Status.DELAY : this.#finish(false);
  }

  #finish(eof: boolean): StatusCode {
    // RFC 8881 18.23.3: MUST be NFS4ERR_TOOSMALL if no entry fits.
    if (!eof && this.#entries === 0) return Status.TOOSMALL;
    const { reply } = this.#context;
    reply.bool(false);
    reply.bool(eof);
    return Status.OK;
  }

  /** As many as there may be room for. */
  #pageSize(): number {
    const room = this.#end - this.#context.reply.position;
    const usual = Math.ceil(room / USUAL_ENTRY);
    return Math.min(MAX_PAGE, Math.max(MIN_PAGE, usual));
  }

  /** Writes an entry, or nothing when it is gone or does not fit (NFS4ERR_TOOSMALL). */
  #writeEntry(entry: DirectoryEntry<object>): Awaitable<StatusCode> {
    const { reply } = this.#context;
    const start = reply.position;
    reply.bool(true);
    reply.uint64Number(entry.cookie + this.#options.cookieBase);
    writeName(reply, entry.name);
    const size = reply.position - start;
    // What does not fit without its attributes needs no look at the file.
    const hinted = this.#entries > 0 && size > this.#hintLeft;
    if (reply.position > this.#end || hinted) {
      reply.truncate(start);
      return Status.TOOSMALL;
    }
    const written = this.#writeAttributes(entry);
    return written instanceof Promise
      ? written.then((written) => this.#endEntry(start, size, written))
      : this.#endEntry(start, size, written);
  }

  #endEntry(start: number, size: number, written: boolean): StatusCode {
    const { reply } = this.#context;
    const fits = reply.position <= this.#end;
    if (!written || !fits) {
      reply.truncate(start);
      return written ? Status.TOOSMALL : Status.OK;
    }
    this.#hintLeft -= size;
    this.#entries++;
    return Status.OK;
  }

  /** False when the entry was removed meanwhile. */
  #writeAttributes(entry: DirectoryEntry<object>): Awaitable<boolean> {
    const { reply } = this.#context;
    if (this.#options.requested.isEmpty) {
      writeBitmap(reply, emptyBitmap);
      reply.uint32(0);
      return true;
    }
    const start = reply.position;
    try {
      const written = this.#writeFound(entry);
      return written instanceof Promise
        ? written.catch((error) => this.#writeError(start, error))
        : written;
    } catch (error) {
      return this.#writeError(start, error);
    }
  }

  #writeFound(entry: DirectoryEntry<object>): Awaitable<boolean> {
    if (entry.node !== undefined) return this.#writeNode(entry.node);
    const { export: terms, node: folder } = this.#folder;
    return chain(
      terms.fs.lookup(folder, entry.name),
      (node) => node === undefined ? false : this.#writeNode(node),
    );
  }

  #writeNode(node: object): Awaitable<boolean> {
    const { namespace } = this.#context.services;
    const file = namespace.enter(this.#folder.export, node);
    const attributes = file.export.fs.getattr(file.node);
    return attributes instanceof Promise
      ? attributes.then((attributes) => this.#writeFile(file, attributes))
      : this.#writeFile(file, attributes);
  }

  #writeFile(file: FileRef, attributes: FileAttributes): Awaitable<boolean> {
    const context = this.#context;
    const offer = offerOf(context.minorVersion, file, attributes);
    const plan = offer.plan(this.#options.requested);
    return chain(spaceFor(plan, file), (space) => {
      const source = sourceOf(context, file, { attributes, offer, space });
      plan.write(context.reply, source);
      return true;
    });
  }

  #writeError(start: number, error: unknown): boolean {
    const { reply, minorVersion } = this.#context;
    reply.truncate(start);
    const code = FsError.from(error)?.code;
    if (code === "not-found" || code === "stale") return false;
    const status = statusOfError(error, minorVersion);
    const wanted = this.#options.requested.meets(RDATTR_ERROR);
    // RFC 8881 18.23.3: with rdattr_error one entry fails, without it all do.
    if (status === undefined || !wanted) throw error;
    writeBitmap(reply, RDATTR_ERROR);
    reply.uint32(4);
    reply.uint32(status);
    return true;
  }
}
