import { type Awaitable, leave, promised } from "../base/awaitable.ts";
import type { SharedPlaces } from "../base/shared_places.ts";
import { abandoned } from "./abandoned.ts";
import { CheckedCalls } from "./checked_calls.ts";
import { CheckedRecords } from "./checked_records.ts";
import {
  isSound,
  placeOf,
  usablePage,
  usableXattrNames,
  wrongAttributes,
  wrongChange,
  wrongChanges,
  wrongCount,
  wrongCreated,
  wrongEntry,
  wrongFailure,
  wrongIdentity,
  wrongNode,
  wrongPlace,
  wrongRead,
  wrongStability,
  wrongStats,
  wrongStatus,
  wrongTarget,
  wrongXattr,
  wrongXattrNames,
} from "./checks.ts";
import type { CheckedOptions } from "./checked_options.ts";
import type {
  AttributeChanges,
  ChangeInfo,
  CloneRange,
  ContentKind,
  Created,
  CreateKind,
  CreateOptions,
  DirectoryName,
  DirectoryPage,
  EntryPlace,
  FileAttributes,
  FileSystem,
  FileSystemLimits,
  FileSystemStats,
  FileSystemStatus,
  HostFolder,
  OpenMode,
  ReadResult,
  ServerRecords,
  SetXattrOption,
  Stability,
  Trust,
  WantedAttributes,
} from "./file_system.ts";
import type { JudgedEntry, JudgedRename } from "./judged.ts";
import { LooksInLine } from "./looks_in_line.ts";
import { OPTIONAL, type OptionalMethod } from "./optional_methods.ts";
import { operationsUnderWay, standsInLine } from "./under_way.ts";
import type { Rights } from "./wanted.ts";

const SETTLE = { method: "settle" };

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
  /** The operations in it that wait; `undefined` where only long ones do, which it sees to by itself. */
  readonly underWay: SharedPlaces | undefined;
  readonly #calls: CheckedCalls;
  readonly #looks: LooksInLine;
  /** Whether it is a back end of ours, whose results need no second look. */
  readonly #isSound: boolean;
  /** Whether it is one of those in the server's own thread: its calls are in no line of ours. */
  readonly #isHere: boolean;

  constructor(inner: FileSystem, options: CheckedOptions) {
    this.inner = inner;
    this.limits = inner.limits;
    this.trust = inner.trust;
    this.folder = inner.folder;
    this.#isSound = isSound(inner);
    this.#calls = new CheckedCalls(options, (node) => this.identify(node));
    this.#looks = new LooksInLine(inner, this.#calls);
    this.#isHere = this.#isSound && !(standsInLine in inner);
    if (!this.#isHere) {
      this.underWay = operationsUnderWay(options.maxUnderWay);
    }
    const { records } = inner;
    this.records = records === undefined || this.#isSound
      ? records
      : new CheckedRecords(records, this.#calls);
    for (const [name, isMissingHere] of Object.entries(OPTIONAL)) {
      // Asked of us, it must be missing as well.
      if (isMissingHere && inner[name as OptionalMethod] === undefined) {
        Object.defineProperty(this, name, { value: undefined });
      }
    }
  }

  get stats(): FileSystemStats | undefined {
    if (this.#isSound) return this.inner.stats;
    return this.#calls.told("stats", () => {
      const { stats } = this.inner;
      return stats && this.#calls.sound("stats", stats, wrongStats);
    }, undefined);
  }

  get unsettled(): number | undefined {
    if (this.#isSound) return this.inner.unsettled;
    return this.#calls.told("unsettled", () => {
      const { unsettled } = this.inner;
      return unsettled === undefined
        ? undefined
        : this.#calls.sound("unsettled", unsettled, wrongCount);
    }, undefined);
  }

  get losses(): number | undefined {
    if (this.#isSound) return this.inner.losses;
    // A file system that can't say has lost what there was: NaN is another than
    // before each time.
    return this.#calls.told("losses", () => {
      const { losses = 0 } = this.inner;
      return this.#calls.sound("losses", losses, wrongCount);
    }, NaN);
  }

  get lostWrites(): number | undefined {
    if (this.#isSound) return this.inner.lostWrites;
    return this.#calls.told("lostWrites", () => {
      const { lostWrites = 0 } = this.inner;
      return this.#calls.sound("lostWrites", lostWrites, wrongCount);
    }, 0);
  }

  /** Calls that were given up and still go on. */
  get overdue(): number {
    return this.#calls.overdue;
  }

  /** Gives up the calls that take too long, and says so when the file system has failed, or is sound again. */
  sweep(): void {
    this.#calls.sweep();
    this.#calls.failed(this.#failure());
  }

  /**
   * Others wait for the memory that its reads and writes hold: gives up those
   * that take longer than `patience` milliseconds, and returns whether there were
   * any. They do no harm when they are sent again.
   */
  hurry(patience: number): boolean {
    return this.#calls.hurry(patience);
  }

  /**
   * The server ends: from now on nothing is asked of it but to end what was
   * done, and operations that wait for anything else are told FsError "busy".
   */
  end(): void {
    this.#calls.end();
  }

  /** It is not waited for any longer: what can end without its host ends at once. */
  abandon(): void {
    abandoned(this.inner);
  }

  failure(): string | undefined {
    const failure = this.#failure();
    if (failure !== undefined || !this.#calls.areTooMany) return failure;
    return `${this.overdue} calls of the file system have not returned`;
  }

  #failure(): string | undefined {
    return this.#calls.told(
      "failure",
      () => this.#calls.sound("failure", this.inner.failure?.(), wrongFailure),
      "it can't say whether it is sound",
    );
  }

  root(): object {
    return this.#calls.sound("root", this.inner.root(), wrongNode);
  }

  identify(node: object): Uint8Array {
    return this.#calls.sound(
      "identify",
      this.inner.identify(node),
      wrongIdentity,
    );
  }

  resolve(identity: Uint8Array): Awaitable<object> {
    const call = { method: "resolve", identity };
    const ask = () => this.inner.resolve(identity);
    return this.#calls.called(call, ask, wrongNode);
  }

  getattr(
    node: object,
    wanted?: WantedAttributes,
  ): Awaitable<FileAttributes> {
    if (!this.#isAtHand) return this.#looks.getattr(node, wanted);
    const given = this.inner.getattr(node, wanted);
    if (!(given instanceof Promise)) return given;
    const call = { method: "getattr", node };
    return this.#calls.checked(call, given, wrongAttributes);
  }

  lookup(directory: object, name: string): Awaitable<object | undefined> {
    if (!this.#isAtHand) return this.#looks.lookup(directory, name);
    const given = this.inner.lookup(directory, name);
    if (!(given instanceof Promise)) return given;
    const call = { method: "lookup", node: directory, name };
    return this.#calls.checked(call, given, wrongEntry);
  }

  parent(directory: object): Awaitable<object> {
    const call = { method: "parent", node: directory };
    const ask = () => this.inner.parent(directory);
    return this.#calls.called(call, ask, wrongNode);
  }

  readdir(
    directory: object,
    cookie: number,
    limit: number,
    wanted?: WantedAttributes,
  ): Awaitable<DirectoryPage<object>> {
    let page: Awaitable<DirectoryPage<object>>;
    if (this.#isAtHand) {
      page = this.inner.readdir(directory, cookie, limit, wanted);
      if (!(page instanceof Promise)) return page;
      const call = { method: "readdir", node: directory };
      page = this.#calls.checked(call, page, () => undefined);
    } else page = this.#looks.readdir(directory, cookie, limit, wanted);
    return page instanceof Promise
      ? page.then(this.#usable)
      : this.#usable(page);
  }

  read(
    file: object,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    if (!this.#isSound) return this.#readApart(file, offset, target);
    const read = () => this.inner.read(file, offset, target);
    return this.#calls.called({ method: "read", node: file }, read, wrongRead);
  }

  readlink(symlink: object): Awaitable<string> {
    const call = { method: "readlink", node: symlink };
    const ask = () => this.inner.readlink!(symlink);
    const wrong = (target: string) => wrongTarget(target, this.limits);
    return this.#calls.called(call, ask, wrong);
  }

  status(): Awaitable<FileSystemStatus> {
    const ask = () => this.inner.status!();
    return this.#calls.called({ method: "status" }, ask, wrongStatus);
  }

  open(file: object, mode: OpenMode): Awaitable<void> {
    const call = { method: "open", node: file };
    const open = () => promised(this.inner.open!(file, mode));
    // The client was told that it is not open.
    const late = () => this.#closeLate(file, mode);
    return this.#calls.called(call, open, () => undefined, late);
  }

  close(file: object, mode: OpenMode): Awaitable<void> {
    // Asked for even where nothing else is, and never given up in a line, or the
    // file would stay open for ever.
    const given = this.inner.close!(file, mode);
    return this.#calls.done({ method: "close", node: file }, given);
  }

  setattr(
    node: object,
    changes: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    const call = { method: "setattr", node };
    const set = () => promised(this.inner.setattr!(node, changes, judged));
    return this.#calls.called(call, set, () => undefined);
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
      const own = this.#isSound ? data : data.slice();
      return this.inner.write!(file, offset, own, stability);
    };
    return this.#calls.called(call, write, wrongStability);
  }

  getxattr(node: object, name: string): Awaitable<Uint8Array | undefined> {
    const call = { method: "getxattr", node };
    const get = () => this.inner.getxattr!(node, name);
    return this.#calls.called(call, get, wrongXattr);
  }

  listxattrs(node: object): Awaitable<readonly string[]> {
    const call = { method: "listxattrs", node };
    const list = () => this.inner.listxattrs!(node);
    const names = this.#calls.called(call, list, wrongXattrNames);
    if (this.#isSound) return names;
    return names instanceof Promise
      ? names.then(usableXattrNames)
      : usableXattrNames(names);
  }

  setxattr(
    node: object,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    const call = { method: "setxattr", node };
    const set = () => this.inner.setxattr!(node, name, value, option, judged);
    return this.#calls.called(call, set, wrongChange);
  }

  removexattr(
    node: object,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    const call = { method: "removexattr", node };
    const remove = () => this.inner.removexattr!(node, name, judged);
    return this.#calls.called(call, remove, wrongChange);
  }

  commit(file: object): Awaitable<void> {
    const call = { method: "commit", node: file };
    const commit = () => promised(this.inner.commit!(file));
    return this.#calls.called(call, commit, () => undefined);
  }

  allocate(file: object, offset: number, length: number): Awaitable<void> {
    const call = { method: "allocate", node: file };
    const allocate = () => promised(this.inner.allocate!(file, offset, length));
    return this.#calls.called(call, allocate, () => undefined);
  }

  deallocate(file: object, offset: number, length: number): Awaitable<void> {
    const call = { method: "deallocate", node: file };
    const deallocate = () =>
      promised(this.inner.deallocate!(file, offset, length));
    return this.#calls.called(call, deallocate, () => undefined);
  }

  clone(source: object, target: object, range: CloneRange): Awaitable<void> {
    const call = { method: "clone", node: target };
    const clone = () => promised(this.inner.clone!(source, target, range));
    return this.#calls.called(call, clone, () => undefined);
  }

  seek(
    file: object,
    offset: number,
    what: ContentKind,
  ): Awaitable<number | undefined> {
    const call = { method: "seek", node: file };
    const seek = () => this.inner.seek!(file, offset, what);
    const wrong = (place: number | undefined) => wrongPlace(place, offset);
    return this.#calls.called(call, seek, wrong);
  }

  create(
    directory: object,
    name: string,
    kind: CreateKind,
    options: CreateOptions,
  ): Awaitable<Created<object>> {
    const call = { method: "create", node: directory, name };
    const create = () => this.inner.create!(directory, name, kind, options);
    return this.#calls.called(call, create, wrongCreated);
  }

  link(
    node: object,
    directory: object,
    name: string,
    judged?: Rights,
  ): Awaitable<ChangeInfo> {
    const call = { method: "link", node: directory, name };
    const link = () => this.inner.link!(node, directory, name, judged);
    return this.#calls.called(call, link, wrongChange);
  }

  remove(
    directory: object,
    name: string,
    judged?: JudgedEntry,
  ): Awaitable<ChangeInfo> {
    const call = { method: "remove", node: directory, name };
    const remove = () => this.inner.remove!(directory, name, judged);
    return this.#calls.called(call, remove, wrongChange);
  }

  rename(
    from: DirectoryName<object>,
    to: DirectoryName<object>,
    judged?: JudgedRename,
  ): Awaitable<{ readonly source: ChangeInfo; readonly target: ChangeInfo }> {
    const call = { method: "rename", node: from.directory, name: from.name };
    const rename = () => this.inner.rename!(from, to, judged);
    return this.#calls.called(call, rename, wrongChanges);
  }

  settle(): Awaitable<void> {
    this.#calls.admitAnswering(SETTLE);
    return this.#calls.done(SETTLE, this.inner.settle!());
  }

  watch(recall: (node: object) => Promise<void>): void {
    this.#calls.isOver("watch", this.inner.watch!(recall));
  }

  guard(file: object): Disposable | undefined {
    return this.#guarded("guard", () => this.inner.guard!(file));
  }

  guardFolder(folder: object): Disposable | undefined {
    return this.#guarded("guardFolder", () => this.inner.guardFolder!(folder));
  }

  place(directory: object, name: string): EntryPlace | undefined {
    const ask = () => {
      const given: unknown = this.inner.place!(directory, name);
      const place = placeOf(given);
      if (place !== undefined || given === undefined) return place;
      leave(given);
      this.#calls.say("place", "no EntryPlace");
      return undefined;
    };
    return this.#calls.told("place", ask, undefined);
  }

  #guarded(
    call: "guard" | "guardFolder",
    ask: () => Disposable | undefined,
  ): Disposable | undefined {
    const given = this.#calls.told(call, ask, undefined);
    if (given === undefined) return undefined;
    if (typeof given?.[Symbol.dispose] === "function") {
      // It is the end of a delegation, which others wait for.
      const release = () => given[Symbol.dispose]();
      const end = () => void this.#calls.isOver(call, release());
      return {
        [Symbol.dispose]: () => this.#calls.told(call, end, undefined),
      };
    }
    leave(given);
    this.#calls.say(call, "no Disposable");
    return undefined;
  }

  dispose(): Awaitable<void> {
    return this.#calls.done({ method: "dispose" }, this.inner.dispose!());
  }

  /** Whether a look is to be made without more ado, see {@linkcode LooksInLine}. */
  get #isAtHand(): boolean {
    return this.#isHere && this.#calls.mayMakeAll;
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
    const read = this.#calls.called(call, ask, wrong);
    return read instanceof Promise ? read.then(copy) : copy(read);
  }

  /** An entry that can't be used as it is is no reason to refuse the others. */
  readonly #usable = (page: DirectoryPage<object>): DirectoryPage<object> =>
    usablePage(page, {
      limits: this.limits,
      unusable: (what) => this.#calls.say("readdir", `${what} of an entry`),
    });

  #closeLate(file: object, mode: OpenMode): void {
    if (this.inner.close === undefined) return;
    const failed = () => this.#calls.say("close", "an error");
    try {
      const closed = this.close(file, mode);
      if (closed instanceof Promise) closed.catch(failed);
    } catch {
      failed();
    }
  }
}
