import type { Awaitable } from "../base/awaitable.ts";
import {
  checkExports,
  type Export,
  PSEUDO_ROOT_ID,
  sameId,
} from "./exports.ts";
import { FsError } from "./errors.ts";
import { type FileRef, HandleCodec, isSameHandle } from "./file_handle.ts";
import type { Timestamp } from "./file_system.ts";
import { HandleCache } from "./handle_cache.ts";
import {
  type AttributeExport,
  attributeExport,
} from "./named_attributes/attribute_export.ts";
import type { AttributeNode } from "./named_attributes/attribute_nodes.ts";
import type { NamedAttributes } from "./named_attributes/named_attributes.ts";
import { pseudoExport, type PseudoFolder, PseudoRoot } from "./pseudo_root.ts";

/** Options of {@linkcode Namespace}. */
export interface NamespaceOptions {
  /** 16 secret bytes; the same ones after a restart keep filehandles good. */
  readonly handleKey: Uint8Array;
  /** Times of the pseudo root's folders; usually the server's start. */
  readonly time: Timestamp;
  /** Filehandles that are remembered at least; 65,536 if left out. */
  readonly rememberedHandles?: number;
}

/** Has the file system of an export asked, now or when it is its turn. */
export type Asking = <T>(
  terms: Export,
  ask: () => Awaitable<T>,
) => Awaitable<T>;

const askAtOnce: Asking = (_, ask) => ask();

/** An export, its files that are known, and where it hangs. */
interface Mount {
  readonly export: Export;
  /** That of the named attributes of its files. */
  readonly attributes: AttributeExport | undefined;
  readonly refs: WeakMap<object, Ref>;
  /** Where it is mounted in the pseudo root. */
  readonly on: PseudoFolder | undefined;
}

/**
 * All that is served, as one tree: the exports, and where there is more than
 * "/" a pseudo root (RFC 8881 7.3) that leads to them. Turns filehandles into
 * files and back.
 */
export class Namespace {
  readonly #codec: HandleCodec;
  readonly #cache: HandleCache<Ref>;
  readonly #mounts = new Map<number, Mount>();
  readonly #top: Mount;

  /** Throws Error when the exports can't be served together. */
  constructor(exports: readonly Export[], options: NamespaceOptions) {
    checkExports(exports);
    this.#codec = new HandleCodec(options.handleKey);
    this.#cache = new HandleCache(options.rememberedHandles ?? 65_536);
    const [first] = exports;
    if (exports.length === 1 && first?.path === "/") {
      this.#top = this.#mount(first);
      return;
    }
    const pseudo = new PseudoRoot(exports, options.time);
    this.#top = this.#mount(pseudoExport(pseudo));
    const visit = (folder: PseudoFolder) => {
      if (folder.mounted !== undefined) this.#mount(folder.mounted, folder);
      folder.entries.forEach(visit);
    };
    visit(pseudo.root());
  }

  /** The root of all that is served. */
  root(): FileRef {
    return this.#rootOf(this.#top);
  }

  /**
   * The file that a filehandle names; `undefined` when we made no such handle.
   * Throws FsError "stale" when the file is gone. A handle that is remembered is not
   * asked after again: what was removed through us is forgotten (see {@linkcode forget}),
   * as is what had the handle before another node; and for the rest the file system
   * itself says "stale" when it is used.
   */
  resolve(handle: Uint8Array): Awaitable<FileRef | undefined> {
    return this.remembered(handle) ?? this.resolveNew(handle, askAtOnce);
  }

  /** The file of a handle that is remembered. */
  remembered(handle: Uint8Array): FileRef | undefined {
    return this.#cache.get(handle);
  }

  /** As {@linkcode resolve}, for a handle that is not remembered; `ask` has its export's file system asked. */
  resolveNew(
    handle: Uint8Array,
    ask: Asking,
  ): Awaitable<FileRef | undefined> {
    const content = this.#codec.decode(handle);
    if (content === undefined) return undefined;
    const mount = this.#mounts.get(content.exportId);
    // We made it, and the export was there then.
    if (mount === undefined) throw new FsError("stale");
    const terms = mount.export;
    const node = ask(terms, () => terms.fs.resolve(content.identity));
    return node instanceof Promise
      ? node.then((node) => this.#remember(mount, node))
      : this.#remember(mount, node);
  }

  /** The file that a node of an export is. */
  refer(terms: Export, node: object): FileRef {
    return this.#refer(this.#mountOf(terms), node);
  }

  /** As {@linkcode refer}, but where an export is mounted on the node, the root of that export. */
  enter(terms: Export, node: object): FileRef {
    if (terms.id === PSEUDO_ROOT_ID) {
      const { mounted } = node as PseudoFolder;
      if (mounted !== undefined) return this.#rootOf(this.#mountOf(mounted));
    }
    return this.refer(terms, node);
  }

  /** As {@linkcode enter}, for a file that is only looked at: one of many, of which none is remembered. */
  glance(terms: Export, node: object): FileRef {
    if (terms.id === PSEUDO_ROOT_ID) return this.enter(terms, node);
    return new Ref(terms, node, this.#encode);
  }

  /** The folder of the named attributes of a file or folder; `undefined` where its export has none. */
  attributeFolder({ export: terms, node }: FileRef): FileRef | undefined {
    const { attributes } = this.#mountOf(terms);
    return attributes && this.refer(attributes, attributes.fs.folderOf(node));
  }

  /** The named attributes of the files of an export, where there are any. */
  attributesOf({ export: terms }: FileRef): NamedAttributes | undefined {
    return this.#mountOf(terms).attributes?.fs;
  }

  /** The file or folder that bears a named attribute, or has the folder of them; `undefined` for all that is neither. */
  bearerOf(file: FileRef): FileRef | undefined {
    const { bearers } = file.export;
    if (bearers === undefined) return undefined;
    const { fs } = this.#mountOf(bearers).attributes!;
    return this.refer(bearers, fs.bearerOf(file.node as AttributeNode));
  }

  /** The parent of a folder; `undefined` above the root of all. */
  parent(file: FileRef): Awaitable<FileRef | undefined> {
    // RFC 8881 18.14.3: of a folder of attributes it is what bears them.
    const bearer = this.bearerOf(file);
    if (bearer !== undefined) return bearer;
    const mount = this.#mountOf(file.export);
    if (this.#isRootOf(mount, file)) {
      return mount.on && this.#refer(this.#top, mount.on.parent);
    }
    const { fs } = file.export;
    const parent = fs.parent(file.node);
    return parent instanceof Promise
      ? parent.then((node) => this.#refer(mount, node))
      : this.#refer(mount, parent);
  }

  /**
   * The number of what the file covers, where it is the root of an export
   * (mounted_on_fileid, RFC 8881 5.8.2.23); otherwise its own, `fileid`.
   */
  mountedOnFileid(file: FileRef, fileid: number): number {
    const mount = this.#mountOf(file.export);
    return mount.on !== undefined && this.#isRootOf(mount, file)
      ? mount.on.attributes.fileid
      : fileid;
  }

  /** The file as each export that shows it has it, as far as it was referred to there. */
  *sightsOf({ export: { fs }, node }: FileRef): Generator<FileRef, void> {
    for (const mount of this.#mounts.values()) {
      const ref = mount.export.fs === fs ? mount.refs.get(node) : undefined;
      if (ref !== undefined) yield ref;
    }
  }

  /** The last name of a file was removed: from now on the file system is asked whether it is still there. */
  forget(file: FileRef): void {
    const ref = this.#mountOf(file.export).refs.get(file.node);
    if (ref === undefined) return;
    ref.isRemoved = true;
    this.#cache.delete(ref);
  }

  #mount(terms: Export, on?: PseudoFolder): Mount {
    const attributes = attributeExport(terms);
    const refs = new WeakMap<object, Ref>();
    const mount = { export: terms, attributes, refs, on };
    this.#add(mount);
    if (attributes !== undefined) {
      this.#add({
        export: attributes,
        attributes: undefined,
        refs: new WeakMap(),
        on: undefined,
      });
    }
    return mount;
  }

  #add(mount: Mount): void {
    const { id, path } = mount.export;
    const former = this.#mounts.get(id)?.export.path;
    if (former !== undefined) throw sameId(former, path);
    this.#mounts.set(id, mount);
  }

  #mountOf(terms: Export): Mount {
    return this.#mounts.get(terms.id)!;
  }

  #rootOf(mount: Mount): Ref {
    return this.#refer(mount, mount.export.fs.root());
  }

  #isRootOf(mount: Mount, file: FileRef): boolean {
    const root = this.#rootOf(mount);
    // A file system may give another object for the same node each time.
    return root === file || isSameHandle(root.handle, file.handle);
  }

  #refer(mount: Mount, node: object): Ref {
    let ref = mount.refs.get(node);
    if (ref === undefined) {
      ref = new Ref(mount.export, node, this.#encode);
      mount.refs.set(node, ref);
    }
    return ref;
  }

  readonly #encode = (ref: Ref): Uint8Array => {
    const { id, fs } = ref.export;
    const handle = this.#codec.encode({
      exportId: id,
      identity: fs.identify(ref.node),
    });
    // Where a host gives inode numbers again, the handle may have been of a file that is gone.
    const former = this.#cache.get(handle);
    if (former !== undefined) this.#cache.delete(former);
    return handle;
  };

  #remember(mount: Mount, node: object): Ref {
    const ref = this.#refer(mount, node);
    if (!ref.isRemoved) this.#cache.add(ref);
    return ref;
  }
}

/** A file, whose filehandle is made when it is asked for. */
class Ref implements FileRef {
  readonly export: Export;
  readonly node: object;
  /** Whether its last name was removed. */
  isRemoved = false;
  readonly #encode: (ref: Ref) => Uint8Array;
  #handle: Uint8Array | undefined;
  #key: string | undefined;

  constructor(
    terms: Export,
    node: object,
    encode: (ref: Ref) => Uint8Array,
  ) {
    this.export = terms;
    this.node = node;
    this.#encode = encode;
  }

  get handle(): Uint8Array {
    return this.#handle ??= this.#encode(this);
  }

  get key(): string {
    return this.#key ??= String.fromCharCode(...this.handle);
  }
}
