import { type Steps, wait } from "../../base/awaitable.ts";
import { Trace } from "../../base/log.ts";
import { Bitmap, emptyBitmap, writeBitmap } from "../../nfs4/bitmap.ts";
import { Status, type StatusCode } from "../../nfs4/constants.ts";
import type { FileRef } from "../../vfs/file_handle.ts";
import { FsError } from "../../vfs/errors.ts";
import type {
  DirectoryEntry,
  DirectoryPage,
  WantedAttributes,
} from "../../vfs/file_system.ts";
import { extrasFor } from "../attributes/attribute_table.ts";
import { takeTurns } from "../take_turns.ts";
import type { CompoundContext } from "../context.ts";
import { writeName } from "./names.ts";
import { statusOfError } from "../status.ts";
import { attributesOf } from "./attributes_of.ts";
import {
  encodedPage,
  type PageTerms,
  rememberEncoded,
} from "./encoded_pages.ts";

/** What {@linkcode DirectoryListing} is to write. */
export interface ListingOptions {
  /** Attributes of each entry. */
  readonly requested: Bitmap;
  /** Whether the caller may LOOKUP the names. */
  readonly isSearched: boolean;
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
const FILEHANDLE = Bitmap.ofNumbers([19]);
/** type, fileid and mounted_on_fileid, which a folder itself tells of its entries (POSIX readdir), and rdattr_error. */
const IN_FOLDER = Bitmap.ofNumbers([1, 11, 20, 55]);

/** Writes a dirlist4 (RFC 8881 18.23.2) of the current folder, as much as there is room for. */
export class DirectoryListing {
  readonly #context: CompoundContext;
  readonly #options: ListingOptions;
  readonly #folder: FileRef;
  /** Position in the reply behind which no entry may end. */
  readonly #end: number;
  readonly #wanted: WantedAttributes;
  readonly #terms: PageTerms;
  /** Why no entry has its attributes. */
  readonly #refusal: FsError | undefined;
  #hintLeft: number;
  /** Entries that were written. */
  #entries = 0;
  /** Entries that were looked at. */
  #seen = 0;
  #isFaultTold = false;

  constructor(context: CompoundContext, options: ListingOptions) {
    this.#context = context;
    this.#options = options;
    this.#folder = context.file;
    this.#wanted = context.services.attributes.wanted(options.requested);
    this.#terms = {
      export: this.#folder.export,
      minorVersion: context.minorVersion,
      requested: options.requested,
    };
    // Attributes and filehandles are of what the name stands for: they take the
    // right that LOOKUP takes.
    const isTold = options.isSearched ||
      options.requested.without(IN_FOLDER).isEmpty;
    this.#refusal = isTold ? undefined : new FsError("access");
    this.#end = context.reply.position + options.room - TAIL;
    // RFC 8881 18.23.4: 0 is no hint; a hint never keeps the first entry out.
    this.#hintLeft = options.hint || Infinity;
  }

  /** The steps of it. */
  *write(): Steps<StatusCode> {
    const { reply } = this.#context;
    // RFC 8881 18.23.3: not even an empty list fits.
    if (reply.position > this.#end) return Status.TOOSMALL;
    const { export: { fs }, node } = this.#folder;
    let { after } = this.#options;
    for (let pages = 0; pages <= MOST_PAGES; pages++) {
      // Where a node is found by the host, a page takes milliseconds.
      yield* takeTurns(this.#context);
      const page = yield* wait(
        fs.readdir(node, after, this.#pageSize(), this.#wanted),
      );
      const { entries } = page;
      // Pages are kept as they were written for callers who may search.
      if (this.#refusal !== undefined || !this.#copyPage(page)) {
        const status = yield* this.#writePage(page);
        if (status !== undefined) return status;
      }
      if (page.end || entries.length === 0) return this.#finish(true);
      after = entries[entries.length - 1]!.cookie;
    }
    // Cookies that lead round in a circle of entries that are gone would never end.
    throw new FsError("io", "an endless folder");
  }

  /** Writes a page as it was written before, where all of it fits. */
  #copyPage(page: DirectoryPage<object>): boolean {
    const written = encodedPage(page, this.#terms);
    if (written === undefined) return false;
    const { bytes, hint, entries } = written;
    const { reply } = this.#context;
    const fits = reply.position + bytes.length <= this.#end &&
      hint <= this.#hintLeft;
    if (!fits || !this.#context.reserve(bytes.length)) return false;
    reply.raw(bytes);
    this.#hintLeft -= hint;
    this.#entries += entries;
    return true;
  }

  /** Writes the entries that fit; where one does not, the status of the whole. */
  *#writePage(page: DirectoryPage<object>): Steps<StatusCode | undefined> {
    const context = this.#context;
    const { reply, minorVersion, services } = context;
    const { namespace, attributes: table } = services;
    const { export: terms, node: folder } = this.#folder;
    const { hidden } = terms;
    const { requested } = this.#options;
    const wanted = this.#wanted;
    const refusal = this.#refusal;
    // A client that asks for filehandles is going to use them.
    const areUsed = requested.meets(FILEHANDLE);
    const begin = reply.position;
    const before = this.#entries;
    let hint = 0;
    let isLasting = page.isLasting && refusal === undefined;
    for (const entry of page.entries) {
      // What no client could ask for (CheckedFileSystem).
      if (entry.name === "") continue;
      const isDue = this.#seen++ % ENTRIES_AT_ONCE === 0;
      if (isDue) yield* takeTurns(context);
      if (hidden?.has(entry.name)) continue;
      // With fewer entries than would fit the client asks for the rest.
      if (!context.reserve(LARGE_ENTRY)) return this.#finishEarly();
      const start = reply.position;
      // What does not fit without its attributes needs no look at the file.
      if (!this.#writeName(entry)) return this.#finish(false);
      const named = reply.position;
      let isThere = true;
      if (requested.isEmpty) this.#writeNothing();
      else if (refusal !== undefined) this.#writeError(named, refusal);
      else {
        // Not in steps of their own: there are thousands of entries.
        try {
          const listed = entry.node;
          const node = listed ??
            (yield* wait(terms.fs.lookup(folder, entry.name)));
          if (node === undefined) throw new FsError("not-found");
          const file = areUsed
            ? namespace.enter(terms, node)
            : namespace.glance(terms, node);
          // Where another file system is mounted, they are of what it covers.
          const attributes = (file.node === listed && entry.attributes) ||
            (yield* wait(attributesOf(file, wanted)));
          const offer = table.offer(minorVersion, file, attributes);
          const plan = offer.plan(requested);
          const extras = yield* wait(extrasFor(plan, file, attributes));
          if (extras !== undefined) isLasting = false;
          const source = table.source(file, { attributes, offer, extras });
          plan.write(reply, source);
        } catch (error) {
          isLasting = false;
          isThere = this.#writeError(named, error);
        }
      }
      const fits = reply.position <= this.#end;
      if (!isThere || !fits) reply.truncate(start);
      if (!isThere) continue;
      if (!fits) return this.#finish(false);
      hint += named - start;
      this.#hintLeft -= named - start;
      this.#entries++;
    }
    if (isLasting) {
      rememberEncoded(page, {
        ...this.#terms,
        bytes: reply.slice(begin),
        entries: this.#entries - before,
        hint,
      });
    }
    return undefined;
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

  /** Writes the beginning of an entry, or nothing when it does not fit. */
  #writeName(entry: DirectoryEntry<object>): boolean {
    const { reply } = this.#context;
    const start = reply.position;
    reply.bool(true);
    reply.uint64Number(entry.cookie + this.#options.cookieBase);
    writeName(reply, entry.name);
    const size = reply.position - start;
    const fits = reply.position <= this.#end &&
      (this.#entries === 0 || size <= this.#hintLeft);
    if (!fits) reply.truncate(start);
    return fits;
  }

  #writeNothing(): void {
    const { reply } = this.#context;
    writeBitmap(reply, emptyBitmap);
    reply.uint32(0);
  }

  /** Writes why an entry has no attributes; false when it was removed meanwhile. */
  #writeError(start: number, error: unknown): boolean {
    const { reply, minorVersion } = this.#context;
    reply.truncate(start);
    const code = FsError.from(error)?.code;
    if (code === "not-found" || code === "stale") return false;
    // RFC 8881 18.23.3: with rdattr_error one entry fails, without it all do.
    if (!this.#options.requested.meets(RDATTR_ERROR)) throw error;
    const status = statusOfError(error, minorVersion);
    if (status === undefined) this.#tellOfFault(error);
    writeBitmap(reply, RDATTR_ERROR);
    reply.uint32(4);
    reply.uint32(status ?? Status.SERVERFAULT);
    return true;
  }

  /** A mistake of the file system, as of an operation that fails by one: the first of a listing. */
  #tellOfFault(error: unknown): void {
    if (this.#isFaultTold) return;
    this.#isFaultTold = true;
    const { file, services } = this.#context;
    services.log.error("an entry could not be looked at", {
      export: file.export.path,
      error,
      trace: new Trace(error),
    });
  }
}
