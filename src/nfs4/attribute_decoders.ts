import type { AttributeChanges, Timestamp } from "../vfs/file_system.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { readAces } from "./acls.ts";
import { isStatus, Status, type StatusCode } from "./constants.ts";
import { parseOwner } from "./owners.ts";

/** Changes as they are read off the wire. */
export interface DecodedChanges extends AttributeChanges {
  /** mode_set_masked (RFC 8881 6.2.5): bits of the mode to set or reset. */
  modeMasked?: { readonly value: number; readonly mask: number };
  /** time_deleg_access and time_deleg_modify (RFC 9754): what the holder of a delegation says they are. */
  delegated?: { readonly atime?: Timestamp; readonly mtime?: Timestamp };
  /** Of mode_umask (RFC 8275 5): the bits that `mode` is limited by. */
  umask?: number;
}

/** Reads one attribute into the changes; the status of a value that can't be. */
export type AttributeDecoder = (
  xdr: XdrReader,
  changes: DecodedChanges,
) => StatusCode;

/** SET_TO_CLIENT_TIME4 (RFC 8881 3.3.3, settime4). */
const CLIENT_TIME = 1;
const MODE_BITS = 0o7777;
const UMASK_BITS = 0o777;
const BILLION = 1_000_000_000;

/** length4 */
export const size: AttributeDecoder = (xdr, changes) => {
  changes.size = xdr.uint64Number();
  return Status.OK;
};

/** nfsace4<> */
export const acl: AttributeDecoder = (xdr, changes) => {
  const aces = readAces(xdr);
  if (isStatus(aces)) return aces;
  changes.acl = aces;
  return Status.OK;
};

/** mode4 */
export const mode: AttributeDecoder = (xdr, changes) => {
  changes.mode = xdr.uint32();
  // RFC 8881 6.2.4: MUST be NFS4ERR_INVAL if other bits are set.
  return changes.mode > MODE_BITS ? Status.INVAL : Status.OK;
};

/** mode_masked4 */
export const modeSetMasked: AttributeDecoder = (xdr, changes) => {
  const value = xdr.uint32();
  const mask = xdr.uint32();
  changes.modeMasked = { value, mask };
  // RFC 8881 6.2.5: not together with mode, and no other bits in either word.
  const refused = changes.mode !== undefined || value > MODE_BITS ||
    mask > MODE_BITS;
  return refused ? Status.INVAL : Status.OK;
};

/** mode_umask4 */
export const modeUmask: AttributeDecoder = (xdr, changes) => {
  const isTwice = changes.mode !== undefined;
  const mode = xdr.uint32();
  const umask = xdr.uint32();
  Object.assign(changes, { mode, umask });
  // RFC 8275 5: not together with mode, and no other bits in the umask.
  const refused = isTwice || mode > MODE_BITS || umask > UMASK_BITS;
  return refused ? Status.INVAL : Status.OK;
};

/** owner, utf8str_mixed */
export const owner: AttributeDecoder = (xdr, changes) => {
  const parsed = parseOwner(xdr.opaque(xdr.remaining));
  if (isStatus(parsed)) return parsed;
  changes.uid = parsed.id;
  return Status.OK;
};

/** owner_group, utf8str_mixed */
export const ownerGroup: AttributeDecoder = (xdr, changes) => {
  const parsed = parseOwner(xdr.opaque(xdr.remaining));
  if (isStatus(parsed)) return parsed;
  changes.gid = parsed.id;
  return Status.OK;
};

/** time_access_set, settime4 */
export const timeAccess: AttributeDecoder = (xdr, changes) => {
  const time = readSetTime(xdr);
  if (isStatus(time)) return time;
  changes.atime = time;
  return Status.OK;
};

/** time_modify_set, settime4 */
export const timeModify: AttributeDecoder = (xdr, changes) => {
  const time = readSetTime(xdr);
  if (isStatus(time)) return time;
  changes.mtime = time;
  return Status.OK;
};

/** time_create, nfstime4 */
export const timeCreate: AttributeDecoder = (xdr, changes) => {
  const time = readTime(xdr);
  if (isStatus(time)) return time;
  changes.birthtime = time;
  return Status.OK;
};

/** time_deleg_access, nfstime4 */
export const timeDelegAccess: AttributeDecoder = (xdr, changes) => {
  const atime = readTime(xdr);
  if (isStatus(atime)) return atime;
  changes.delegated = { ...changes.delegated, atime };
  return Status.OK;
};

/** time_deleg_modify, nfstime4 */
export const timeDelegModify: AttributeDecoder = (xdr, changes) => {
  const mtime = readTime(xdr);
  if (isStatus(mtime)) return mtime;
  changes.delegated = { ...changes.delegated, mtime };
  return Status.OK;
};

function readSetTime(xdr: XdrReader): Timestamp | "now" | StatusCode {
  if (xdr.discriminant(CLIENT_TIME) !== CLIENT_TIME) return "now";
  return readTime(xdr);
}

/** An nfstime4; the status of one that can't be. */
export function readTime(xdr: XdrReader): Timestamp | StatusCode {
  const seconds = Number(xdr.int64());
  const nanoseconds = xdr.uint32();
  // RFC 8881 3.3.1 (nfstime4): values of a second or more are invalid.
  if (nanoseconds >= BILLION || !Number.isSafeInteger(seconds)) {
    return Status.INVAL;
  }
  return { seconds, nanoseconds };
}
