import { type MountTable, readMountTable } from "../mount_table.ts";

/** Mounts of what other hosts or programs serve, by the names that Linux has for their file systems. */
const SHARED: ReadonlySet<string> = new Set([
  ...["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "afs", "coda"],
  ...["lustre", "gfs2", "ocfs2", "fuse", "fuseblk", "ncpfs", "pvfs2", "beegfs"],
  // It may mount any of these.
  "autofs",
]);
/** As many symlinks as Linux follows. */
const MAX_LINKS = 40;

/**
 * Whether a folder is on a file system that other hosts or programs serve, told
 * without a look at that: it may be one that does not answer. False where the host
 * does not say, or Deno may not ask: `--allow-all`, and Linux.
 */
export function isOnSharedMount(
  directory: string,
  readMounts: () => MountTable = readMountTable,
): boolean {
  let mounts: MountTable;
  let path: string;
  try {
    mounts = readMounts();
    path = directory.startsWith("/") ? directory : `${Deno.cwd()}/${directory}`;
  } catch {
    return false;
  }
  const isShared = (place: string) => {
    // "fuse.sshfs" is one of FUSE.
    const [kind = ""] = mounts.at(place)?.type.split(".") ?? [];
    return SHARED.has(kind);
  };
  const rest = path.split("/");
  let at = "";
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
      continue;
    }
    const next = `${at}/${name}`;
    // From here on nothing is asked.
    if (isShared(next)) return true;
    const target = linkAt(next);
    if (target === undefined) {
      at = next;
      continue;
    }
    if (++links > MAX_LINKS) return false;
    if (target.startsWith("/")) at = "";
    rest.unshift(...target.split("/"));
  }
  return isShared(at === "" ? "/" : at);
}

/** What a symlink says; `undefined` for what is none, or is not there. */
function linkAt(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}
