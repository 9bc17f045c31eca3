import { ended } from "../../vfs/ended.ts";
import type {
  FileSystemLimits,
  HostFolder,
  Trust,
} from "../../vfs/file_system.ts";
import { type Sharing, sharing } from "../../vfs/sharing.ts";
import { isSeenWhole } from "./file_system_type.ts";
import type { Host } from "./host.ts";
import { largestFile } from "./largest_file.ts";
import { limitationsOf } from "./limitations.ts";
import { MountWatch } from "./mount_watch.ts";
import type { HostedOptions } from "./options.ts";
import { Store } from "./store.ts";

/** A folder of the host that is served: what it tells of itself, and its end. */
export class HostedFolder {
  /** What the host's calls can do; of the file system below nothing is known. */
  readonly limits: FileSystemLimits;
  /** Owners and modes are the host's own, and guard what others of the host have. */
  readonly trust: Trust = "owner";
  /** The folder itself, for all to see. */
  readonly folder: HostFolder;
  /** What is missing for want of libc, or in the folder's own file system; see `LocalFileSystem`. */
  readonly limitations: readonly string[];
  /** Whether `guard` can be had of any file. */
  readonly canGuard: boolean;
  /** Whether the host keeps extended attributes there. */
  readonly hasXattrs: boolean;
  /** Whether only this server changes files. */
  protected readonly isExclusive: boolean;
  /** What its calls share. */
  protected readonly store: Store;
  readonly #mount: MountWatch;
  #failure: string | undefined;
  /** Whether it was disposed of: it can't be served again. */
  [ended]: boolean = false;
  #disposed: Promise<void> | undefined;

  /** `path` is an existing folder, without symlinks. */
  constructor(host: Host, path: string, options: HostedOptions) {
    this.folder = { path, isShown: true };
    this.store = new Store(host, path, options);
    this.#mount = new MountWatch(path, this.store.clock);
    this.isExclusive = options.exclusive ?? false;
    this.canGuard = this.isExclusive ||
      (host.canWatch && isSeenWhole(path));
    const { timeDelta, rawNames } = host;
    this.limitations = limitationsOf(this.store.tree, path);
    this.limits = {
      timeDelta,
      rawNames,
      // What the host changes twice within a tick of its clock may show once.
      changeType: "time-metadata",
      accessLists: host.hasAccessLists,
      defaultLists: host.hasAccessLists,
      maxFileSize: largestFile(path),
      cloneBlock: host.clones?.block,
    };
    this.hasXattrs = host.xattrs !== undefined;
  }

  /** The descriptors of the process are for all that it serves. */
  get [sharing](): Sharing {
    return { of: "descriptors", among: (count) => this.store.share(count) };
  }

  /** Syncs of the host that failed: what clients wrote and did not commit may be gone. */
  get lostWrites(): number {
    return this.store.files.lostWrites;
  }

  /** Why the host has another file system there than is served, in one line. */
  failure(): string | undefined {
    this.#mount.look((news) => this.#failure = news?.reason);
    return this.#failure;
  }

  /** Makes everything durable and closes what is open. */
  dispose(): Promise<void> {
    this[ended] = true;
    return this.#disposed ??= this.store.dispose();
  }
}
