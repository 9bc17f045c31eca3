/**
 * Access lists as they stand on the wire (RFC 8881 6.2.1).
 *
 * @module
 */

import {
  type Ace,
  AceFlag,
  AceMask,
  type AceWho,
  INHERITABLE,
  MAX_ACES,
} from "../vfs/acl.ts";
import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { isStatus, Status, type StatusCode } from "./constants.ts";
import { parseOwner } from "./owners.ts";

/** acetype4 (RFC 8881 6.2.1.1); AUDIT and ALARM are not offered. */
const TYPES = ["allow", "deny"] as const;
/** aclsupport (RFC 8881 6.2.1.2): ALLOW and DENY. */
export const ACL_SUPPORT = 0x3;
const IDENTIFIER_GROUP = 0x40;
const INHERITED = 0x80;
const FLAGS = AceFlag.FILE_INHERIT | AceFlag.DIRECTORY_INHERIT |
  AceFlag.NO_PROPAGATE | AceFlag.INHERIT_ONLY;
/**
 * What is told to all, as by stat(2), and so can't be denied: RFC 8881 6.2.1 has
 * a list refused that appears to make access more restrictive than it is.
 */
const UNDENIABLE = AceMask.READ_ATTRIBUTES | AceMask.READ_ACL;
/** The special identifiers that are understood (RFC 8881 6.2.1.5). */
const SPECIAL: Readonly<Record<string, AceWho>> = {
  "OWNER@": "owner@",
  "GROUP@": "group@",
  "EVERYONE@": "everyone@",
};
const latin = new TextDecoder("latin1");

/** Reads an nfsace4<>: its entries, or the status that refuses them, when all of it was read. */
export function readAces(xdr: XdrReader): readonly Ace[] | StatusCode {
  const count = xdr.uint32();
  let status: StatusCode = count > MAX_ACES ? Status.INVAL : Status.OK;
  const aces: Ace[] = [];
  // Each is read from the message, so a false count ends with the message.
  for (let i = 0; i < count; i++) {
    const ace = readAce(xdr);
    if (status !== Status.OK) continue;
    if (isStatus(ace)) status = ace;
    else aces.push(ace);
  }
  return status === Status.OK ? aces : status;
}

function readAce(xdr: XdrReader): Ace | StatusCode {
  const type = TYPES[xdr.uint32()];
  const flag = xdr.uint32();
  const mask = xdr.uint32();
  const name = xdr.opaque(xdr.remaining);
  // RFC 8881 6.2.1.2, 6.2.1.4: what is not supported.
  if (type === undefined) return Status.ATTRNOTSUPP;
  if ((flag & ~(FLAGS | IDENTIFIER_GROUP | INHERITED)) !== 0) {
    return Status.ATTRNOTSUPP;
  }
  const flags = flag & FLAGS;
  const isForNone = (flags & AceFlag.INHERIT_ONLY) !== 0 &&
    (flags & INHERITABLE) === 0;
  if (isForNone || (mask & ~AceMask.ALL) !== 0) return Status.ATTRNOTSUPP;
  if (type === "deny" && (mask & UNDENIABLE) !== 0) return Status.ATTRNOTSUPP;
  const special = SPECIAL[latin.decode(name)];
  if (special !== undefined) return { type, flags, mask, who: special, id: 0 };
  const owner = parseOwner(name);
  if (isStatus(owner)) return owner;
  const who = (flag & IDENTIFIER_GROUP) === 0 ? "user" : "group";
  return { type, flags, mask, who, id: owner.id };
}

/** Writes an nfsace4<>. */
export function writeAces(xdr: XdrWriter, aces: readonly Ace[]): void {
  xdr.uint32(aces.length);
  for (const { type, flags, mask, who, id } of aces) {
    xdr.uint32(TYPES.indexOf(type));
    xdr.uint32(who === "group" ? flags | IDENTIFIER_GROUP : flags);
    xdr.uint32(mask);
    const isNumber = who === "user" || who === "group";
    xdr.string(isNumber ? String(id) : who.toUpperCase());
  }
}
