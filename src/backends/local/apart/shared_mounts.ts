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
  readMounts: () => string = () =>
    Deno.readTextFileSync("/proc/self/mountinfo"),
): boolean {
  let mounts: string;
  let path: string;
  try {
    mounts = readMounts();
    path = directory.startsWith("/") ? directory : `${Deno.cwd()}/${directory}`;
  } catch {
    return false;
  }
  const isShared = sharedBy(mounts);
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

/** Whether a path is on such a mount, by the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
function sharedBy(mounts: string): (path: string) => boolean {
  // Of one place the last one mounted covers the others.
  const byPlace = new Map<string, boolean>();
  for (const line of mounts.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const place = before.split(" ")[4];
    if (place === undefined) continue;
    const [type = ""] = after.split(" ");
    // "fuse.sshfs" is one of FUSE.
    const [kind = ""] = type.split(".");
    byPlace.set(unescaped(place), SHARED.has(kind));
  }
  return (path) => {
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
      const isShared = byPlace.get(at);
      if (isShared !== undefined) return isShared;
    }
    return byPlace.get("/") ?? false;
  };
}

/** A place as it is written there: a space is "\040". */
function unescaped(place: string): string {
  return place.replaceAll(
    /\\([0-7]{3})/g,
    (_, digits) => String.fromCharCode(parseInt(digits, 8)),
  );
}
