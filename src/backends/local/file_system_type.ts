import fs from "node:fs";

/** The number that Linux has for the kind of file system at a path (`statfs`); `undefined` where that may not be asked. */
export function fileSystemType(path: string): number | undefined {
  return mayAskStatus() ? fs.statfsSync(path).type >>> 0 : undefined;
}

/** Whether `statfs` may be asked: Deno would ask the user in the middle of a request. */
export function mayAskStatus(): boolean {
  const asking = { name: "sys", kind: "statfs" } as const;
  return Deno.permissions.querySync(asking).state === "granted";
}

const BTRFS = 0x9123683e;

/** Whether there may be subvolumes below `path`, which `stat` tells as it tells mounts: of a device of their own. */
export function hasSubvolumes(
  path: string,
  typeOf: typeof fileSystemType = fileSystemType,
): boolean {
  return typeOf(path) === BTRFS;
}

/** File systems that other hosts, or a process behind FUSE, can change without a word to this kernel. */
const SHARED = new Set([
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB
  0x01021997, // 9P
  0x65735546, // FUSE, virtiofs
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x0bd00bd0, // Lustre
  0x01161970, // GFS2
  0x7461636f, // OCFS2
]);

/** Whether this host's kernel is known to see all changes to what is at `path`. */
export function isSeenWhole(path: string): boolean {
  const type = fileSystemType(path);
  return type !== undefined && !SHARED.has(type);
}
