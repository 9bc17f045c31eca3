import { accessListHolder, type Listed } from "./access_list.ts";
import type { Ace } from "./acl.ts";
import { acesOfMode } from "./acl_mode.ts";
import { acesOfHost, listOfMode } from "./host_acl.ts";
import type { FileAttributes } from "./attributes.ts";

/** The access list that clients are shown: the file's own, or what its mode says (RFC 8881 6.4.2). Throws FsError. */
export function shownAces(
  attributes: Pick<FileAttributes, "type" | "mode"> & Listed,
): readonly Ace[] {
  const { type, mode } = attributes;
  const holder = attributes[accessListHolder];
  const aces = holder?.aces?.();
  if (aces !== undefined) return aces;
  // Linux asks no list where the mode leaves the group nothing (see `permissionsOf`).
  const isAsked = (mode & 0o070) !== 0;
  const access = isAsked ? holder?.accessList?.() : undefined;
  const given = type === "directory" ? holder?.givenList?.() : undefined;
  return access === undefined && given === undefined
    ? acesOfMode(mode, type)
    : acesOfHost(access ?? listOfMode(mode), given, type);
}
