import { allDone } from "../../base/all_done.ts";
import fs from "node:fs";
import { askedBy, workFor } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { FsError } from "../../vfs/errors.ts";
import { Closing } from "./closing.ts";
import { type Access, Descriptor } from "./descriptor.ts";
import { isDenied, toFsError } from "./errno.ts";
import { EvenShares } from "../../base/even_shares.ts";
import { SharedRoom } from "../../base/shared_room.ts";
import type { Host, HostStat } from "./host.ts";
import { hostThreads } from "../common/host_threads.ts";
import { isLarge, isLongToFree } from "../common/long_calls.ts";
import { NamelessFiles } from "./nameless_files.ts";
import type { LocalNode } from "./node.ts";
import { addTo } from "./node_works.ts";
import { SyncFailures } from "./sync_failures.ts";

/** Opens a node's file with O_RDONLY, O_WRONLY or O_RDWR, sure that it is that node's. */
export type OpenFile = (node: LocalNode, flags: number) => number;

/**
 * The files that are held open: those that clients have open, and those just used.
 * One that has no name any more can't be opened again, so as long as a client needs
 * it it is kept, beside the others: they would have no descriptors left.
 */
export class FileDescriptors {
  /** Those that are given up. */
  readonly closing: Closing;
  readonly #open: OpenFile;
  readonly #used: () => void;
  /** Those with a name, of those who had them opened. */
  readonly #named: SharedRoom<LocalNode>;
  readonly #nameless = new NamelessFiles();
  /** Flushes that failed: the host tells of each once, to one caller. */
  #lostWrites = 0;
  /** Descriptors that have fallen out and are flushed before they are closed. */
  readonly #leaving = new EvenShares<string>(0);
  /** Files whose content could not be made durable after a client's last word on them. */
  readonly #failed = new Map<LocalNode, unknown>();
  /** Syncs of a file's content that are asked for, all of them as one. */
  readonly #syncing = new Map<LocalNode, Promise<void>>();
  readonly #failures = new SyncFailures();
  /** Those of them that have begun. */
  readonly #flushing = new Map<LocalNode, Promise<void>>();

  /**
   * Holds `most` files, and `mostNameless` without a name; `used` is told whenever
   * one is used.
   */
  constructor(
    open: OpenFile,
    { most, mostNameless, used, host, clock }: {
      readonly most: number;
      readonly mostNameless: number;
      readonly used: () => void;
      readonly host: Host;
      readonly clock: Clock;
    },
  ) {
    this.closing = new Closing(host, { clock, most: mostNameless });
    this.#open = open;
    this.#used = used;
    this.#named = new SharedRoom(most, {
      giveUp: (node) => this.#evict(node),
      // The one that is used now is not closed for others.
      besides: 1,
    });
    this.limitTo({ most, mostNameless });
  }

  /** Holds as many from now on; those beyond go with the next. */
  limitTo({ most, mostNameless }: {
    readonly most: number;
    readonly mostNameless: number;
  }): void {
    this.#named.most = most;
    this.#nameless.most = this.closing.most = mostNameless;
    this.#leaving.most = Math.ceil(most / 4);
  }

  /** Those that may be closed for others, clients having them open or not. */
  held(): LocalNode[] {
    return [...this.#named.keys()];
  }

  /** How often what was written may have been lost: see `FileSystem.lostWrites`. */
  get lostWrites(): number {
    return this.#lostWrites;
  }

  /**
   * Throws unless a file can lose its name and be kept: for its clients
   * ("too-many-removed"), or until it is closed ("busy").
   */
  assertRoomFor(node: LocalNode, stat: HostStat): void {
    if (node.isOpen) {
      if (!this.#nameless.hasRoomFor(stat.uid)) {
        throw new FsError("too-many-removed");
      }
    } else if (isLongToFree(stat) && !this.closing.hasRoomFor(stat.uid)) {
      throw new FsError(
        "busy",
        "too many large removed files are being closed",
      );
    }
  }

  /**
   * Throws "busy" where the disk is so far behind what a party has written that
   * writes to further files would take all descriptors.
   */
  assertKeepingUp(): void {
    if (!this.#leaving.isFull(askedBy().party)) return;
    throw new FsError("busy", "too much was written that the disk has not yet");
  }

  /** What is opened has to be closed: an owner's files wait for those that are. */
  #assertNotBehind({ told }: LocalNode): void {
    if (told === undefined || !this.closing.isBehind(told.uid)) return;
    throw new FsError("busy", "too many large files are being closed");
  }

  /** A descriptor to read through. */
  reading(node: LocalNode): Descriptor {
    const held = this.#held(node, "isReadable");
    if (held !== undefined) return held;
    this.#assertNotBehind(node);
    return this.#openToRead(node);
  }

  #openToRead(node: LocalNode): Descriptor {
    const fd = this.#open(node, fs.constants.O_RDONLY);
    // What is held is for writing alone, as the host would have it.
    const opened = this.#opened(node, fd, "read");
    return this.#put(node, opened, node.descriptor);
  }

  /** A descriptor to write through. */
  writing(node: LocalNode): Descriptor {
    const held = this.#held(node, "isWritable");
    if (held !== undefined) return held;
    this.#assertNotBehind(node);
    this.assertKeepingUp();
    try {
      return this.hold(node, this.#open(node, fs.constants.O_RDWR), "both");
    } catch (error) {
      if (!isDenied(error)) throw error;
    }
    // The host lets us write, if anything, and not read.
    const fd = this.#open(node, fs.constants.O_WRONLY);
    const opened = this.#opened(node, fd, "write");
    return this.#put(node, opened, node.descriptor);
  }

  /** A descriptor, whatever it is good for: to sync the file by, or to keep it. */
  holding(node: LocalNode): Descriptor {
    const { descriptor } = node;
    if (descriptor !== undefined) {
      this.#use(node, descriptor);
      return descriptor;
    }
    try {
      return this.#openToRead(node);
    } catch (error) {
      if (!isDenied(error)) throw error;
    }
    return this.hold(node, this.#open(node, fs.constants.O_WRONLY), "write");
  }

  /** Keeps `fd` for the node, in place of what it had. */
  hold(node: LocalNode, fd: number, access: Access): Descriptor {
    const before = node.descriptor;
    const next = this.#put(node, this.#opened(node, fd, access));
    before?.retire();
    return next;
  }

  /**
   * The file has lost its last name: it is kept for the clients that need it.
   * Where there are too many of them, one is given up.
   */
  keepNameless(node: LocalNode): void {
    if (node.descriptor === undefined) return;
    this.#named.delete(node);
    const givenUp = this.#nameless.add(node);
    if (givenUp !== undefined) this.close(givenUp);
  }

  /**
   * Closes what no client has open. What was not made durable stays, to be told
   * of an error, and so does what a client is trusted with, but not for writing:
   * the host runs no program that is open so.
   */
  release(node: LocalNode): void {
    const descriptor = node.descriptor;
    if (descriptor === undefined || node.isOpen) return;
    const mayBeLost = descriptor.isUnsynced && !node.isGone;
    if (!mayBeLost && !node.isGuarded) return this.close(node);
    if (!descriptor.isWritable && descriptor.beside === undefined) return;
    try {
      this.hold(node, this.#open(node, fs.constants.O_RDONLY), "read");
    } catch {
      // Not readable for us, or no longer there: the one for writing may have to stay.
      if (!mayBeLost) this.close(node);
    }
  }

  /** Closes the node's descriptor. */
  close(node: LocalNode): void {
    this.#named.delete(node);
    this.#nameless.delete(node);
    node.descriptor?.retire();
    node.descriptor = undefined;
  }

  /**
   * Makes what was written durable; with `all`, every attribute too, which throws
   * EACCES where the host lets the file be opened for nothing. Who has a thread for
   * it has it `leave` that, and stands in no line.
   */
  async sync(
    node: LocalNode,
    { all, leave }: {
      readonly all: boolean;
      readonly leave?: (() => void) | undefined;
    },
  ): Promise<void> {
    using waiting = this.#failures.wait(node);
    const descriptor = this.#toSync(node, all);
    if (descriptor !== undefined) {
      // What is written while we wait is for the next one to make durable.
      descriptor.isUnsynced = false;
      await this.#flush(node, { descriptor, all, leave });
    } else {
      leave?.();
      await this.#syncing.get(node);
    }
    if (waiting.failure !== undefined) throw waiting.failure;
    const failed = this.#failed.get(node);
    if (failed !== undefined) {
      this.#failed.delete(node);
      throw failed;
    }
    this.release(node);
  }

  /** `undefined` where none is held or can be had: what we wrote was flushed before it was let go. */
  #toSync(node: LocalNode, all: boolean): Descriptor | undefined {
    try {
      return this.holding(node);
    } catch (error) {
      if (all || !isDenied(error)) throw error;
      return undefined;
    }
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
    if (!isLarge(stat)) return undefined;
    // Of one that is under way who asked for it is told.
    if (!descriptor?.isUnsynced) {
      return this.#syncing.get(node)?.catch(() => {});
    }
    return this.#flush(node, { descriptor, all: false })
      .catch((error) => void this.#failed.set(node, error));
  }

  /** Makes everything durable, and closes it. */
  async dispose(): Promise<void> {
    const nodes = [...this.#named.keys(), ...this.#nameless];
    // What has no name is gone with the last descriptor.
    const unsynced = nodes.filter(({ isGone, descriptor }) =>
      !isGone && descriptor?.isUnsynced
    );
    try {
      await allDone(unsynced.map((node) => this.sync(node, { all: false })));
    } finally {
      for (const node of nodes) this.close(node);
      await this.closing.dispose();
    }
  }

  /** Flushes, by a thread that there is or in the line for one. */
  #flush(
    node: LocalNode,
    { descriptor, all, leave }: {
      readonly descriptor: Descriptor;
      readonly all: boolean;
      readonly leave?: (() => void) | undefined;
    },
  ): Promise<void> {
    const { fd } = descriptor;
    const flush = (leave: () => void) =>
      this.#flushNow(node, { fd, all, leave });
    const flushed = descriptor.during(() =>
      leave === undefined ? hostThreads.short.run(flush) : flush(leave)
    );
    addTo(this.#syncing, { node, work: flushed });
    return flushed;
  }

  /**
   * Begins to flush, and waits for what is being flushed already: the host tells an
   * error once, and what was written before then is lost to all.
   */
  #flushNow(
    node: LocalNode,
    { fd, all, leave }: {
      readonly fd: number;
      readonly all: boolean;
      readonly leave: () => void;
    },
  ): Promise<void> {
    const work = flush(fd, all).finally(leave).catch((error) => {
      this.#lostWrites++;
      this.#failures.failed(node, error);
      throw error;
    });
    return addTo(this.#flushing, { node, work });
  }

  /** The one of those held that can do this, which the node goes by from now on. */
  #held(
    node: LocalNode,
    can: "isReadable" | "isWritable",
  ): Descriptor | undefined {
    const { descriptor } = node;
    if (descriptor === undefined) return undefined;
    if (descriptor[can]) {
      this.#use(node, descriptor);
      return descriptor;
    }
    const { beside } = descriptor;
    return beside?.[can] ? this.#put(node, beside, descriptor) : undefined;
  }

  #opened(node: LocalNode, fd: number, access: Access): Descriptor {
    const { closing } = this;
    const before = node.descriptor;
    return new Descriptor(fd, { file: node, access, closing, before });
  }

  /** Has the node go by `next`, with `beside` for what that can't do. */
  #put(node: LocalNode, next: Descriptor, beside?: Descriptor): Descriptor {
    // While it weighs what it was counted with.
    this.#named.delete(node);
    next.isUnsynced = node.descriptor?.isUnsynced ?? false;
    next.beside = beside;
    if (beside !== undefined) {
      beside.beside = undefined;
      beside.isUnsynced = false;
    }
    node.descriptor = next;
    this.#use(node, next);
    return next;
  }

  #use(node: LocalNode, { opener, beside }: Descriptor): void {
    this.#used();
    if (this.#nameless.has(node) || this.#named.use(node)) return;
    this.#named.keep(node, opener.party, beside === undefined ? 1 : 2);
  }

  #evict(node: LocalNode): void {
    // The host has taken its name.
    if (node.isGone && node.isNeeded) return this.keepNameless(node);
    const descriptor = node.descriptor!;
    node.descriptor = undefined;
    if (descriptor.isUnsynced) {
      const { opener } = descriptor;
      this.#leaving.take(opener.party);
      workFor(opener, () => this.#flush(node, { descriptor, all: false }))
        .catch((error) => this.#failed.set(node, error))
        .finally(() => this.#leaving.give(opener.party));
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
