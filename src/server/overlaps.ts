import type { ExportOptions } from "../vfs/exports.ts";
import type { HostFolder } from "../vfs/file_system.ts";
import type { ServedExport } from "./served.ts";

/** An export as it is named to the operator. */
type NamedExport = Pick<ExportOptions, "path" | "fs">;

/**
 * What an operator should know of exports that are kept in the same place, by
 * this server or by `others` of the process: between two exports of one folder
 * there are no locks, and an export of a folder shows what is kept in it.
 */
export function overlapNotices(
  exports: readonly ExportOptions[],
  { stateDirectory, others }: {
    readonly stateDirectory: string | undefined;
    readonly others: readonly ServedExport[];
  },
): readonly string[] {
  const notices: string[] = [];
  const elsewhere = others.map(({ path, address, fs }) => ({
    path: `${path} at ${address}`,
    fs,
  }));
  exports.forEach((one, i) => {
    for (const other of [...elsewhere, ...exports.slice(0, i)]) {
      const notice = overlapOf(other, one);
      if (notice !== undefined) notices.push(notice);
    }
  });
  if (stateDirectory === undefined) return notices;
  const state = realPath(stateDirectory);
  for (const { path, fs: { folder } } of exports) {
    if (!folder?.isShown || !isWithin(state, folder.path)) continue;
    notices.push(
      `clients of export ${path} reach the server's own state in ${state}: keep that elsewhere`,
    );
  }
  return notices;
}

function overlapOf(
  one: NamedExport,
  other: NamedExport,
): string | undefined {
  const [a, b] = [one.fs.folder, other.fs.folder];
  const isOne = one.fs === other.fs;
  if (!isOne && !(a && b && haveCommon(a, b))) return undefined;
  if (isOne || a?.isShown === b?.isShown) {
    return `exports ${one.path} and ${other.path} have files in common: a lock or delegation in one means nothing in the other`;
  }
  const [shown, store] = a?.isShown ? [one, other] : [other, one];
  return `clients of export ${shown.path} reach the store of export ${store.path} in ${store.fs.folder?.path}: keep that elsewhere`;
}

function haveCommon(one: HostFolder, other: HostFolder): boolean {
  return isWithin(one.path, other.path) || isWithin(other.path, one.path);
}

/** Whether a folder is another one, or in it. */
function isWithin(inner: string, outer: string): boolean {
  return inner === outer ||
    inner.startsWith(outer.endsWith("/") ? outer : `${outer}/`);
}

function realPath(directory: string): string {
  try {
    return Deno.realPathSync(directory);
  } catch {
    return directory;
  }
}
