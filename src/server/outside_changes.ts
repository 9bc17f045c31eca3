import type { Logger } from "../base/log.ts";
import type { Export } from "../vfs/exports.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import type { Namespace } from "../vfs/namespace.ts";
import type { Callbacks } from "./callbacks.ts";
import type { CheckedFileSystems } from "./file_systems.ts";

/** What {@linkcode OutsideChanges} are made of. */
export interface OutsideChangesOptions {
  readonly fileSystems: CheckedFileSystems;
  readonly namespace: Namespace;
  readonly callbacks: Callbacks;
  /** Told when a file that a file system has changed could not be recalled. */
  readonly log: Logger;
}

/** Changes of files other than over NFS, before which clients return their delegations. */
export class OutsideChanges {
  readonly #options: OutsideChangesOptions;

  constructor(options: OutsideChangesOptions) {
    this.#options = options;
  }

  /** Listens to every file system that tells of such changes. */
  watch(): void {
    const { exports } = this.#options.fileSystems;
    for (const [fs, shown] of Map.groupBy(exports, ({ fs }) => fs)) {
      fs.watch?.((node) => this.#recallHeard(shown, node));
    }
  }

  /** Resolves when no client has a delegation of the file any more, at the latest after the lease time. */
  async recall<Node extends object>(
    fs: FileSystem<Node>,
    node: Node,
  ): Promise<void> {
    const exports = this.#options.fileSystems.exportsOf(fs);
    if (exports.length === 0) {
      throw new TypeError("recall: the server does not serve this file system");
    }
    await this.#recall(exports, node);
  }

  async #recall(exports: readonly Export[], node: object): Promise<void> {
    const { namespace, callbacks } = this.#options;
    const recalled = exports.map((each) => namespace.refer(each, node))
      .map((file) => callbacks.recallFile(file));
    await Promise.all(recalled);
  }

  /** For a file system, which need not wait for the end, nor hear of an error. */
  #recallHeard(exports: readonly Export[], node: object): Promise<void> {
    const recalled = this.#recall(exports, node);
    recalled.catch((error) => {
      this.#options.log.error("a file could not be recalled", { error });
    });
    return recalled;
  }
}
