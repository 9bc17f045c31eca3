/**
 * Some 10,000 real files for `tree.sh`: the kernel headers that Debian ships
 * for the guest's own kernel, as one archive in the cache.
 *
 * @module
 */

import { dirname } from "node:path";

/** Where the archive is kept. */
export function treeFile(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return `${cache}/nfs4-interop/tree.tar`;
}

const FETCH = `set -e -o pipefail
depends() { apt-cache depends "$1" | awk '$1=="Depends:" {print $2}'; }
headers=$(depends linux-headers-amd64 | head -n 1)
common=$(depends "$headers" | grep -- -common)
apt-get -q -o APT::Sandbox::User=root download "$common" >&2
dpkg --fsys-tarfile ./*.deb > tree.tar`;

/** Fetches the archive where the cache has none; returns why it can't. */
export async function fetchTree(): Promise<string | undefined> {
  const file = treeFile();
  try {
    if ((await Deno.stat(file)).size > 0) return undefined;
  } catch {
    // Not there yet.
  }
  await Deno.mkdir(dirname(file), { recursive: true });
  const work = await Deno.makeTempDir({ dir: dirname(file) });
  try {
    const { success, stderr } = await new Deno.Command("bash", {
      args: ["-c", FETCH],
      cwd: work,
      stdin: "null",
    }).output();
    if (!success) {
      const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
      return `no tree of files to be had: ${said}`;
    }
    await Deno.rename(`${work}/tree.tar`, file);
    return undefined;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
