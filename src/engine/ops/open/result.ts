import { writeBitmap } from "../../../nfs4/bitmap.ts";
import { ANONYMOUS, writeStateid } from "../../../nfs4/types.ts";
import {
  type Delegation,
  isReason,
  WhyNoDelegation,
} from "../../../state/delegations.ts";
import type { OpenState } from "../../../state/opens.ts";
import { preservesUnlinked } from "../../../vfs/preserved.ts";
import type { XdrWriter } from "../../../xdr/writer.ts";
import { writeChangeInfo } from "../../files/change_info.ts";
import type { CompoundContext } from "../../context.ts";
import type { OpenTarget } from "./target.ts";

/** OPEN4_RESULT_* (RFC 8881 18.16.2). */
const RESULT_CONFIRM = 2;
const RESULT_LOCKTYPE_POSIX = 4;
const RESULT_PRESERVE_UNLINKED = 8;
const RESULT_NO_OPEN_STATEID = 0x10;
const RESULT_MAY_NOTIFY_LOCK = 0x20;

const DELEGATE_NONE = 0;
const DELEGATE_READ = 1;
const DELEGATE_WRITE = 2;
const DELEGATE_NONE_EXT = 3;
const DELEGATE_WRITE_ATTRS_DELEG = 5;
/** NFS_LIMIT_SIZE */
const LIMIT_SIZE = 1;

/** Writes OPEN4resok. */
export function writeOpenResult(
  { reply, minorVersion }: CompoundContext,
  open: OpenState,
  { target, wanted, offer, isReplaced }: {
    readonly target: OpenTarget;
    /** OPEN4_SHARE_ACCESS_WANT_* */
    readonly wanted: number;
    /** What goes with it. */
    readonly offer: Delegation | WhyNoDelegation;
    /** Whether that stands for the open. */
    readonly isReplaced: boolean;
  },
): void {
  // RFC 9754: where there is no open, its stateid is that of none.
  writeStateid(reply, isReplaced ? ANONYMOUS : open);
  writeChangeInfo(reply, target.change);
  // RFC 8881 18.16.3: OPEN4_RESULT_CONFIRM is NFSv4.0's alone, whose owners start unconfirmed.
  const confirm = open.owner.isConfirmed ? 0 : RESULT_CONFIRM;
  const notify = open.mayNotify ? RESULT_MAY_NOTIFY_LOCK : 0;
  const none = isReplaced ? RESULT_NO_OPEN_STATEID : 0;
  // NFSv4.0 has no word for it.
  const isPreserved = minorVersion > 0 &&
    preservesUnlinked(target.file.export.fs);
  const preserve = isPreserved ? RESULT_PRESERVE_UNLINKED : 0;
  reply.uint32(RESULT_LOCKTYPE_POSIX | confirm | preserve | none | notify);
  writeBitmap(reply, target.set);
  if (isReason(offer)) writeNone(reply, wanted, offer);
  else writeDelegation(reply, offer);
}

function writeNone(
  xdr: XdrWriter,
  wanted: number,
  why: WhyNoDelegation,
): void {
  // RFC 8881 18.16.3: a client that said what it wants is told why it gets
  // nothing.
  if (wanted === 0) return xdr.uint32(DELEGATE_NONE);
  xdr.uint32(DELEGATE_NONE_EXT);
  xdr.uint32(why);
  const promises = why === WhyNoDelegation.CONTENTION ||
    why === WhyNoDelegation.RESOURCE;
  // Clients are not told later.
  if (promises) xdr.bool(false);
}

function writeDelegation(xdr: XdrWriter, delegation: Delegation): void {
  const isRead = delegation.type === "read";
  const write = delegation.times === undefined
    ? DELEGATE_WRITE
    : DELEGATE_WRITE_ATTRS_DELEG;
  xdr.uint32(isRead ? DELEGATE_READ : write);
  writeStateid(xdr, delegation);
  xdr.bool(delegation.isRecalled);
  if (!isRead) {
    // Room is claimed with each WRITE, so there is no size that needs a flush.
    xdr.uint32(LIMIT_SIZE);
    xdr.uint64(0xffff_ffff_ffff_ffffn);
  }
  // nfsace4 (RFC 8881 6.2.1): ALLOW of nothing with an empty `who`, so the
  // client asks ACCESS.
  xdr.uint32(0);
  xdr.uint32(0);
  xdr.uint32(0);
  xdr.string("");
}
