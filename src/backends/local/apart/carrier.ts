import { FsError } from "../../../vfs/errors.ts";
import { sharing } from "../../../vfs/sharing.ts";
import type { ReadResult } from "../../../vfs/file_system.ts";
import type { JudgedEntry } from "../../../vfs/judged.ts";
import type { HostedFileSystem } from "../hosted_file_system.ts";
import type { LocalNode } from "../node.ts";
import { decodeIdentity, encodeIdentity } from "../node_table.ts";
import { WantedByBits } from "./attribute_rows.ts";
import type {
  Calls,
  Notice,
  SentContent,
  SentJudged,
  SentNode,
  SentPast,
} from "./calls.ts";
import { HeldNodes } from "./held_nodes.ts";
import { sentAttributes } from "./sent_attributes.ts";
import { sentPage } from "./sent_pages.ts";

/** How each call is carried out. */
type Carried = {
  readonly [M in Exclude<keyof Calls, "start">]: (
    ...args: Parameters<Calls[M]>
  ) => ReturnType<Calls[M]> | Promise<ReturnType<Calls[M]>>;
};

/** Has each number of 32 bits give another one. */
const ODD = 0x9e3779b1;

/** Carries out in a worker what the server's side asks of a folder. */
export class Carrier {
  readonly #fs: HostedFileSystem;
  readonly #nodes: HeldNodes<LocalNode>;
  /** Tells its identities from those of the workers before it: 0 of the first. */
  readonly #mark: number;
  readonly #wanted = new WantedByBits();
  readonly #guards = new Map<number, Disposable>();
  readonly #recall: (file: number) => void;

  /** `recall` is told the number of a file that the host has changed. */
  constructor(
    fs: HostedFileSystem,
    { past, recall }: {
      readonly past: SentPast;
      readonly recall: (file: number) => void;
    },
  ) {
    this.#fs = fs;
    this.#nodes = new HeldNodes(fs.root(), past.last);
    this.#mark = Math.imul(past.workers, ODD) >>> 0;
    this.#recall = recall;
    fs.watch((node) => {
      const number = this.#nodes.numberOf(node);
      if (number !== undefined) recall(number);
      // The host does not wait for clients.
      return Promise.resolve();
    });
  }

  /** Syncs of the host that failed. */
  get lostWrites(): number {
    return this.#fs.lostWrites;
  }

  /** The root, whose number is 0. */
  root(): SentNode {
    return this.#send(this.#fs.root());
  }

  /** What is not answered. */
  hear(notice: Notice): void {
    if ("guard" in notice) this.#guard(notice.guard, notice.file);
    else if ("unguard" in notice) {
      this.#guards.get(notice.unguard)?.[Symbol.dispose]();
      this.#guards.delete(notice.unguard);
    } else if ("sharers" in notice) this.#fs[sharing].among(notice.sharers);
    else {
      const { released } = notice;
      for (let i = 0; i < released.length; i += 2) {
        this.#nodes.release(released[i]!, released[i + 1]!);
      }
    }
  }

  /** Those of one connection are begun in the order in which they come: what the folder does at once is done by then. */
  readonly calls: Carried = {
    resolve: async (identity) => {
      const decoded = decodeIdentity(identity);
      if (decoded === undefined) throw new FsError("stale");
      const { inode, tag } = decoded;
      const own = encodeIdentity({ inode, tag: this.#marked(tag) });
      return this.#send(await this.#fs.resolve(own));
    },
    getattr: (node, wanted) => {
      const given = this.#fs.getattr(this.#of(node), this.#wanted.of(wanted));
      return given instanceof Promise
        ? given.then(sentAttributes)
        : sentAttributes(given);
    },
    lookup: (directory, name) => {
      const found = this.#fs.lookup(this.#of(directory), name);
      const send = (node: LocalNode | undefined) => node && this.#send(node);
      return found instanceof Promise ? found.then(send) : send(found);
    },
    parent: async (directory) =>
      this.#send(await this.#fs.parent(this.#of(directory))),
    readdir: async (directory, cookie, limit, wanted) => {
      const page = await this.#fs.readdir(
        this.#of(directory),
        cookie,
        limit,
        this.#wanted.of(wanted),
      );
      return sentPage(page, this.#sendListed);
    },
    read: (file, offset, length) => {
      const target = new Uint8Array(length);
      const content = ({ bytes, eof }: ReadResult): SentContent => ({
        data: bytes < length ? target.slice(0, bytes) : target,
        eof,
      });
      const read = this.#fs.read(this.#of(file), offset, target);
      return read instanceof Promise ? read.then(content) : content(read);
    },
    readlink: (symlink) => this.#fs.readlink(this.#of(symlink)),
    status: () => this.#fs.status(),
    open: (file, mode) => this.#fs.open(this.#of(file), mode),
    close: (file, mode) => {
      const node = this.#nodes.find(file);
      // What an earlier worker had open has ended with that.
      if (node !== undefined) this.#fs.close(node, mode);
    },
    setattr: (node, changes, judged) =>
      this.#fs.setattr(this.#of(node), changes, judged),
    write: (file, offset, data, stability) =>
      this.#fs.write(this.#of(file), offset, data, stability),
    allocate: (file, offset, length) =>
      this.#fs.allocate(this.#of(file), offset, length),
    deallocate: (file, offset, length) =>
      this.#fs.deallocate(this.#of(file), offset, length),
    clone: (source, target, range) =>
      this.#clones.clone(this.#of(source), this.#of(target), range),
    seek: (file, offset, what) => this.#fs.seek(this.#of(file), offset, what),
    getxattr: (node, name) => this.#xattrs.getxattr(this.#of(node), name),
    listxattrs: (node) => this.#xattrs.listxattrs(this.#of(node)),
    setxattr: (node, name, value, option, judged) =>
      this.#xattrs.setxattr(this.#of(node), name, value, option, judged),
    removexattr: (node, name, judged) =>
      this.#xattrs.removexattr(this.#of(node), name, judged),
    commit: (file) => this.#fs.commit(this.#of(file)),
    create: async (directory, name, kind, options) => {
      const { node, change, created } = await this.#fs.create(
        this.#of(directory),
        name,
        kind,
        options,
      );
      return { node: this.#send(node), change, created };
    },
    link: (node, directory, name, judged) =>
      this.#fs.link(this.#of(node), this.#of(directory), name, judged),
    remove: (directory, name, judged) =>
      this.#fs.remove(
        this.#of(directory),
        name,
        judged && this.#judged(judged),
      ),
    rename: (from, to, judged) =>
      this.#fs.rename(
        { directory: this.#of(from.directory), name: from.name },
        { directory: this.#of(to.directory), name: to.name },
        judged &&
          { from: this.#judged(judged.from), to: this.#judged(judged.to) },
      ),
    dispose: () => this.#fs.dispose(),
  };

  /** What is mounted anew may be without what the first had. */
  get #clones(): HostedFileSystem {
    if (this.#fs.limits.cloneBlock !== undefined) return this.#fs;
    throw new FsError("not-supported");
  }

  /** The same of these. */
  get #xattrs(): HostedFileSystem {
    if (this.#fs.hasXattrs) return this.#fs;
    throw new FsError("not-supported");
  }

  #of(number: number): LocalNode {
    return this.#nodes.of(number);
  }

  #judged({ folder, node, rights }: SentJudged): JudgedEntry<LocalNode> {
    return {
      folder,
      node: node === undefined ? undefined : this.#of(node),
      rights,
    };
  }

  #send(node: LocalNode): SentNode {
    const { inode, tag } = decodeIdentity(this.#fs.identify(node))!;
    return [this.#nodes.send(node), inode, this.#marked(tag)];
  }

  /** A tag with this worker's mark, of one without it, and the other way. */
  #marked(tag: number): number {
    return (tag ^ this.#mark) >>> 0;
  }

  /** What has gone since it was listed is for the server to look up. */
  readonly #sendListed = (node: LocalNode): SentNode | undefined => {
    try {
      return this.#send(node);
    } catch {
      return undefined;
    }
  };

  #guard(guard: number, file: number): void {
    const watched = this.#fs.guard(this.#of(file));
    // It was trusted to be watched: what can't be is asked back.
    if (watched === undefined) this.#recall(file);
    else this.#guards.set(guard, watched);
  }
}
