import { accessListHolder, type Listed } from "./access_list.ts";
import type { FileAttributes, WantedAttributes } from "./attributes.ts";

declare const named: unique symbol;

/** Wanted attributes whose type tells which they are. */
export type Wanted<Name extends keyof FileAttributes> = WantedAttributes & {
  readonly [named]?: (name: Name) => void;
};

const NOTHING: WantedAttributes = {
  type: false,
  mode: false,
  nlink: false,
  uid: false,
  gid: false,
  size: false,
  used: false,
  fileid: false,
  rdev: false,
  change: false,
  atime: false,
  mtime: false,
  ctime: false,
  birthtime: false,
};

/** These attributes are wanted, and no others. */
export function wantedOnly<Name extends keyof FileAttributes>(
  names: Iterable<Name>,
): Wanted<Name> {
  const wanted: Record<keyof FileAttributes, boolean> = { ...NOTHING };
  for (const name of names) wanted[name] = true;
  return wanted;
}

/** What tells who may do what to a file. */
export type Rights = Pick<FileAttributes, "type" | "mode" | "uid" | "gid">;

const RIGHTS_NAMES = [
  "type",
  "mode",
  "uid",
  "gid",
] as const satisfies readonly (keyof Rights)[];

/** Rights as they are now: attributes may be a live record. */
export function rightsOf(attributes: Rights & Listed): Rights & Listed {
  const { type, mode, uid, gid } = attributes;
  const holder = attributes[accessListHolder];
  return { type, mode, uid, gid, [accessListHolder]: holder };
}

/** {@linkcode Rights} are wanted. */
export const RIGHTS: Wanted<keyof Rights> = wantedOnly(RIGHTS_NAMES);

/** The type alone is wanted. */
export const TYPE: Wanted<"type"> = wantedOnly(["type"]);

/** {@linkcode Rights} are wanted, and more. */
export function rightsAnd<Name extends keyof FileAttributes>(
  ...names: readonly Name[]
): Wanted<keyof Rights | Name> {
  return wantedOnly([...RIGHTS_NAMES, ...names]);
}
