/** Where Linux tells what is mounted, without a look at any of it; Deno may read it with `--allow-all`. */
export const MOUNTS = "/proc/self/mountinfo";

/** A file system where it is mounted. */
export interface Mounted {
  /** The folder that it is mounted on. */
  readonly place: string;
  /** The host's number of it, as "0:57": no other has that while a file there is held open. */
  readonly device: string;
  /** The name that Linux has for its kind, as "fuse.sshfs". */
  readonly type: string;
}

/** The host's table of mounts (proc_pid_mountinfo(5)), by its text. */
export class MountTable {
  readonly #byPlace = new Map<string, Mounted>();

  constructor(text: string) {
    // Of one place the last one mounted covers the others.
    for (const line of text.split("\n")) {
      const [before = "", after = ""] = line.split(" - ");
      const [, , device = "", , escaped] = before.split(" ");
      if (escaped === undefined) continue;
      const [type = ""] = after.split(" ");
      const place = unescaped(escaped);
      this.#byPlace.set(place, { place, device, type });
    }
  }

  /** What an absolute path without symlinks is on. */
  at(path: string): Mounted | undefined {
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
      const mounted = this.#byPlace.get(at);
      if (mounted !== undefined) return mounted;
    }
    return this.#byPlace.get("/");
  }
}

/** The table as it is now; throws where there is none, or Deno may not read it. */
export function readMountTable(): MountTable {
  return new MountTable(Deno.readTextFileSync(MOUNTS));
}

/** A place as it is written there: a space is "\040". */
function unescaped(place: string): string {
  return place.replaceAll(
    /\\([0-7]{3})/g,
    (_, digits) => String.fromCharCode(parseInt(digits, 8)),
  );
}
