/** The calls of libc that Deno has no words for, and the cheap forms of some that it has. */
const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
  name_to_handle_at: {
    parameters: ["i32", "buffer", "buffer", "buffer", "i32"],
    result: "i32",
  },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** The same, on a thread of its own. */
  getdents64_later: {
    name: "getdents64",
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  fsetxattr: {
    parameters: ["i32", "buffer", "buffer", "usize", "i32"],
    result: "i32",
  },
  getxattr: {
    parameters: ["buffer", "buffer", "buffer", "usize"],
    result: "isize",
  },
  lgetxattr: {
    parameters: ["buffer", "buffer", "buffer", "usize"],
    result: "isize",
  },
  setxattr: {
    parameters: ["buffer", "buffer", "buffer", "usize", "i32"],
    result: "i32",
  },
  lsetxattr: {
    parameters: ["buffer", "buffer", "buffer", "usize", "i32"],
    result: "i32",
  },
  listxattr: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  removexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  lremovexattr: { parameters: ["buffer", "buffer"], result: "i32" },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** The same, on a thread of its own. */
  inotify_add_watch_later: {
    name: "inotify_add_watch",
    parameters: ["i32", "buffer", "u32"],
    result: "i32",
    nonblocking: true,
  },
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** Of inotify, on a thread of its own. */
  poll: {
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** Of less than 2 GiB: a 32-bit result costs less. */
  preadv2: {
    parameters: ["i32", "buffer", "i32", "i64", "i32"],
    result: "i32",
  },
  /** On a thread of its own, so that errno is not to be had; the buffer is its address. */
  pwrite: {
    parameters: ["i32", "u64", "usize", "i64"],
    result: "isize",
    nonblocking: true,
  },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  /** The same, on a thread of its own. */
  lseek_later: {
    name: "lseek",
    parameters: ["i32", "i64", "i32"],
    result: "i64",
    nonblocking: true,
  },
  /** Of FICLONERANGE alone. */
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  /** Of FIEMAP and FICLONERANGE, on a thread of its own; the buffer is its address. */
  ioctl_later: {
    name: "ioctl",
    parameters: ["i32", "u64", "u64"],
    result: "i32",
    nonblocking: true,
  },
  /** On a thread of its own, and the buffer is its address. */
  fstatfs_later: {
    name: "fstatfs",
    parameters: ["i32", "u64"],
    result: "i32",
    nonblocking: true,
  },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  /** The same, on a thread of its own. */
  fallocate_later: {
    name: "fallocate",
    parameters: ["i32", "i32", "i64", "i64"],
    result: "i32",
    nonblocking: true,
  },
  close: { parameters: ["i32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  /** The same, on a thread of its own. */
  close_later: {
    name: "close",
    parameters: ["i32"],
    result: "i32",
    nonblocking: true,
  },
  /** On a thread of its own. */
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
  /** Of openat2 alone, for which libc has no name. */
  syscall: {
    parameters: ["isize", "i32", "buffer", "buffer", "usize"],
    result: "i32",
  },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  readlinkat: {
    parameters: ["i32", "buffer", "buffer", "usize"],
    result: "isize",
  },
  linkat: {
    parameters: ["i32", "buffer", "i32", "buffer", "i32"],
    result: "i32",
  },
  renameat: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** Of folders, on a thread of its own. */
  unlinkat_later: {
    name: "unlinkat",
    parameters: ["i32", "buffer", "i32"],
    result: "i32",
    nonblocking: true,
  },
  renameat_later: {
    name: "renameat",
    parameters: ["i32", "buffer", "i32", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  mknodat: { parameters: ["i32", "buffer", "u32", "u64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libc, opened. */
export interface HostCalls {
  /** The calls themselves; -1 means that `errno` tells why. */
  readonly libc: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  /** The error number of the call just made, on this thread. */
  errno(): number;
  /** Whether it is closed: a call would end the process. */
  readonly isClosed: boolean;
  /** Closes the library. */
  close(): void;
}

/** Whether libc may be called here, as far as is told without a look at it. */
export function mayCallHost(): boolean {
  // The layouts of `statx` and `dirent64` are read as little-endian words.
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return false;
  // Asked first: a missing permission would otherwise prompt on a terminal.
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

/** Opens libc, or `undefined` where it can't be had: other systems, no permission, an old libc. */
export function openHostCalls(): HostCalls | undefined {
  if (!mayCallHost()) return undefined;
  try {
    const library = Deno.dlopen("libc.so.6", SYMBOLS);
    const libc = library.symbols;
    const location = libc.__errno_location();
    if (location === null) return undefined;
    // A view of the word itself: no call, so nothing can change it before it is read.
    const errno = new Int32Array(
      Deno.UnsafePointerView.getArrayBuffer(location, 4),
    );
    let isClosed = false;
    return {
      libc,
      errno: () => errno[0]!,
      get isClosed() {
        return isClosed;
      },
      close() {
        isClosed = true;
        library.close();
      },
    };
  } catch {
    return undefined;
  }
}
