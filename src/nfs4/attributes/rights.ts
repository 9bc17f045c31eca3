import { hasMethod } from "../../vfs/changes.ts";
import { shownAces } from "../../vfs/shown_acl.ts";
import { ACL_SUPPORT, writeAces } from "../acls.ts";
import * as decoders from "../attribute_decoders.ts";
import { type AttributeRow, canSet, hasLists } from "./row.ts";

/** Whose a file is, and who may do what to it. */
export const RIGHTS_ATTRIBUTES: readonly AttributeRow[] = [
  {
    number: 12,
    name: "acl",
    supported: hasLists,
    reads: ["type", "mode"],
    get: (xdr, { attributes }) => writeAces(xdr, shownAces(attributes)),
    set: decoders.acl,
  },
  {
    number: 13,
    name: "aclsupport",
    perFileSystem: true,
    get: (xdr, { file: { export: { fs } } }) =>
      xdr.uint32(hasLists({ fs }) ? ACL_SUPPORT : 0),
  },
  {
    number: 33,
    name: "mode",
    reads: ["mode"],
    get: (xdr, { attributes }) => xdr.uint32(attributes.mode & 0o7777),
    set: decoders.mode,
  },
  {
    number: 36,
    name: "owner",
    reads: ["uid"],
    // RFC 7530 5.9, RFC 8881 5.9: a number, for there is no name behind it.
    get: (xdr, { attributes }) => xdr.string(String(attributes.uid)),
    set: decoders.owner,
  },
  {
    number: 37,
    name: "owner_group",
    reads: ["gid"],
    get: (xdr, { attributes }) => xdr.string(String(attributes.gid)),
    set: decoders.ownerGroup,
  },
  {
    number: 74,
    name: "mode_set_masked",
    since: 1,
    supported: canSet,
    set: decoders.modeSetMasked,
    setOnlyFor: "set",
  },
  // RFC 8275 5
  {
    number: 81,
    name: "mode_umask",
    since: 2,
    supported: ({ fs }) => hasMethod(fs, "create"),
    set: decoders.modeUmask,
    setOnlyFor: "create",
  },
];
