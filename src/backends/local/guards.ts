import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/timers.ts";
import type { Turn } from "../../base/turn.ts";
import type { FileWatch } from "./inotify.ts";
import type { HostStat } from "./host.ts";
import type { LocalNode } from "./node.ts";

/** Files that are watched at most; the kernel needs about 1 KiB for each. */
const MAX_GUARDED = 16_384;
/** Milliseconds in which what happens to a file is taken together. */
export const PAUSE = 20;

/** Where only this server changes files. */
export const NO_GUARD: Disposable = { [Symbol.dispose]: () => {} };

/** A file that clients are trusted with. */
interface Guarded {
  readonly node: LocalNode;
  readonly watch: number;
  /** How many ask for it. */
  users: number;
  /** Writes of ours that are going on. */
  writes: number;
  /** Descriptors of ours that could write and were closed when it was looked at last. */
  closed: number;
  /** The file after our last change, or the host's. */
  stat: HostStat;
}

/** What {@linkcode Guards} need of a file system. */
export interface GuardsOptions {
  /** Opened when the first file is guarded; `undefined` where the host can't watch. */
  readonly open: () => FileWatch | undefined;
  /** Runs `act` with a path to the very file. */
  readonly exactly: <T>(
    node: LocalNode,
    act: (path: string) => T,
  ) => T;
  /** What the file looks like now. */
  readonly stat: (node: LocalNode) => HostStat;
  /** What its pauses go by. */
  readonly clock: Clock;
  /** Bounds the looks that are taken at once, where all files have to be looked at. */
  readonly turn: Turn;
}

/**
 * Watches files that a client has a delegation of for what the host's own
 * programs do to them (RFC 8881 10.4): each by itself, whatever its names. What
 * we do ourselves is told apart by what the file looked like after it.
 */
export class Guards {
  readonly #options: GuardsOptions;
  readonly #byNode = new Map<LocalNode, Guarded>();
  readonly #byWatch = new Map<number, Guarded>();
  readonly #recalls: ((node: LocalNode) => Promise<void>)[] = [];
  #watch: FileWatch | undefined;
  #running: Promise<void> | undefined;
  #isDisposed = false;

  constructor(options: GuardsOptions) {
    this.#options = options;
  }

  /** `recall` is to be called when the host changes a guarded file. */
  tell(recall: (node: LocalNode) => Promise<void>): void {
    this.#recalls.push(recall);
  }

  /** Watches a file until that is disposed of; `undefined` where it can't be watched. */
  guard(node: LocalNode): Disposable | undefined {
    const guarded = this.#byNode.get(node) ?? this.#begin(node);
    if (guarded === undefined) return undefined;
    guarded.users++;
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        if (--guarded.users === 0) this.#end(guarded);
      },
    };
  }

  /** We changed a file. */
  changed(node: LocalNode): void {
    const guarded = this.#byNode.get(node);
    if (guarded !== undefined) this.#look(guarded);
  }

  /** We begin to write to a file, and are not done at once. */
  async during<T>(node: LocalNode, writing: Promise<T>): Promise<T> {
    const guarded = this.#byNode.get(node);
    if (guarded === undefined) return await writing;
    guarded.writes++;
    try {
      return await writing;
    } finally {
      guarded.writes--;
      this.#look(guarded);
    }
  }

  /** Ends all guards, and the watch. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    for (const guarded of this.#byNode.values()) this.#end(guarded);
    await this.#running;
    this.#watch?.close();
    this.#watch = undefined;
  }

  #begin(node: LocalNode): Guarded | undefined {
    if (this.#isDisposed || this.#byNode.size >= MAX_GUARDED) return undefined;
    try {
      this.#watch ??= this.#options.open();
      const files = this.#watch;
      if (files === undefined) return undefined;
      const watch = this.#options.exactly(node, (path) => files.add(path));
      if (watch === undefined) return undefined;
      const stat = this.#options.stat(node);
      const { closed } = node;
      const guarded = { node, watch, users: 0, writes: 0, closed, stat };
      this.#byNode.set(node, guarded);
      node.isGuarded = true;
      this.#byWatch.set(watch, guarded);
      this.#running ??= this.#run();
      return guarded;
    } catch {
      // It has moved, or is gone: no time to trust a client with it.
      return undefined;
    }
  }

  #end(guarded: Guarded): void {
    if (this.#byNode.get(guarded.node) !== guarded) return;
    this.#byNode.delete(guarded.node);
    guarded.node.isGuarded = false;
    this.#byWatch.delete(guarded.watch);
    // The wait for events is ended by that.
    this.#watch?.remove(guarded.watch);
  }

  async #run(): Promise<void> {
    const { turn } = this.#options;
    while (this.#byNode.size > 0) {
      const watches = await this.#watch!.changed();
      const happened = watches === undefined
        ? [...this.#byNode.values()]
        : [...watches.keys()].flatMap((watch) =>
          this.#byWatch.get(watch) ?? []
        );
      // As they were then: a change of ours in a pause must not hide the host's.
      const before = happened.map(({ stat }) => stat);
      for (const [i, guarded] of happened.entries()) {
        if (turn.isOver) await turn.next();
        const isClosed = watches?.get(guarded.watch) ?? false;
        this.#check(guarded, { before: before[i]!, isClosed });
      }
      if (this.#byNode.size > 0) await sleep(this.#options.clock, PAUSE);
    }
    this.#running = undefined;
  }

  /**
   * Something has happened to a file since it was as `before`: recalls it, unless that
   * was our doing. While we write to it the file itself does not tell, but that it
   * `isClosed` by a writer does, where we have closed nothing that could write.
   */
  #check(
    guarded: Guarded,
    { before, isClosed }: {
      readonly before: HostStat;
      readonly isClosed: boolean;
    },
  ): void {
    const { node } = guarded;
    if (this.#byNode.get(node) !== guarded) return;
    const isOurs = node.closing > 0 || node.closed !== guarded.closed;
    guarded.closed = node.closed;
    if (!isClosed || isOurs) {
      if (guarded.writes > 0) return;
      if (this.#look(guarded) && isSame(before, guarded.stat)) return;
    }
    for (const recall of this.#recalls) {
      // The server has its own way to tell of what goes wrong there.
      recall(node).catch(() => {});
    }
  }

  /** Remembers what a file looks like; false when it is not to be found. */
  #look(guarded: Guarded): boolean {
    try {
      guarded.stat = this.#options.stat(guarded.node);
      return true;
    } catch {
      return false;
    }
  }
}

/** Whether nothing has changed but what it took to read the file. */
function isSame(a: HostStat, b: HostStat): boolean {
  return a.ctime.nanoseconds === b.ctime.nanoseconds &&
    a.ctime.seconds === b.ctime.seconds && a.size === b.size &&
    a.mtime.nanoseconds === b.mtime.nanoseconds &&
    a.mtime.seconds === b.mtime.seconds && a.nlink === b.nlink &&
    a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}
