import { type Clock, systemClock } from "../../../base/clock.ts";
import { abandon } from "../../../vfs/abandoned.ts";
import { soundResults } from "../../../vfs/checks.ts";
import { standsInLine } from "../../../vfs/under_way.ts";
import { ended } from "../../../vfs/ended.ts";
import { FsError } from "../../../vfs/errors.ts";
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
  FileAttributes,
  FileSystem,
  FileSystemLimits,
  FileSystemStatus,
  HostFolder,
  OpenMode,
  ReadResult,
  SetXattrOption,
  Stability,
  Trust,
  WantedAttributes,
} from "../../../vfs/file_system.ts";
import type { JudgedEntry, JudgedRename } from "../../../vfs/judged.ts";
import { type Sharing, sharing } from "../../../vfs/sharing.ts";
import { start } from "../../../vfs/starting.ts";
import type { Rights } from "../../../vfs/wanted.ts";
import { mayCallHost } from "../../common/host_calls.ts";
import { mayAskStatus } from "../file_system_type.ts";
import { NO_GUARD } from "../guards.ts";
import { withoutClone } from "../clone.ts";
import { withoutRanges } from "../ranges.ts";
import { withoutXattrs } from "../xattrs.ts";
import { decodeIdentity, encodeIdentity } from "../node_table.ts";
import { wantedBits } from "./attribute_rows.ts";
import type { SentJudged, SentOptions } from "./calls.ts";
import { CarriedFolder } from "./carried_folder.ts";
import { Crossings } from "./crossings.ts";
import type { ApartNode } from "./known_nodes.ts";
import type { CarryingWorker } from "./line.ts";
import { openWorker } from "./open_worker.ts";
import { receivedAttributes } from "./sent_attributes.ts";
import { receivedPage } from "./sent_pages.ts";

/** What tests replace. */
export interface ApartReplacements {
  /** Opens the worker. */
  readonly open?: () => CarryingWorker;
  /** What the start's time goes by; the machine's clock if left out. */
  readonly clock?: Clock;
}

/**
 * A folder of the host that a worker carries: the thread of the server makes no
 * call of the host for it. The worker begins the calls of a connection in the order
 * in which they are made here.
 */
export class ApartFileSystem implements FileSystem<ApartNode> {
  /** Itself, unless it is a class of others that extends it. */
  readonly [soundResults]: object | undefined;
  /** One worker answers all calls. */
  readonly [standsInLine] = true;
  /** Owners and modes are the host's own, and guard what others of the host have. */
  readonly trust: Trust = "owner";
  /** Whether it was disposed of: it can't be served again. */
  [ended]: boolean = false;
  readonly #directory: string;
  readonly #folder: CarriedFolder;
  readonly #isExclusive: boolean;
  readonly #crossings: Crossings;

  /** Nothing is asked of the host before it is started. */
  constructor(
    directory: string,
    options: SentOptions,
    { open = openWorker, clock = systemClock }: ApartReplacements = {},
  ) {
    this[soundResults] = new.target === ApartFileSystem ? this : undefined;
    this.#directory = directory;
    this.#crossings = new Crossings(clock);
    const { durability, exclusive, ffi, maxDescriptors } = options;
    this.#folder = new CarriedFolder({
      directory,
      options: { durability, exclusive, ffi, maxDescriptors },
      open,
      clock,
    });
    this.#isExclusive = exclusive ?? false;
    if (ffi === false || !mayCallHost()) withoutRanges(this);
    if (!mayAskStatus()) {
      Object.defineProperty(this, "status", { value: undefined });
    }
  }

  /** Opens the folder; rejects with one line for the user where it can't be served. */
  async [start](): Promise<Disposable> {
    // One that has ended is refused by that.
    if (this[ended]) return new DisposableStack();
    const claim = await this.#folder.claim();
    const { hasXattrs, limits } = this.#folder.told!;
    if (!hasXattrs) withoutXattrs(this);
    if (limits.cloneBlock === undefined) withoutClone(this);
    return claim;
  }

  /** The host does not answer, and is not waited for. */
  [abandon](): void {
    this.#folder.abandon();
  }

  /** What the host's calls can do; nothing is known of that before the start. */
  get limits(): FileSystemLimits {
    return this.#folder.told?.limits ?? {};
  }

  /** The folder itself, for all to see. */
  get folder(): HostFolder {
    return this.#folder.told?.folder ??
      { path: this.#directory, isShown: true };
  }

  /** What is missing; see `LocalFileSystem`. */
  get limitations(): readonly string[] {
    return this.#folder.told?.limitations ?? [];
  }

  /** Syncs of the host that failed: what clients wrote and did not commit may be gone. */
  get lostWrites(): number {
    return this.#folder.lostWrites;
  }

  /** The descriptors of the process are for all that it serves. */
  get [sharing](): Sharing {
    return { of: "descriptors", among: (count) => this.#folder.share(count) };
  }

  /** Why every call is "io": the worker has ended, or the host is gone. */
  failure(): string | undefined {
    return this.#folder.failure();
  }

  root(): ApartNode {
    return this.#folder.root;
  }

  identify({ identity }: ApartNode): Uint8Array {
    if (identity === undefined) throw new FsError("busy", "not started yet");
    return encodeIdentity(identity);
  }

  /** The root is itself also where another one is mounted in its place: clients begin there. */
  resolve(identity: Uint8Array): Promise<ApartNode> {
    if (this.#isOfRoot(identity)) return Promise.resolve(this.root());
    // A view is sent with all that it is a view of.
    return this.#folder.call("resolve", [identity.slice()]).then((sent) =>
      this.#folder.nodes.receive(sent)
    );
  }

  getattr(
    { number }: ApartNode,
    wanted?: WantedAttributes,
  ): Promise<FileAttributes> {
    return this.#folder.call("getattr", [number, wantedBits(wanted)])
      .then(receivedAttributes);
  }

  lookup(directory: ApartNode, name: string): Promise<ApartNode | undefined> {
    return this.#folder.call("lookup", [directory.number, name]).then((sent) =>
      sent && this.#folder.nodes.receive(sent)
    );
  }

  parent(directory: ApartNode): Promise<ApartNode> {
    return this.#folder.call("parent", [directory.number]).then((sent) =>
      this.#folder.nodes.receive(sent)
    );
  }

  readdir(
    directory: ApartNode,
    cookie: number,
    limit: number,
    wanted?: WantedAttributes,
  ): Promise<DirectoryPage<ApartNode>> {
    const bits = wantedBits(wanted);
    return this.#folder.call("readdir", [directory.number, cookie, limit, bits])
      .then((page) =>
        receivedPage(page, (sent) => this.#folder.nodes.receive(sent))
      );
  }

  /** Fills the target from memory that the worker has given away. */
  read(
    file: ApartNode,
    offset: number,
    target: Uint8Array,
  ): Promise<ReadResult> {
    const { length } = target;
    return this.#crossings.run(
      length,
      () =>
        this.#folder.call("read", [file.number, offset, length])
          .then(({ data, eof }) => {
            target.set(data);
            return { bytes: data.length, eof };
          }),
    );
  }

  readlink(symlink: ApartNode): Promise<string> {
    return this.#folder.call("readlink", [symlink.number]);
  }

  status(): Promise<FileSystemStatus> {
    return this.#folder.call("status", []);
  }

  open(file: ApartNode, mode: OpenMode): Promise<void> {
    return this.#folder.call("open", [file.number, mode]);
  }

  close(file: ApartNode, mode: OpenMode): Promise<void> {
    return this.#folder.call("close", [file.number, mode]);
  }

  setattr(
    node: ApartNode,
    changes: AttributeChanges,
    judged?: Rights,
  ): Promise<void> {
    return this.#folder.call("setattr", [node.number, changes, judged]);
  }

  /** The worker is given a copy: the request's memory is the server's. */
  write(
    file: ApartNode,
    offset: number,
    data: Uint8Array,
    stability: Stability,
  ): Promise<Stability> {
    return this.#crossings.run(data.length, () => {
      const own = new Uint8Array(data);
      return this.#folder.call(
        "write",
        [file.number, offset, own, stability],
        own.buffer,
      );
    });
  }

  allocate(file: ApartNode, offset: number, length: number): Promise<void> {
    return this.#folder.call("allocate", [file.number, offset, length]);
  }

  deallocate(file: ApartNode, offset: number, length: number): Promise<void> {
    return this.#folder.call("deallocate", [file.number, offset, length]);
  }

  clone(
    source: ApartNode,
    target: ApartNode,
    range: CloneRange,
  ): Promise<void> {
    return this.#folder.call("clone", [source.number, target.number, range]);
  }

  seek(
    file: ApartNode,
    offset: number,
    what: ContentKind,
  ): Promise<number | undefined> {
    return this.#folder.call("seek", [file.number, offset, what]);
  }

  getxattr(
    { number }: ApartNode,
    name: string,
  ): Promise<Uint8Array | undefined> {
    return this.#folder.call("getxattr", [number, name]);
  }

  listxattrs({ number }: ApartNode): Promise<readonly string[]> {
    return this.#folder.call("listxattrs", [number]);
  }

  /** The worker is given a copy: a view is sent with all that it is a view of. */
  setxattr(
    { number }: ApartNode,
    name: string,
    value: Uint8Array,
    option: SetXattrOption,
    judged?: Rights,
  ): Promise<ChangeInfo> {
    const own = new Uint8Array(value);
    const args = [number, name, own, option, judged] as const;
    return this.#folder.call("setxattr", [...args], own.buffer);
  }

  removexattr(
    { number }: ApartNode,
    name: string,
    judged?: Rights,
  ): Promise<ChangeInfo> {
    return this.#folder.call("removexattr", [number, name, judged]);
  }

  commit(file: ApartNode): Promise<void> {
    return this.#folder.call("commit", [file.number]);
  }

  create(
    directory: ApartNode,
    name: string,
    kind: CreateKind,
    { verifier, ...options }: CreateOptions,
  ): Promise<Created<ApartNode>> {
    const own = { ...options, verifier: verifier?.slice() };
    return this.#folder.call("create", [directory.number, name, kind, own])
      .then(({ node, ...created }) => ({
        ...created,
        node: this.#folder.nodes.receive(node),
      }));
  }

  link(
    node: ApartNode,
    directory: ApartNode,
    name: string,
    judged?: Rights,
  ): Promise<ChangeInfo> {
    const numbers = [node.number, directory.number] as const;
    return this.#folder.call("link", [...numbers, name, judged]);
  }

  remove(
    directory: ApartNode,
    name: string,
    judged?: JudgedEntry<ApartNode>,
  ): Promise<ChangeInfo> {
    const sent = judged && sentJudged(judged);
    return this.#folder.call("remove", [directory.number, name, sent]);
  }

  rename(
    from: DirectoryName<ApartNode>,
    to: DirectoryName<ApartNode>,
    judged?: JudgedRename<ApartNode>,
  ): Promise<{ readonly source: ChangeInfo; readonly target: ChangeInfo }> {
    return this.#folder.call("rename", [
      { directory: from.directory.number, name: from.name },
      { directory: to.directory.number, name: to.name },
      judged && { from: sentJudged(judged.from), to: sentJudged(judged.to) },
    ]);
  }

  watch(recall: (node: ApartNode) => Promise<void>): void {
    this.#folder.watch(recall);
  }

  guard(file: ApartNode): Disposable | undefined {
    return this.#isExclusive ? NO_GUARD : this.#folder.guard(file);
  }

  /** What the host's programs do to the entries of a folder is not seen. */
  guardFolder(): Disposable | undefined {
    return this.#isExclusive ? NO_GUARD : undefined;
  }

  /** Makes everything durable and ends the worker. */
  dispose(): Promise<void> {
    this[ended] = true;
    return this.#folder.dispose();
  }

  #isOfRoot(identity: Uint8Array): boolean {
    const { inode, tag } = decodeIdentity(identity) ?? {};
    const own = this.root().identity;
    return own !== undefined && own.inode === inode && own.tag === tag;
  }
}

function sentJudged(
  { folder, node, rights }: JudgedEntry<ApartNode>,
): SentJudged {
  return { folder, node: node?.number, rights };
}
