import type { Clock } from "../base/clock.ts";
import { hostCode } from "../base/host_error.ts";
import {
  GONE,
  type LogContent,
  MARK_AT,
  newLog,
  putLine,
  readLog,
  type RecordLine,
  THERE,
} from "./log_format.ts";
import {
  type ClientRecord,
  type RecordedOwner,
  recordKey,
  type RecordStore,
} from "./record_store.ts";

/** Options of {@linkcode ClientLog}. */
export interface ClientLogOptions {
  readonly clock: Clock;
  /** Told of what is wrong with the log, with a line for the operator. */
  readonly onTrouble?: (message: string) => void;
}

/** A sync that is under way. */
interface Sync {
  /** How many changes it covers. */
  readonly changes: number;
  readonly done: Promise<void>;
}

/**
 * Above this the log is rewritten when most of it is history. Every request
 * waits for that and its syncs, so a client that comes and goes must not have
 * it done often.
 */
const MIN_COMPACT_BYTES = 1024 * 1024;
const MAX_HISTORY = 4;
/** After a failure the next attempt to write waits so long. */
const RETRY_MS = 1_000;

/**
 * Records in a file that grows by a checksummed line for each that is put, and
 * is rewritten when it is opened. A mark in its line deletes a record: no client
 * has to wait for room because others are gone. A lock beside it keeps a second
 * server out. A failed sync is never tried again on the same file, which may
 * have dropped what it could not write: everything goes to a new one.
 */
export class ClientLog implements RecordStore {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #lock: Deno.FsFile;
  /** The last line of each owner, also of those that are gone, until the file is rewritten. */
  #lines: Map<string, RecordLine>;
  #file: Deno.FsFile | undefined;
  #size = 0;
  #liveSize = 0;
  #changes = 0;
  #synced = 0;
  /** How many changes there were with the last record that was deleted. */
  #forgotten = 0;
  #running: Sync | undefined;
  #queued: Promise<void> | undefined;
  #failure: unknown;
  #retryAt = 0;

  /**
   * Opens the log at `path`, whose folder is made if missing. Throws, with
   * one line for the operator, when another server has it, or when it can't be
   * read or written. On a full disk the one that is there goes on.
   */
  constructor(path: string, options: ClientLogOptions) {
    this.#path = path;
    this.#clock = options.clock;
    Deno.mkdirSync(parent(path), { recursive: true, mode: 0o700 });
    this.#lock = lock(path);
    try {
      const content = read(path);
      if (content.isDamaged) {
        options.onTrouble?.(
          `${path} is damaged: the clients recorded before that can't reclaim`,
        );
      }
      this.#lines = content.lines;
      try {
        this.#rewrite();
      } catch (error) {
        if (!isFull(error)) throw error;
        options.onTrouble?.(
          `${path} can't be written anew, the disk is full: clients that are not in it may have to wait with opening files`,
        );
        this.#goOn(content, error);
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** {@inheritDoc RecordStore.load} */
  load(): readonly ClientRecord[] {
    const there = [...this.#lines.values()].filter(({ isGone }) => !isGone);
    return there.map(({ record }) => record);
  }

  /** {@inheritDoc RecordStore.put} */
  put(record: ClientRecord): void {
    if (this.#failure !== undefined) this.#repair();
    const text = putLine(record);
    const key = recordKey(record);
    const line = this.#lines.get(key);
    if (line === undefined || putLine(line.record) !== text) {
      const at = this.#append(text);
      this.#lines.set(key, { record, at, isGone: false });
    } else if (line.isGone) {
      // A client that is back as it was takes no room.
      write(this.#file!, THERE, line.at + MARK_AT);
      this.#changes++;
      this.#lines.set(key, { ...line, isGone: false });
    }
  }

  /** {@inheritDoc RecordStore.delete} */
  delete(owner: RecordedOwner): void {
    const key = recordKey(owner);
    const line = this.#lines.get(key);
    if (line === undefined || line.isGone) return;
    this.#lines.set(key, { ...line, isGone: true });
    // A file that can't be trusted is written anew, without the record.
    if (this.#failure === undefined) {
      try {
        write(this.#file!, GONE, line.at + MARK_AT);
      } catch (error) {
        this.#failure = error;
      }
    }
    this.#forgotten = ++this.#changes;
  }

  /** {@inheritDoc RecordStore.isForgetting} */
  get isForgetting(): boolean {
    return this.#forgotten > this.#synced;
  }

  /** {@inheritDoc RecordStore.flush} */
  flush(): void | Promise<void> {
    if (this.#failure !== undefined) this.#repair();
    if (this.#synced === this.#changes) return;
    const running = this.#running;
    if (running === undefined) return this.#sync();
    if (running.changes === this.#changes) return running.done;
    const next = () => {
      this.#queued = undefined;
      return this.flush();
    };
    return this.#queued ??= running.done.then(next, next);
  }

  /** Closes the file without a flush, and lets others have it. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#lock.close();
  }

  /**
   * Keeps the file that was read, as far as it can be; `why` no other is
   * written. One of format 1 gets marks, too: to what wrote it they are damage.
   */
  #goOn({ goodBytes }: LogContent, why: unknown): void {
    if (goodBytes === 0) {
      this.#failure = why;
      return;
    }
    const file = this.#file = Deno.openSync(this.#path, { write: true });
    file.truncateSync(goodBytes);
    file.syncSync();
    this.#size = this.#liveSize = goodBytes;
  }

  /** Adds a line, and says where; or leaves the file as it was and throws. */
  #append(line: string): number {
    const file = this.#file!;
    const at = this.#size;
    try {
      this.#size += write(file, line, at);
    } catch (error) {
      try {
        file.truncateSync(at);
      } catch (again) {
        this.#failure = again;
      }
      throw error;
    }
    this.#changes++;
    return at;
  }

  #sync(): void | Promise<void> {
    if (this.#size > MIN_COMPACT_BYTES + MAX_HISTORY * this.#liveSize) {
      return this.#compact();
    }
    return this.#syncFile();
  }

  #compact(): void | Promise<void> {
    try {
      this.#rewrite();
    } catch (error) {
      if (this.#failure !== undefined) throw error;
      // No room for a second file: the long one is as good for now.
      this.#liveSize = this.#size;
      return this.#syncFile();
    }
  }

  #syncFile(): Promise<void> {
    const changes = this.#changes;
    const done = this.#file!.syncData().then(
      () => {
        this.#running = undefined;
        this.#synced = changes;
      },
      (error) => {
        this.#running = undefined;
        this.#failure = error;
        throw error;
      },
    );
    this.#running = { changes, done };
    return done;
  }

  /** Makes a failure good by a new file; throws while that fails too. */
  #repair(): void {
    const now = this.#clock.now();
    if (this.#running !== undefined || now < this.#retryAt) {
      throw this.#failure;
    }
    this.#retryAt = now + RETRY_MS;
    this.#rewrite();
    this.#failure = undefined;
  }

  /** Writes a new file with the records alone; they are durable then. */
  #rewrite(): void {
    const { bytes, lines } = newLog(this.load());
    const temporary = `${this.#path}.new`;
    const file = Deno.openSync(temporary, {
      write: true,
      create: true,
      // What an earlier attempt left.
      truncate: true,
      mode: 0o600,
    });
    try {
      writeAll(file, bytes);
      file.syncSync();
      Deno.renameSync(temporary, this.#path);
    } catch (error) {
      file.close();
      // Part of a file would keep the room that others need.
      Deno.removeSync(temporary);
      throw error;
    }
    this.#file?.close();
    this.#file = file;
    this.#lines = lines;
    this.#size = this.#liveSize = bytes.length;
    try {
      syncDirectory(parent(this.#path));
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    this.#synced = this.#changes;
  }
}

function read(path: string): LogContent {
  try {
    return readLog(Deno.readFileSync(path), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { lines: new Map(), isDamaged: false, goodBytes: 0 };
  }
}

/** Whether the disk, or what the user may have of it, is full. */
function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(hostCode(error) ?? "");
}

/** Holds until the file is closed, if only by the end of the process. */
function lock(path: string): Deno.FsFile {
  const file = Deno.openSync(`${path}.lock`, {
    write: true,
    create: true,
    mode: 0o600,
  });
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new Error(`${path} is in use by another server`);
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Writes at a place in the file; returns how many bytes that were. */
function write(file: Deno.FsFile, text: string, at: number): number {
  const bytes = new TextEncoder().encode(text);
  file.seekSync(at, Deno.SeekMode.Start);
  writeAll(file, bytes);
  return bytes.length;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    at += file.writeSync(bytes.subarray(at));
  }
}

/** A new name is durable with its folder; Windows has no such thing. */
function syncDirectory(path: string): void {
  if (Deno.build.os === "windows") return;
  using directory = Deno.openSync(path);
  directory.syncSync();
}
