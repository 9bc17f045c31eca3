import {
  type Awaitable,
  type Steps,
  take,
  wait,
} from "../../base/awaitable.ts";
import { LoopTurn, type Turn } from "../../base/turn.ts";
import { FsError, type FsErrorCode } from "../errors.ts";
import { isSameHandle, MAX_IDENTITY } from "../file_handle.ts";
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
  FileSystemStatus,
  ReadResult,
  Stability,
} from "../file_system.ts";
import type { JudgedEntry, JudgedRename } from "../judged.ts";
import { type Rights, rightsAnd } from "../wanted.ts";
import { listedAfter } from "../xattr_list.ts";
import { MAX_XATTR_NAME } from "../xattrs.ts";
import {
  attributeIdentity,
  digestOf,
  fileidOf,
  NAME_DIGEST,
} from "./attribute_identity.ts";
import {
  AttributeFolder,
  type AttributeNode,
  NamedAttribute,
} from "./attribute_nodes.ts";
import { rightsToAttribute, rightsToFolder } from "./attribute_rights.ts";
import { AttributeContent } from "./attribute_content.ts";
import { isAttributeName, isPart, MAX_ATTRIBUTE } from "./attribute_parts.ts";
import { HeldAttributes } from "./held_attributes.ts";
import { joined } from "./joined_changes.ts";
import { AttributeStore, type BearingFileSystem } from "./attribute_store.ts";

/** What of a bearer its attributes are told from. */
const OF_BEARER = rightsAnd("change", "ctime", "birthtime");

/** What changes attributes, of which there is nothing where extended ones can't be changed. */
const CHANGING = [
  "create",
  "remove",
  "rename",
  "link",
  "write",
  "setattr",
] as const;

/**
 * The extended attributes of another file system as named ones (RFC 8881 5.3): of
 * each file and folder a folder of files. They have no place of their own: what they
 * are is looked up when it is asked for, and written by setting it.
 */
export class NamedAttributes implements FileSystem<AttributeNode> {
  readonly limits: FileSystemLimits;
  readonly #fs: BearingFileSystem;
  readonly #folders = new WeakMap<object, AttributeFolder>();
  readonly #store: AttributeStore;
  readonly #content: AttributeContent;
  readonly #held = new HeldAttributes();

  /** Those of what `fs` has; `turn` rations what is about many bytes. */
  constructor(fs: BearingFileSystem, turn: Turn = new LoopTurn()) {
    this.#fs = fs;
    this.#store = new AttributeStore(fs, turn);
    this.#content = new AttributeContent(this.#store);
    this.limits = {
      maxName: MAX_XATTR_NAME,
      maxFileSize: MAX_ATTRIBUTE,
      hasQuota: fs.limits?.hasQuota,
      changeType: fs.limits?.changeType,
      timeDelta: fs.limits?.timeDelta,
    };
    const missing: (keyof FileSystem)[] = [];
    if (fs.setxattr === undefined || fs.removexattr === undefined) {
      missing.push(...CHANGING);
    }
    if (fs.settle === undefined) missing.push("settle");
    if (fs.status === undefined) missing.push("status");
    for (const name of missing) {
      Object.defineProperty(this, name, { value: undefined });
    }
  }

  /** The folder of the attributes of a file or folder. */
  folderOf(bearer: object): AttributeFolder {
    let folder = this.#folders.get(bearer);
    if (folder === undefined) {
      this.#folders.set(bearer, folder = new AttributeFolder(bearer));
    }
    return folder;
  }

  /** The file or folder whose attribute, or folder of attributes, this is. */
  bearerOf(node: AttributeNode): object {
    return node instanceof NamedAttribute ? node.folder.bearer : node.bearer;
  }

  /**
   * Sets or removes an extended attribute as a whole, which `act` does: what there was
   * of it behind its first part is removed as well.
   */
  changeWhole(
    bearer: object,
    name: string,
    act: () => Awaitable<ChangeInfo>,
  ): Awaitable<ChangeInfo> {
    if (this.#fs.removexattr === undefined) return act();
    const attribute = new NamedAttribute(this.folderOf(bearer), name);
    const content = this.#content;
    return this.#store.change(attribute.folder, function* () {
      const change = yield* wait(act());
      return joined(change, yield* content.removeBehind(attribute));
    });
  }

  root(): AttributeFolder {
    return this.folderOf(this.#fs.root());
  }

  identify(node: AttributeNode): Uint8Array {
    const bearer = this.#fs.identify(this.bearerOf(node));
    return node instanceof NamedAttribute
      ? attributeIdentity(bearer, node.name)
      : bearer;
  }

  resolve(identity: Uint8Array): Awaitable<AttributeNode> {
    return take(this.#resolve(identity));
  }

  *#resolve(identity: Uint8Array): Steps<AttributeNode> {
    const held = this.#held.find(identity);
    if (held !== undefined) return held;
    const ofBearer = identity.length > MAX_IDENTITY
      ? identity.slice(0, -NAME_DIGEST)
      : identity;
    const folder = this.folderOf(yield* wait(this.#fs.resolve(ofBearer)));
    if (ofBearer === identity) return folder;
    const digest = identity.subarray(ofBearer.length);
    const isIt = (name: string) =>
      digestOf(name).every((byte, i) => byte === digest[i]);
    const name = (yield* this.#namesIn(folder)).find(isIt);
    if (name === undefined) throw new FsError("stale");
    return new NamedAttribute(folder, name);
  }

  getattr(node: AttributeNode): Awaitable<FileAttributes> {
    return take(this.#attributesOf(node));
  }

  *#attributesOf(node: AttributeNode): Steps<FileAttributes> {
    const bearer = yield* wait(
      this.#fs.getattr(this.bearerOf(node), OF_BEARER),
    );
    const { change, ctime, birthtime } = bearer;
    const rights = node instanceof NamedAttribute
      ? rightsToAttribute(bearer)
      : rightsToFolder(bearer);
    const size = node instanceof NamedAttribute
      ? yield* this.#content.size(node)
      : 0;
    return {
      ...rights,
      nlink: node instanceof NamedAttribute ? 1 : 2,
      size,
      used: size,
      fileid: fileidOf(this.identify(node)),
      // Grows with each change of any of them, for they are its bearer's.
      change,
      atime: ctime,
      mtime: ctime,
      ctime,
      birthtime,
    };
  }

  lookup(
    folder: AttributeNode,
    name: string,
  ): Awaitable<NamedAttribute | undefined> {
    const found = new NamedAttribute(asFolder(folder), name);
    if (isPart(name)) return undefined;
    const value = this.#fs.getxattr(found.folder.bearer, name);
    return value instanceof Promise
      ? value.then((value) => value && found)
      : value && found;
  }

  /** Never asked: above a folder of attributes is what bears them (see `Namespace.parent`). */
  parent(): never {
    throw new FsError("not-found");
  }

  readdir(
    node: AttributeNode,
    cookie: number,
    limit: number,
  ): Awaitable<DirectoryPage<AttributeNode>> {
    return take(this.#readdir(asFolder(node), cookie, limit));
  }

  *#readdir(
    folder: AttributeFolder,
    after: number,
    limit: number,
  ): Steps<DirectoryPage<AttributeNode>> {
    const listed = listedAfter(yield* this.#namesIn(folder), after);
    const entries = listed.slice(0, limit).map(({ name, cookie }) => (
      { name, cookie, node: new NamedAttribute(folder, name) }
    ));
    return { entries, end: entries.length === listed.length };
  }

  read(
    node: AttributeNode,
    offset: number,
    target: Uint8Array,
  ): Awaitable<ReadResult> {
    return take(this.#content.read(asAttribute(node), offset, target));
  }

  write(
    node: AttributeNode,
    offset: number,
    data: Uint8Array,
  ): Awaitable<Stability> {
    const attribute = asAttribute(node);
    const content = this.#content;
    return this.#store.change(attribute.folder, function* (): Steps<Stability> {
      yield* content.write(attribute, offset, data);
      return "file";
    });
  }

  setattr(
    node: AttributeNode,
    { size, mode, uid, gid }: AttributeChanges,
    judged?: Rights,
  ): Awaitable<void> {
    // Its rights are those of its bearer.
    if (node instanceof AttributeFolder) throw new FsError("permission");
    const { folder } = node;
    const [store, content] = [this.#store, this.#content];
    return store.change(folder, function* () {
      const ofBearer = yield* store.judge(folder, judged);
      const now = ofBearer && rightsToAttribute(ofBearer);
      const isOther = now !== undefined &&
        ((mode ?? now.mode) !== now.mode || (uid ?? now.uid) !== now.uid ||
          (gid ?? now.gid) !== now.gid);
      if (isOther) throw new FsError("permission");
      // Its times are not its own either: they are taken, and not kept.
      if (size === undefined) return;
      yield* content.resize(node, size, ofBearer);
    });
  }

  create(
    node: AttributeNode,
    name: string,
    { type }: CreateKind,
    { attributes: { size = 0 }, verifier, judged }: CreateOptions,
  ): Awaitable<Created<AttributeNode>> {
    const folder = asFolder(node);
    // What is ours alone is no client's to make.
    if (isPart(name)) throw new FsError("permission");
    // RFC 8881 5.3: no hierarchy, and nothing but streams of bytes.
    if (type !== "file") throw new FsError("wrong-type");
    // RFC 8881 18.16.3: an exclusive create is not supported.
    if (verifier !== undefined) throw new FsError("invalid");
    const [store, content] = [this.#store, this.#content];
    return store.change(folder, function* () {
      const ofBearer = yield* store.judge(folder, judged);
      const made = new NamedAttribute(folder, name);
      const change = yield* content.create(made, size, ofBearer);
      return { node: made, change, created: true };
    });
  }

  /** Its filehandle is good until it is closed, so that it can be: also where its name is gone. */
  open(node: AttributeNode): void {
    this.#held.open(this.identify(node), asAttribute(node));
  }

  /** Ends one {@linkcode open}. */
  close(node: AttributeNode): void {
    this.#held.close(this.identify(node));
  }

  /** RFC 8881 18.9.3: no attribute has a second name. */
  link(node: AttributeNode, directory: AttributeNode): never {
    const isWithin = node instanceof NamedAttribute &&
      this.#haveSameBearer(node, directory);
    throw new FsError(isWithin ? "not-supported" : "cross-device");
  }

  remove(
    node: AttributeNode,
    name: string,
    judged?: JudgedEntry<AttributeNode>,
  ): Awaitable<ChangeInfo> {
    const folder = asFolder(node);
    const [store, content] = [this.#store, this.#content];
    return store.change(folder, function* () {
      const ofBearer = yield* store.judge(folder, judged?.folder);
      return yield* content.remove(new NamedAttribute(folder, name), ofBearer);
    });
  }

  /** By several changes: a crash between them may leave both names. */
  rename(
    from: DirectoryName<AttributeNode>,
    to: DirectoryName<AttributeNode>,
    judged?: JudgedRename<AttributeNode>,
  ): Awaitable<{ readonly source: ChangeInfo; readonly target: ChangeInfo }> {
    const folder = asFolder(from.directory);
    if (isPart(to.name)) throw new FsError("permission");
    // RFC 8881 5.3, 18.26.3
    if (!this.#haveSameBearer(folder, to.directory)) {
      throw new FsError("cross-device");
    }
    const [store, content] = [this.#store, this.#content];
    return store.change(folder, function* () {
      const ofBearer = yield* store.judge(folder, judged?.from.folder);
      const old = new NamedAttribute(folder, from.name);
      const made = new NamedAttribute(folder, to.name);
      const change = yield* content.move(old, made, ofBearer);
      return { source: change, target: change };
    });
  }

  /** Nothing of it is delegated: its bearer is, and may be changed by that. */
  guard(): undefined {}

  /** As {@linkcode guard}. */
  guardFolder(): undefined {}

  status(): Awaitable<FileSystemStatus> {
    return this.#fs.status!();
  }

  settle(): Awaitable<void> {
    return this.#fs.settle!();
  }

  get unsettled(): number | undefined {
    return this.#fs.unsettled;
  }

  get losses(): number | undefined {
    return this.#fs.losses;
  }

  get loss(): FsErrorCode | undefined {
    return this.#fs.loss;
  }

  get lostWrites(): number | undefined {
    return this.#fs.lostWrites;
  }

  failure(): string | undefined {
    return this.#fs.failure?.();
  }

  *#namesIn({ bearer }: AttributeFolder): Steps<string[]> {
    return (yield* wait(this.#store.names(bearer))).filter(isAttributeName);
  }

  /** A file system may give another object for the same node each time. */
  #haveSameBearer(one: AttributeNode, other: AttributeNode): boolean {
    const [a, b] = [one, other].map((node) => this.bearerOf(node));
    return a === b ||
      isSameHandle(this.#fs.identify(a!), this.#fs.identify(b!));
  }
}

/** Throws "not-directory" for what is none; it is the current filehandle that says so. */
function asFolder(node: AttributeNode): AttributeFolder {
  if (node instanceof AttributeFolder) return node;
  throw new FsError("not-directory");
}

function asAttribute(node: AttributeNode): NamedAttribute {
  if (node instanceof NamedAttribute) return node;
  throw new FsError("is-directory");
}
