import fs from "node:fs";
import { RecentMap } from "../../base/recent_map.ts";
import type { Clock } from "../../base/clock.ts";
import { FsError } from "../../vfs/errors.ts";
import { Closing } from "./closing.ts";
import { toFsError } from "./errno.ts";
import type { Host, HostStat } from "./host.ts";
import { isLarge } from "../common/long_calls.ts";
import type { HostFile } from "../common/transfers.ts";
import type { LocalNode } from "./node.ts";

/** An open file of the host. */
export class Descriptor implements HostFile {
  /** The number of the host. */
  readonly fd: number;
  /** Whether it can be written through. */
  readonly isWritable: boolean;
  /** When the file was last seen to be still in the tree, in milliseconds. */
  checkedAt = -Infinity;
  /** Written to, and not made durable since. */
  isUnsynced = false;
  #users = 0;
  #transfers = 0;
  #isRetired = false;
  readonly #closing: Closing;
  /** The one before of the same file, while other threads read or wrote by it. */
  #before: Descriptor | undefined;

  constructor(
    fd: number,
    { writable, closing, before }: {
      readonly writable: boolean;
      readonly closing: Closing;
      readonly before: Descriptor | undefined;
    },
  ) {
    this.fd = fd;
    this.isWritable = writable;
    this.#closing = closing;
    if (before?.isTransferring) this.#before = before;
  }

  /** Whether other threads read or write the file: the host has others wait for them. */
  get isTransferring(): boolean {
    if (this.#transfers > 0) return true;
    if (!this.#before?.isTransferring) this.#before = undefined;
    return this.#before !== undefined;
  }

  /** Keeps it open while `act` waits for the host. */
  async during<T>(act: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await act();
    } finally {
      this.#users--;
      if (this.#isRetired) this.#closeUnused();
    }
  }

  /** See {@linkcode HostFile.transferring}. */
  async transferring<T>(act: () => Promise<T>): Promise<T> {
    this.#transfers++;
    try {
      return await this.during(act);
    } finally {
      this.#transfers--;
    }
  }

  /** Closes it as soon as no call waits on it. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#closeUnused();
  }

  #closeUnused(): void {
    if (this.#users === 0) this.#closing.close(this.fd, this.isUnsynced);
  }
}

/** Opens a node's file with O_RDONLY, O_WRONLY or O_RDWR, sure that it is that node's. */
export type OpenFile = (node: LocalNode, flags: number) => number;

/**
 * The files that are held open: those that clients have open, and those just used.
 * One that has no name any more can't be opened again, so as long as a client has
 * it open it is kept, beside the others: they would have no descriptors left.
 */
export class FileDescriptors {
  /** Those that are given up. */
  readonly closing: Closing;
  readonly #open: OpenFile;
  readonly #used: () => void;
  readonly #recent: RecentMap<LocalNode, Descriptor>;
  /** Those without a name that clients have open, the longest kept first. */
  readonly #nameless = new Set<LocalNode>();
  readonly #mostNameless: number;
  /** Flushes that failed: the host tells of each once, to one caller. */
  #lostWrites = 0;
  /** Descriptors that have fallen out and are flushed before they are closed. */
  #leaving = 0;
  readonly #mostLeaving: number;
  /** Files whose content could not be made durable after a client's last word on them. */
  readonly #failed = new Map<LocalNode, unknown>();
  /** Syncs of a file's content that are under way, all of them as one. */
  readonly #syncing = new Map<LocalNode, Promise<void>>();

  /**
   * Holds `limit` files, to twice as many, and `mostNameless` without a name; `used`
   * is told whenever one is used.
   */
  constructor(
    open: OpenFile,
    { limit, mostNameless, used, host, clock }: {
      readonly limit: number;
      readonly mostNameless: number;
      readonly used: () => void;
      readonly host: Host;
      readonly clock: Clock;
    },
  ) {
    this.closing = new Closing(host, { clock, most: mostNameless });
    this.#open = open;
    this.#used = used;
    this.#recent = new RecentMap(limit, {
      evict: (descriptor, node) => this.#evict(node, descriptor),
    });
    this.#mostNameless = mostNameless;
    this.#mostLeaving = Math.ceil(limit / 2);
  }

  /** Those that may be closed for others, clients having them open or not. */
  held(): LocalNode[] {
    return [...this.#recent.keys()];
  }

  /** How often what was written may have been lost: see `FileSystem.lostWrites`. */
  get lostWrites(): number {
    return this.#lostWrites;
  }

  /** Whether another file can lose its name and be kept: for its clients, or until it is closed. */
  get mayKeepNameless(): boolean {
    return this.#nameless.size + this.closing.size < this.#mostNameless;
  }

  /**
   * Throws "busy" where the disk is so far behind that writes to further files
   * would take all descriptors.
   */
  assertKeepingUp(): void {
    if (this.#leaving < this.#mostLeaving) return;
    throw new FsError("busy", "too much was written that the disk has not yet");
  }

  /** A descriptor to read through. */
  reading(node: LocalNode): Descriptor {
    const descriptor = node.descriptor;
    if (descriptor === undefined) {
      return this.hold(node, this.#open(node, fs.constants.O_RDONLY), false);
    }
    this.#use(node, descriptor);
    return descriptor;
  }

  /** A descriptor to write through. */
  writing(node: LocalNode): Descriptor {
    const descriptor = node.descriptor;
    if (descriptor?.isWritable) {
      this.#use(node, descriptor);
      return descriptor;
    }
    this.assertKeepingUp();
    return this.hold(node, this.#open(node, fs.constants.O_RDWR), true);
  }

  /** Keeps `fd` for the node, in place of what it had. */
  hold(node: LocalNode, fd: number, writable: boolean): Descriptor {
    const { closing } = this;
    const before = node.descriptor;
    const next = new Descriptor(fd, { writable, closing, before });
    next.isUnsynced = before?.isUnsynced ?? false;
    before?.retire();
    node.descriptor = next;
    this.#use(node, next);
    return next;
  }

  /**
   * The file has lost its last name: it is kept for the clients that have it
   * open. Where the host has taken too many names, the one kept longest is
   * given up.
   */
  keepNameless(node: LocalNode): void {
    if (node.descriptor === undefined) return;
    this.#recent.delete(node);
    this.#nameless.add(node);
    if (this.#nameless.size <= this.#mostNameless) return;
    for (const oldest of this.#nameless) return this.close(oldest);
  }

  /**
   * Closes what no client has open. What was not made durable stays, to be told
   * of an error, but not for writing: the host runs no program that is open so.
   */
  release(node: LocalNode): void {
    const descriptor = node.descriptor;
    if (descriptor === undefined || node.isOpen) return;
    if (!descriptor.isUnsynced || node.isGone) return this.close(node);
    if (!descriptor.isWritable) return;
    try {
      this.hold(node, this.#open(node, fs.constants.O_RDONLY), false);
    } catch {
      // Not readable for us, or no longer there: the one for writing stays.
    }
  }

  /** Closes the node's descriptor. */
  close(node: LocalNode): void {
    this.#recent.delete(node);
    this.#nameless.delete(node);
    node.descriptor?.retire();
    node.descriptor = undefined;
  }

  /** Makes what was written durable; with `all`, every attribute too. */
  async sync(node: LocalNode, { all }: { all: boolean }): Promise<void> {
    const descriptor = this.reading(node);
    // What is written while we wait is for the next one to make durable.
    descriptor.isUnsynced = false;
    await this.#flush(node, { descriptor, all });
    const failed = this.#failed.get(node);
    if (failed !== undefined) {
      this.#failed.delete(node);
      throw failed;
    }
    this.release(node);
  }

  /** Whether content of the file is not on disk, as far as we have written it. */
  isBehind(node: LocalNode): boolean {
    return (node.descriptor?.isUnsynced ?? false) || this.#syncing.has(node);
  }

  /**
   * Has the disk get what was written to a large file, ahead of a call of the host
   * that would wait for it; `undefined` where that is nothing. That it could not is
   * for the next sync to tell.
   */
  writeOut(node: LocalNode, stat: HostStat): Promise<void> | undefined {
    const { descriptor } = node;
    if (!descriptor?.isUnsynced || !isLarge(stat)) return undefined;
    return this.#flush(node, { descriptor, all: false })
      .catch((error) => void this.#failed.set(node, error));
  }

  /** Makes everything durable, and closes it. */
  async dispose(): Promise<void> {
    const nodes = [...this.#recent.keys(), ...this.#nameless];
    // What has no name is gone with the last descriptor.
    const unsynced = nodes.filter(({ isGone, descriptor }) =>
      !isGone && descriptor?.isUnsynced
    );
    const results = await Promise.allSettled(
      unsynced.map((node) => this.sync(node, { all: false })),
    );
    for (const node of nodes) this.close(node);
    await this.closing.dispose();
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  /**
   * Flushes, and waits for what is being flushed already: the host tells an
   * error once, and what was written before then is lost to all.
   */
  #flush(
    node: LocalNode,
    { descriptor, all }: {
      readonly descriptor: Descriptor;
      readonly all: boolean;
    },
  ): Promise<void> {
    const earlier = this.#syncing.get(node);
    const own = descriptor.during(() => flush(descriptor.fd, all))
      .catch((error) => {
        this.#lostWrites++;
        throw error;
      });
    const flushed = earlier === undefined
      ? own
      : Promise.all([earlier, own]).then(() => {});
    this.#syncing.set(node, flushed);
    const end = () => {
      if (this.#syncing.get(node) === flushed) this.#syncing.delete(node);
    };
    flushed.then(end, end);
    return flushed;
  }

  #use(node: LocalNode, descriptor: Descriptor): void {
    if (!this.#nameless.has(node)) this.#recent.set(node, descriptor);
    this.#used();
  }

  #evict(node: LocalNode, descriptor: Descriptor): void {
    // The host has taken its name.
    if (node.isGone && node.isOpen) return this.keepNameless(node);
    node.descriptor = undefined;
    if (descriptor.isUnsynced) {
      this.#leaving++;
      this.#flush(node, { descriptor, all: false })
        .catch((error) => this.#failed.set(node, error))
        .finally(() => this.#leaving--);
    }
    descriptor.retire();
  }
}

function flush(fd: number, all: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null) =>
      error === null ? resolve() : reject(toFsError(error));
    if (all) fs.fsync(fd, done);
    else fs.fdatasync(fd, done);
  });
}
