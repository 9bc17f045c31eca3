import type { FileSystemStatus } from "../../vfs/file_system.ts";
import type { AttributeRow, AttributeTerms } from "./row.ts";

const hasSpace = (terms: AttributeTerms): boolean =>
  terms.fs.status !== undefined;
const hasQuota = (terms: AttributeTerms): boolean =>
  hasSpace(terms) && terms.fs.limits?.hasQuota === true;

/** The room in a file system, and in its quota. */
export const ROOM_ATTRIBUTES: readonly AttributeRow[] = [
  space(21, "files_avail", "freeFiles"),
  space(22, "files_free", "freeFiles"),
  space(23, "files_total", "totalFiles"),
  quota(38, "quota_avail_hard", ({ availableBytes }) => availableBytes),
  // There is none that only warns.
  quota(39, "quota_avail_soft", ({ availableBytes }) => availableBytes),
  quota(40, "quota_used", usedBytes),
  space(42, "space_avail", "availableBytes"),
  space(43, "space_free", "freeBytes"),
  space(44, "space_total", "totalBytes"),
];

/** A row of an attribute about the room in the file system. */
function space(
  number: number,
  name: string,
  key: keyof Omit<FileSystemStatus, "usedBytes">,
): AttributeRow {
  return {
    number,
    name,
    perFileSystem: true,
    needs: "space",
    supported: hasSpace,
    get: (xdr, source) => xdr.uint64Number(source.space![key]),
  };
}

/** A row of an attribute about the quota that the files of the file system share. */
function quota(
  number: number,
  name: string,
  of: (space: FileSystemStatus) => number,
): AttributeRow {
  return {
    number,
    name,
    needs: "space",
    supported: hasQuota,
    get: (xdr, source) => xdr.uint64Number(of(source.space!)),
  };
}

function usedBytes(
  { totalBytes, freeBytes, usedBytes = totalBytes - freeBytes }:
    FileSystemStatus,
): number {
  return Math.max(0, usedBytes);
}
