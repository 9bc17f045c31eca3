import { type Export, hashOf, PSEUDO_ROOT_ID } from "./exports.ts";
import { FsError } from "./errors.ts";
import type {
  DirectoryPage,
  FileAttributes,
  FileSystem,
  FileSystemLimits,
  Timestamp,
} from "./file_system.ts";

/** A folder of the pseudo root: leads to exports, or is where one is mounted. */
export interface PseudoFolder {
  /** Absolute path. */
  readonly path: string;
  /** Its parent; the root's is itself. */
  readonly parent: PseudoFolder;
  /** Entries in the order of their names' appearance. */
  readonly entries: ReadonlyMap<string, PseudoFolder>;
  /** The export that covers the folder. */
  readonly mounted: Export | undefined;
  /** Bytes that name it: made of the path, so that they survive a restart. */
  readonly identity: Uint8Array;
  /** Never changes while the server runs. */
  readonly attributes: FileAttributes;
}

/**
 * The file system in which several exports meet (RFC 8881 7.3): folders that no
 * client can change.
 */
export class PseudoRoot implements FileSystem<PseudoFolder> {
  /** What clients see of a folder is of the server's start. */
  readonly limits: FileSystemLimits = { changeType: "time-metadata" };
  readonly #root: PseudoFolder;
  readonly #byIdentity = new Map<string, PseudoFolder>();

  /** `time`: what the folders' times are. */
  constructor(exports: readonly Export[], time: Timestamp) {
    this.#root = this.#build({ path: "/", exports, time });
  }

  root(): PseudoFolder {
    return this.#root;
  }

  identify(folder: PseudoFolder): Uint8Array {
    return folder.identity;
  }

  resolve(identity: Uint8Array): PseudoFolder {
    const folder = this.#byIdentity.get(identity.join());
    if (folder === undefined) throw new FsError("stale");
    return folder;
  }

  getattr(folder: PseudoFolder): FileAttributes {
    return folder.attributes;
  }

  lookup(folder: PseudoFolder, name: string): PseudoFolder | undefined {
    return folder.entries.get(name);
  }

  parent(folder: PseudoFolder): PseudoFolder {
    return folder.parent;
  }

  readdir(
    folder: PseudoFolder,
    cookie: number,
    limit: number,
  ): DirectoryPage<PseudoFolder> {
    const all = [...folder.entries].map(([name, node], index) => (
      { name, node, attributes: node.attributes, cookie: index + 1 }
    ));
    const entries = all.slice(cookie, cookie + limit);
    return { entries, end: cookie + entries.length >= all.length };
  }

  read(): never {
    throw new FsError("is-directory");
  }

  #build({ path, parent, exports, time }: {
    readonly path: string;
    readonly parent?: PseudoFolder;
    readonly exports: readonly Export[];
    readonly time: Timestamp;
  }): PseudoFolder {
    const hash = hashOf("pseudo", path);
    const entries = new Map<string, PseudoFolder>();
    const mounted = exports.find((one) => one.path === path);
    const names = mounted === undefined ? namesBelow(path, exports) : [];
    const folder: PseudoFolder = {
      path,
      get parent() {
        return parent ?? folder;
      },
      entries,
      mounted,
      identity: new Uint8Array(hash.subarray(0, 8)),
      attributes: {
        type: "directory",
        mode: 0o555,
        nlink: 2 + names.length,
        uid: 0,
        gid: 0,
        size: 4096,
        used: 0,
        fileid: path === "/" ? 1 : hash.readUIntBE(8, 6) + 2,
        // Another set of exports after a restart is a change; a restart is not.
        change: hashOf("entries", names.join("\0")).readUIntBE(0, 6),
        atime: time,
        mtime: time,
        ctime: time,
      },
    };
    this.#byIdentity.set(folder.identity.join(), folder);
    for (const name of names) {
      const below = path === "/" ? `/${name}` : `${path}/${name}`;
      const child = this.#build({
        path: below,
        parent: folder,
        exports: exports.filter((one) =>
          `${one.path}/`.startsWith(`${below}/`)
        ),
        time,
      });
      entries.set(name, child);
    }
    return folder;
  }
}

/** The export that the pseudo root itself is served as. */
export function pseudoExport(fs: PseudoRoot): Export {
  return {
    id: PSEUDO_ROOT_ID,
    path: "/",
    fs: fs as FileSystem,
    fsid: { major: 0, minor: 0 },
    readOnly: true,
    trust: "any",
    squash: "all",
    anonymous: { uid: 65_534, gid: 65_534, gids: [] },
  };
}

function namesBelow(path: string, exports: readonly Export[]): string[] {
  const prefix = path === "/" ? "/" : `${path}/`;
  const names = exports.flatMap((one) =>
    one.path.slice(prefix.length).split("/", 1)
  );
  return [...new Set(names)].sort();
}
