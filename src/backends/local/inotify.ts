import fs from "node:fs";
import type { HostCalls } from "../common/host_calls.ts";
import { SharedPoll } from "./shared_poll.ts";

const { O_DIRECTORY } = fs.constants;
const AT_FDCWD = -100;
/** A descriptor that only names a folder. */
const O_PATH = 0x200000;
const IN_MODIFY = 0x2;
const IN_ATTRIB = 0x4;
const IN_CLOSE_WRITE = 0x8;
const IN_MOVE = 0xc0;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_MOVE_SELF = 0x800;
const IN_DELETE_SELF = 0x400;
const IN_IGNORED = 0x8000;
/**
 * Written, cut, linked, unlinked, renamed, what chmod, chown and utimes do, and
 * closed by a program that may have written through mmap: there is no word before.
 */
const CHANGES = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVE_SELF |
  IN_DELETE_SELF;
const IN_ONLYDIR = 0x0100_0000;
const IN_ONESHOT = 0x8000_0000;
/** The first thing that happens to a folder, its entries or the files of those names. */
const CHANGE_WITHIN = CHANGES | IN_MOVE | IN_CREATE | IN_DELETE | IN_ONLYDIR |
  IN_ONESHOT;
const IN_NONBLOCK_CLOEXEC = 0o2004000;
/** The wait is broken off every second: a watch may end without a word. */
const TIMEOUT = 1000;
/** `struct inotify_event` without a name, as watches of files bring them. */
const EVENT_BYTES = 16;
/** The longest name that follows it, with a NUL. */
const MAX_NAME = 256;

/** Of all folders of the process. */
const polls = new SharedPoll();

const encoder = new TextEncoder();

/** What tells of changes to files (inotify(7)). */
export interface FileWatch {
  /** Watches what `path` leads to; a number for it, `undefined` where the host refuses. */
  add(path: string): number | undefined;
  /** Ends {@linkcode FileWatch.add}. */
  remove(watch: number): void;
  /**
   * Waits until something has happened, a second at most, and tells by the numbers
   * of what was watched there whether one was closed by whom it was open to be
   * written; `undefined` when there was too much to tell.
   */
  changed(): Promise<Map<number, boolean> | undefined>;
  /** Nothing is watched any more, and no call waits. */
  close(): void;
}

/** What tells of the first change in each of some folders. */
export interface FolderWatch {
  /**
   * Has another thread watch the folder that `path` leads to now until something
   * happens; a number for it, by which that may be told before this is, `undefined`
   * where the host refuses. Not to be closed meanwhile.
   */
  add(path: string): Promise<number | undefined>;
  /** Ends {@linkcode FolderWatch.add}. */
  remove(watch: number): void;
  /** The numbers of the folders in which something has happened by now; `undefined` when there was too much to tell. */
  changed(): readonly number[] | undefined;
  /** Nothing is watched any more. */
  close(): void;
}

/** The same for folders, of which each watch tells one thing: however much happens there, that is all it costs. */
export function openFolderWatch({ libc }: HostCalls): FolderWatch | undefined {
  const fd = libc.inotify_init1(IN_NONBLOCK_CLOEXEC);
  if (fd < 0) return undefined;
  const buffer = new Uint8Array((EVENT_BYTES + MAX_NAME) * 16);
  const words = new Int32Array(buffer.buffer);
  return {
    async add(path) {
      const name = encoder.encode(`${path}\0`);
      // When the thread is at it, the path may be another folder's.
      const folder = libc.openat(AT_FDCWD, name, O_PATH | O_DIRECTORY, 0);
      if (folder < 0) return undefined;
      const pinned = encoder.encode(`/proc/self/fd/${folder}\0`);
      const mask = CHANGE_WITHIN >>> 0;
      const watch = await libc.inotify_add_watch_later(fd, pinned, mask);
      libc.close(folder);
      // The path is used until here, or it could be collected.
      return watch < 0 || pinned.length === 0 ? undefined : watch;
    },
    remove: (watch) => void libc.inotify_rm_watch(fd, watch),
    changed() {
      const watches: number[] = [];
      for (;;) {
        const bytes = Number(libc.read(fd, buffer, BigInt(buffer.length)));
        if (bytes <= 0) return watches;
        for (let at = 0; at < bytes;) {
          const watch = words[at / 4]!;
          if (watch < 0) return undefined;
          watches.push(watch);
          at += EVENT_BYTES + words[at / 4 + 3]!;
        }
      }
    },
    close: () => void libc.close(fd),
  };
}

/** Opens inotify, or `undefined` where the host has no more of it to give. */
export function openInotify({ libc }: HostCalls): FileWatch | undefined {
  const fd = libc.inotify_init1(IN_NONBLOCK_CLOEXEC);
  if (fd < 0) return undefined;
  const buffer = new Uint8Array(EVENT_BYTES * 1024);
  const words = new Int32Array(buffer.buffer);
  return {
    add(path) {
      const watch = libc.inotify_add_watch(
        fd,
        encoder.encode(`${path}\0`),
        CHANGES,
      );
      return watch < 0 ? undefined : watch;
    },
    remove: (watch) => void libc.inotify_rm_watch(fd, watch),
    async changed() {
      await polls.readable(libc, fd, TIMEOUT);
      const bytes = Number(libc.read(fd, buffer, BigInt(buffer.length)));
      const watches = new Map<number, boolean>();
      for (let at = 0; at < bytes; at += EVENT_BYTES) {
        const [watch = -1, mask = 0] = words.subarray(at / 4);
        if (watch < 0) return undefined;
        if ((mask & IN_IGNORED) !== 0) continue;
        const isClosed = (mask & IN_CLOSE_WRITE) !== 0;
        watches.set(watch, isClosed || watches.get(watch) === true);
      }
      return watches;
    },
    close: () => void libc.close(fd),
  };
}
