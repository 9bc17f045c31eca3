import { UNPINNED } from "../backends/local/host.ts";
import type { LocalFileSystem } from "../backends/local/mod.ts";
import type { Logger } from "../base/log.ts";
import type { ExportOptions } from "../vfs/exports.ts";

/**
 * Says what folders of the host are served without: for want of a permission or a
 * Linux, or because their own file system has no more. The permission is named
 * only where it is missing.
 */
export function logLimitations(
  exports: readonly ExportOptions[],
  log: Logger,
): void {
  for (const { path, fs } of exports) {
    const { limitations = [] } = fs as Partial<LocalFileSystem>;
    if (limitations.length === 0) continue;
    log.warn(`this folder is served with less${adviceFor(limitations)}`, {
      export: path,
      limitations: limitations.join(", "),
    });
  }
}

function adviceFor(limitations: readonly string[]): string {
  const isLinux = Deno.build.os === "linux";
  // Deno lets nothing less have the paths of /proc that pin a folder.
  if (isLinux && limitations.includes(UNPINNED)) return "; -A gives more";
  const { state } = Deno.permissions.querySync({ name: "ffi" });
  const mayCallLibc = isLinux && state === "granted";
  return mayCallLibc ? "" : "; --allow-ffi on Linux gives more";
}
