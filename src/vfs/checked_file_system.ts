import { type Awaitable, leave, promised } from "../base/awaitable.ts";
import {
  isSound,
  UnsoundResult,
  usablePage,
  wrongAttributes,
  wrongChange,
  wrongChanges,
  wrongCreated,
  wrongEntry,
  wrongIdentity,
  wrongNode,
  wrongPage,
  wrongRead,
  wrongStability,
  wrongStats,
  wrongStatus,
  wrongTarget,
} from "./checks.ts";
import type { CheckedOptions } from "./checked_options.ts";
import { FsError } from "./errors.ts";
import type {
  AttributeChanges,
  ChangeInfo,
  Created,
  CreateKind,
  CreateOptions,
  DirectoryName,
  DirectoryPage,
  FileAttributes,
  FileSystem,
  FileSystemLimits,
  FileSystemStats,
  FileSystemStatus,
  HostFolder,
  OpenMode,
  ReadResult,
  ServerRecords,
  Stability,
  Trust,
  WantedAttributes,
} from "./file_system.ts";
import { OPTIONAL, type OptionalMethod } from "./optional_methods.ts";
import { PendingCalls, type PendingOutcome } from "./pending_calls.ts";

/** The methods whose calls keep a buffer each. */
const HOLDING_MEMORY: ReadonlySet<string> = new Set(["read", "write"]);

/** The methods that end what was done: they are called, and waited for, when nothing else is. */
const ENDING: ReadonlySet<string> = new Set(["close", "settle", "dispose"]);

/**
 * A file system that is not believed: the one door between the server and what
 * an implementor has written. What a call returns is looked at before the
 * server uses it, FsError "io" where it can't be true; a call that does not
 * return in time is FsError "busy", which a client hears as NFS4ERR_DELAY.
 */
export class CheckedFileSystem
  implements FileSystem, Required<Pick<FileSystem, OptionalMethod>> {
  readonly limits: FileSystemLimits | undefined;
  readonly trust: Trust | undefined;
  readonly records: ServerRecords | undefined;
  readonly folder: HostFolder | undefined;
  /** The file system itself. */
  readonly inner: FileSystem;
  readonly #options: CheckedOptions;
  readonly #calls: PendingCalls;
  /** Whether it is a back end of ours, whose results need no second look. */
  readonly #isSound: boolean;
  /** The faults that were logged; there are few kinds. */
  readonly #said = new Set<string>();
  #isEnding = false;

  constructor(inner: FileSystem, options: CheckedOptions) {
    this.inner = inner;
    this.limits = inner.limits;
    this.trust = inner.trust;
    this.records = inner.records;
    this.folder = inner.folder;
    this.#options = options;
    this.#isSound = isSound(inner);
    this.#calls = new PendingCalls({
      ...options,
      timedOut: (call, calls, after) => this.#timedOut(call, calls, after),
    });
    for (const [name, isMissingHere] of Object.entries(OPTIONAL)) {
      // Asked of us, it must be missing as well.
      if (isMissingHere && inner[name as OptionalMethod] === undefined) {
        Object.defineProperty(this, name, { value: undefined });
      }
    }
  }

  get stats(): FileSystemStats | undefined {
    if (this.#isSound) return this.inner.stats;
    return this.#told("stats", () => {
      const { stats } = this.inner;
      return stats && this.#sound("stats", stats, wrongStats);
    });
  }

  get losses(): number | undefined {
    if (this.#isSound) return this.inner.losses;
    // A file system that can't say has lost what there was: NaN is another than
    // before each time.
    return this.#told("losses", () => this.inner.losses, NaN);
  }

  /** Calls that were given up and still go on. */
  get overdue(): number {
    return this.#calls.overdue;
  }

  /** Gives up the calls that take too long. */
  sweep(): void {
    this.#calls.sweep();
  }

  /**
   * Others wait for the memory that its reads and writes hold: gives up those
   * that take longer than `patience` milliseconds, and returns whether there were
   * any. They do no harm when they are sent again.
   */
  hurry(patience: number): boolean {
    return this.#calls.hurry(patience, HOLDING_MEMORY);
  }

  /**
   * The server ends: from now on nothing is asked of it but to end what was
   * done, and operations that wait for anything else are told FsError "busy".
   */
  end(): void {
    this.#isEnding = true;
    this.#calls.end(ENDING);
  }

  failure(): string | undefined {
    const failure = this.#told(
      "failure",
      () => this.inner.failure?.(),
      "it can't say whether it is sound",
    );
    if (failure !== undefined || !this.#calls.areTooMany) return failure;
    return `${this.overdue} calls of the file system have not returned`;
  }

  root(): object {
    return this.#sound("root", this.inner.root(), wrongNode);
  }

  identify(node: object): Uint8Array {
    return this.#sound("identify", this.inner.identify(node), wrongIdentity);
  }

  resolve(identity: Uint8Array): Awaitable<object> {
    this.#admit();
    return this.#checked("resolve", this.inner.resolve(identity), wrongNode);
  }

  getattr(
    node: object,
    wanted?: WantedAttributes,
  ): Awaitable<FileAttributes> {
    this.#admit();
    const given = this.inner.getattr(node, wanted);
    if (this.#isSound && !(given instanceof Promise)) return given;
    return this.#checked("getattr", given, wrongAttributes);
  }

  lookup(directory: object, name: string): Awaitable<object | undefined> {
    this.#admit();
    const given = this.inner.lookup(directory, name);
    return this.#checked("lookup", given, wrongEntry);
  }

  parent(directory: object): Awaitable<object> {
    this.#admit();
    return this.#checked("parent", this.inner.parent(directory), wrongNode);
  }

  readdir(
    directory: object,
    cookie: number,
    limit: number,
    wanted?: WantedAttributes,
  ): Awaitable<DirectoryPage<object>> {
    this.#admit();
    const given = this.inner.readdir(directory, cookie, limit, wanted);
    if (this.#isSound && !(given instanceof Promise)) return given;
    const wrong = (page: DirectoryPage<object>) => wrongPage(page, cookie);
    const page = this.#checked("readdir", given, wrong);
    return page instanceof Promise
      ? page.then(this.#usable)
      : this.#usable(page);
  }

  read(
    file: object,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    this.#admit();
    if (!this.#isSound) return this.#readApart(file, offset, target);
    const given = this.inner.read(file, offset, target);
    if (!(given instanceof Promise)) return given;
    return this.#checked("read", given, wrongRead);
  }

  readlink(symlink: object): Awaitable<string> {
    this.#admit();
    return this.#checked(
      "readlink",
      this.inner.readlink!(symlink),
      wrongTarget,
    );
  }

  status(): Awaitable<FileSystemStatus> {
    this.#admit();
    return this.#checked("status", this.inner.status!(), wrongStatus);
  }

  open(file: object, mode: OpenMode): Awaitable<void> {
    this.#admit();
    const opened = promised(this.inner.open!(file, mode));
    if (opened === undefined) return;
    // The client was told that it is not open.
    const late = () => this.#closeLate(file, mode);
    return this.#calls.wait("open", opened, { accept: nothing, late });
  }

  close(file: object, mode: OpenMode): Awaitable<void> {
    // Asked for even where nothing else is, or the file would stay open for ever.
    return this.#done("close", this.inner.close!(file, mode));
  }

  setattr(node: object, changes: AttributeChanges): Awaitable<void> {
    this.#admit();
    return this.#done("setattr", this.inner.setattr!(node, changes));
  }

  write(
    file: object,
    offset: number,
    data: Uint8Array,
    stability: Stability,
  ): Awaitable<Stability> {
    this.#admit();
    // Others' requests lie in the same memory, which may be given to a worker.
    const own = this.#isSound ? data : data.slice();
    const given = this.inner.write!(file, offset, own, stability);
    return this.#checked("write", given, wrongStability);
  }

  commit(file: object): Awaitable<void> {
    this.#admit();
    return this.#done("commit", this.inner.commit!(file));
  }

  create(
    directory: object,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Awaitable<Created<object>> {
    this.#admit();
    const given = this.inner.create!(directory, name, kind, options);
    return this.#checked("create", given, wrongCreated);
  }

  link(node: object, directory: object, name: string): Awaitable<ChangeInfo> {
    this.#admit();
    const given = this.inner.link!(node, directory, name);
    return this.#checked("link", given, wrongChange);
  }

  remove(directory: object, name: string): Awaitable<ChangeInfo> {
    this.#admit();
    const given = this.inner.remove!(directory, name);
    return this.#checked("remove", given, wrongChange);
  }

  rename(
    from: DirectoryName<object>,
    to: DirectoryName<object>,
  ): Awaitable<{ readonly source: ChangeInfo; readonly target: ChangeInfo }> {
    this.#admit();
    const given = this.inner.rename!(from, to);
    return this.#checked("rename", given, wrongChanges);
  }

  settle(): Awaitable<void> {
    this.#admitAnswering();
    return this.#done("settle", this.inner.settle!());
  }

  watch(recall: (node: object) => Promise<void>): void {
    this.inner.watch!(recall);
  }

  guard(file: object): Disposable | undefined {
    const given = this.#told("guard", () => this.inner.guard!(file));
    if (given === undefined) return undefined;
    if (typeof given?.[Symbol.dispose] === "function") {
      // It is the end of a delegation, which others wait for.
      const release = () => leave(given[Symbol.dispose]());
      return { [Symbol.dispose]: () => this.#told("guard", release) };
    }
    leave(given);
    this.#say("guard", "no Disposable");
    return undefined;
  }

  dispose(): Awaitable<void> {
    return this.#done("dispose", this.inner.dispose!());
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
    const own = new Uint8Array(length);
    const given = this.inner.read(file, offset, own);
    const wrong = (result: ReadResult) =>
      own.length < length ? "a target that was given away" : wrongRead(result);
    const copy = ({ bytes, eof }: ReadResult): ReadResult => {
      target.set(own);
      return { bytes, eof };
    };
    const read = this.#checked("read", given, wrong);
    return read instanceof Promise ? read.then(copy) : copy(read);
  }

  #admit(): void {
    if (this.#isEnding) throw new FsError("busy", "the server ends");
    this.#admitAnswering();
  }

  /** Nothing more is asked of a file system that does not answer. */
  #admitAnswering(): void {
    if (this.#calls.areTooMany) throw new FsError("busy", "it does not answer");
  }

  /** What a call returned, looked at when it is there. */
  #checked<T>(
    call: string,
    given: Awaitable<T>,
    wrong: (value: T) => string | undefined,
  ): Awaitable<T> {
    if (!(given instanceof Promise)) return this.#sound(call, given, wrong);
    const accept = (value: T) => this.#sound(call, value, wrong);
    return this.#calls.wait(call, given, { accept });
  }

  #done(call: string, given: Awaitable<void>): Awaitable<void> {
    const work = promised(given);
    if (work !== undefined) return this.#calls.wait(call, work, DONE);
  }

  #sound<T>(
    call: string,
    value: T,
    wrong: (value: T) => string | undefined,
  ): T {
    const what = wrong(value);
    if (what === undefined) return value;
    leave(value);
    this.#say(call, what);
    throw new UnsoundResult("io", `${call}: ${what}`);
  }

  /** An entry that can't be used as it is is no reason to refuse the others. */
  readonly #usable = (page: DirectoryPage<object>): DirectoryPage<object> =>
    usablePage(page, (what) => this.#say("readdir", `${what} of an entry`));

  /** What is asked where nothing could be done about an error; `otherwise` where there is one. */
  #told<T>(call: string, ask: () => T, otherwise?: T): T | undefined {
    try {
      return ask();
    } catch (error) {
      if (!(error instanceof UnsoundResult)) this.#say(call, "an error");
      return otherwise;
    }
  }

  /** Its own fault, said once for each kind: a client may ask as often as it likes. */
  #say(call: string, what: string): void {
    const { name, log, observer } = this.#options;
    observer?.unsound?.(call);
    const kind = `${call} ${what}`;
    if (this.#said.has(kind)) return;
    this.#said.add(kind);
    log.error("a file system returned what it must not", {
      export: name,
      call,
      what,
    });
  }

  #timedOut(call: string, calls: number, after: number): void {
    const { name, log, observer } = this.#options;
    observer?.timedOut?.(call, calls);
    log.error("a file system does not answer", {
      export: name,
      call,
      calls,
      afterMs: after,
      overdue: this.overdue,
    });
  }

  #closeLate(file: object, mode: OpenMode): void {
    if (this.inner.close === undefined) return;
    const failed = () => this.#say("close", "an error");
    try {
      const closed = this.close(file, mode);
      if (closed instanceof Promise) closed.catch(failed);
    } catch {
      failed();
    }
  }
}

const nothing = (): void => {};

const DONE: PendingOutcome<void> = { accept: nothing };
