import { assert, assertEquals, fail } from "@std/assert";
import {
  type Awaitable,
  type CreateKind,
  type CreateOptions,
  type FileAttributes,
  type FileSystem,
  FsError,
  type FsErrorCode,
  type Timestamp,
} from "../../../src/vfs/mod.ts";

/** The methods that a back end may leave out, all there: the suite is about whole file systems. */
export type WholeFileSystem = FileSystem & Required<Pick<FileSystem, Optional>>;

/** The methods of a file system that can't have extended attributes are not there, and not called. */
type XattrMethod = "getxattr" | "listxattrs" | "setxattr" | "removexattr";

type Optional =
  | "readlink"
  | "status"
  | "open"
  | "close"
  | "setattr"
  | "write"
  | "commit"
  | "create"
  | "link"
  | "remove"
  | "rename"
  | XattrMethod;

/** What of a back end's is only tested where `allocates`, `punches`, `seeks` or `clones` says that it is there. */
type Ranges = Pick<FileSystem, "allocate" | "deallocate" | "seek" | "clone">;

/** One file system under test, and what the suite may do around it. */
export interface Subject extends Partial<AsyncDisposable> {
  /** Empty but for its root, which `owner` may change. */
  readonly fs:
    & Omit<WholeFileSystem, XattrMethod>
    & Pick<FileSystem, XattrMethod>;
  /** Whom the suite's files belong to; root where absent. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Makes the file system's clock show a later time, in every timestamp. */
  tick?(): Awaitable<void>;
  /** The same tree as after a restart of the server. */
  reopen?(): Awaitable<Subject["fs"]>;
}

/** Makes a fresh subject for one test. */
export type Factory = () => Awaitable<Subject>;

/** What a back end can do; a host may not let it do everything. */
export interface Capabilities {
  /** Fifos can be made. */
  readonly fifo: boolean;
  /** Sockets can be made. */
  readonly socket: boolean;
  /** Block and character devices can be made. */
  readonly device: boolean;
  /** Files can be given to any user and group. */
  readonly ownership: boolean;
  /** Reading moves atime. */
  readonly atime: boolean;
  /** Times before 1970 can be set. */
  readonly timesBefore1970: boolean;
  /** The time of creation can be set. */
  readonly birthtime: boolean;
  /** Files and folders have extended attributes. */
  readonly xattrs: boolean;
  /** As large ones, and as many, as the server takes. */
  readonly largeXattrs: boolean;
  /** Files have access lists as NFSv4 clients set them. */
  readonly lists: boolean;
  /** Times set on a symlink are its own. */
  readonly symlinkTimes: boolean;
  /** Nanoseconds that a timestamp which is set can tell apart. */
  readonly resolution: number;
  /** Holes take no room. */
  readonly sparse: boolean;
  /** Room can be given to ranges of a file. */
  readonly allocates: boolean;
  /** Ranges can be taken out of a file. */
  readonly punches: boolean;
  /** Data and holes can be looked for. */
  readonly seeks: boolean;
  /** Files can share content. */
  readonly clones: boolean;
  /** The largest size that the suite may extend a (sparse) file to, in bytes. */
  readonly largest: number;
  /** `Subject.tick` is there. */
  readonly clock: boolean;
  /** `Subject.reopen` is there. */
  readonly restart: boolean;
}

const complete: Capabilities = {
  fifo: true,
  socket: true,
  device: true,
  ownership: true,
  atime: true,
  timesBefore1970: true,
  birthtime: true,
  xattrs: true,
  largeXattrs: true,
  lists: true,
  symlinkTimes: true,
  resolution: 1,
  sparse: true,
  allocates: true,
  punches: true,
  seeks: true,
  clones: true,
  largest: Number.MAX_SAFE_INTEGER,
  clock: true,
  restart: true,
};

/** How a suite is registered. */
export interface BehaviourOptions {
  /** Ignore all of it: a permission is missing, say. */
  readonly ignore?: boolean;
  /** What differs from a file system that can do everything. */
  readonly capabilities?: Partial<Capabilities>;
}

/** A rule, and the test of it. */
export interface BehaviourTest {
  /** The rule. */
  readonly name: string;
  /** Ignored where one of these is false. */
  readonly needs?: readonly {
    [K in keyof Capabilities]: Capabilities[K] extends boolean ? K : never;
  }[keyof Capabilities][];
  /** The test. */
  run(fixture: Fixture): Awaitable<void>;
}

/** Registers one rule for one back end. */
export function register(
  suite: string,
  test: BehaviourTest,
  options: BehaviourOptions & { readonly factory: Factory },
): void {
  const can = { ...complete, ...options.capabilities };
  const lacking = test.needs?.some((need) => !can[need]) ?? false;
  Deno.test({
    name: `${suite}: ${test.name}`,
    ignore: options.ignore === true || lacking,
    fn: async () => {
      const subject = await options.factory();
      try {
        await test.run(new Fixture(subject, can));
      } finally {
        await subject.fs.dispose?.();
        await subject[Symbol.asyncDispose]?.();
      }
    },
  });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The bytes of `text`. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Checks that `act` is refused with the {@linkcode FsError} `code`. */
export async function refused(
  code: FsErrorCode,
  act: () => unknown,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    assertEquals(error.code, code);
    return;
  }
  fail(`expected the refusal "${code}"`);
}

/** Whether `a` is before `b`. */
export function earlier(a: Timestamp, b: Timestamp): boolean {
  return a.seconds < b.seconds ||
    (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
}

/** What a test stands on: the file system and short words for its use. */
export class Fixture {
  /** The file system under test. */
  fs: WholeFileSystem;
  /** What it can do. */
  readonly can: Capabilities;
  /** Whom the suite's files belong to. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly #subject: Subject;

  /** Stands on `subject`. */
  constructor(subject: Subject, can: Capabilities) {
    this.fs = subject.fs as WholeFileSystem;
    this.can = can;
    this.owner = subject.owner ?? { uid: 0, gid: 0 };
    this.#subject = subject;
  }

  /** The root folder. */
  get root(): object {
    return this.fs.root();
  }

  /** See {@linkcode Subject.tick}; nothing where the clock can't be moved. */
  async tick(): Promise<void> {
    await this.#subject.tick?.();
  }

  /** Goes on with the same tree after a restart. */
  async reopen(): Promise<void> {
    assert(this.#subject.reopen, "the capability promises reopen()");
    this.fs = await this.#subject.reopen() as WholeFileSystem;
  }

  /** Makes an entry of any kind and returns its node. */
  async make(
    name: string,
    kind: CreateKind,
    options: {
      in?: object | undefined;
      attributes?: Partial<CreateOptions["attributes"]>;
    } = {},
  ): Promise<object> {
    const mode = kind.type === "directory" ? 0o755 : 0o644;
    const attributes = { mode, ...this.owner, ...options.attributes };
    const directory = options.in ?? this.root;
    return (await this.fs.create(directory, name, kind, { attributes })).node;
  }

  /** Makes a file with `content`. */
  async file(name: string, content = "", directory?: object): Promise<object> {
    const node = await this.make(name, { type: "file" }, { in: directory });
    if (content !== "") await this.write(node, content);
    return node;
  }

  /** Makes a folder. */
  folder(name: string, directory?: object): Promise<object> {
    return this.make(name, { type: "directory" }, { in: directory });
  }

  /** Makes a symlink. */
  symlink(name: string, target: string, directory?: object): Promise<object> {
    return this.make(name, { type: "symlink", target }, { in: directory });
  }

  /** Writes text or bytes at `offset`. */
  async write(
    file: object,
    content: string | Uint8Array,
    offset = 0,
  ): Promise<void> {
    const data = typeof content === "string" ? bytes(content) : content;
    await this.fs.write(file, offset, data, "unstable");
  }

  /** `length` bytes from `offset` on, fewer at the end of the file. */
  async read(file: object, offset = 0, length = 65536): Promise<Uint8Array> {
    // Not zeros: those of a hole must come from the back end.
    const target = new Uint8Array(length).fill(0xaa);
    let filled = 0;
    for (;;) {
      const rest = target.subarray(filled);
      const result = await this.fs.read(file, offset + filled, rest);
      filled += result.bytes;
      if (result.eof || filled === length) return target.subarray(0, filled);
      assert(result.bytes > 0, "a read got nothing before the end");
    }
  }

  /** The methods that not every back end has. */
  get ranges(): Required<Ranges> {
    return this.fs as Required<Ranges>;
  }

  /** The content of a short file as text. */
  async text(file: object): Promise<string> {
    return decoder.decode(await this.read(file));
  }

  /** A copy of the attributes: `getattr` may return a live record. */
  async stat(node: object): Promise<FileAttributes> {
    const live = await this.fs.getattr(node);
    const copy = {
      type: live.type,
      mode: live.mode,
      nlink: live.nlink,
      uid: live.uid,
      gid: live.gid,
      size: live.size,
      used: live.used,
      fileid: live.fileid,
      rdev: live.rdev && { ...live.rdev },
      change: live.change,
      atime: { ...live.atime },
      mtime: { ...live.mtime },
      ctime: { ...live.ctime },
      birthtime: live.birthtime && { ...live.birthtime },
    };
    return copy;
  }

  /** The entry `name`, which must be there. */
  async find(name: string, directory: object = this.root): Promise<object> {
    const node = await this.fs.lookup(directory, name);
    assert(node !== undefined, `no entry ${JSON.stringify(name)}`);
    return node;
  }

  /** All names of a folder, in its order, read `limit` entries at a time. */
  async names(directory: object = this.root, limit = 100): Promise<string[]> {
    const names: string[] = [];
    for (let cookie = 0;;) {
      const page = await this.fs.readdir(directory, cookie, limit);
      for (const entry of page.entries) names.push(entry.name);
      if (page.end) return names;
      assert(page.entries.length > 0, "an empty page that is not the end");
      cookie = page.entries[page.entries.length - 1]!.cookie;
    }
  }

  /** A copy of the identity of a node. */
  identity(node: object): Uint8Array {
    return this.fs.identify(node).slice();
  }

  /** Checks that two nodes are the same file. */
  same(a: object, b: object): void {
    assertEquals(this.identity(a), this.identity(b));
  }

  /** Checks that nothing of that name is there. */
  async absent(name: string, directory: object = this.root): Promise<void> {
    assertEquals(await this.fs.lookup(directory, name), undefined);
  }
}
