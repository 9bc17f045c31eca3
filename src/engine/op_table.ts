import { type MinorVersion, Op } from "../nfs4/constants.ts";
import type { Operation, OperationRow } from "./operation.ts";
import { access } from "./ops/access.ts";
import { allocate } from "./ops/allocate.ts";
import { backchannelCtl } from "./ops/backchannel_ctl.ts";
import { bindConnToSession } from "./ops/bind_conn_to_session.ts";
import { clone } from "./ops/clone.ts";
import { close } from "./ops/close.ts";
import { commit } from "./ops/commit.ts";
import { copy } from "./ops/copy.ts";
import { copyNotify } from "./ops/copy_notify.ts";
import { create } from "./ops/create.ts";
import { createSession } from "./ops/create_session.ts";
import { deallocate } from "./ops/deallocate.ts";
import { delegpurge } from "./ops/delegpurge.ts";
import { delegreturn } from "./ops/delegreturn.ts";
import { destroyClientid } from "./ops/destroy_clientid.ts";
import { destroySession } from "./ops/destroy_session.ts";
import { exchangeId } from "./ops/exchange_id.ts";
import { freeStateid } from "./ops/free_stateid.ts";
import { getDirDelegation } from "./ops/get_dir_delegation.ts";
import { getattr } from "./ops/getattr.ts";
import { getdeviceinfo } from "./ops/getdeviceinfo.ts";
import { getdevicelist } from "./ops/getdevicelist.ts";
import { getfh } from "./ops/getfh.ts";
import { getxattr } from "./ops/getxattr.ts";
import { illegal } from "./ops/illegal.ts";
import { ioAdvise } from "./ops/io_advise.ts";
import { layoutcommit } from "./ops/layoutcommit.ts";
import { layouterror } from "./ops/layouterror.ts";
import { layoutget } from "./ops/layoutget.ts";
import { layoutreturn } from "./ops/layoutreturn.ts";
import { layoutstats } from "./ops/layoutstats.ts";
import { link } from "./ops/link.ts";
import { listxattrs } from "./ops/listxattrs.ts";
import { lock } from "./ops/lock.ts";
import { lockt } from "./ops/lockt.ts";
import { locku } from "./ops/locku.ts";
import { lookup } from "./ops/lookup.ts";
import { lookupp } from "./ops/lookupp.ts";
import { nverify } from "./ops/nverify.ts";
import { offloadCancel } from "./ops/offload_cancel.ts";
import { offloadStatus } from "./ops/offload_status.ts";
import { open } from "./ops/open.ts";
import { openConfirm } from "./ops/open_confirm.ts";
import { openDowngrade } from "./ops/open_downgrade.ts";
import { openattr } from "./ops/openattr.ts";
import { putfh } from "./ops/putfh.ts";
import { putpubfh } from "./ops/putpubfh.ts";
import { putrootfh } from "./ops/putrootfh.ts";
import { read } from "./ops/read.ts";
import { readPlus } from "./ops/read_plus.ts";
import { readdir } from "./ops/readdir.ts";
import { readlink } from "./ops/readlink.ts";
import { reclaimComplete } from "./ops/reclaim_complete.ts";
import { releaseLockowner } from "./ops/release_lockowner.ts";
import { remove } from "./ops/remove.ts";
import { removexattr } from "./ops/removexattr.ts";
import { rename } from "./ops/rename.ts";
import { renew } from "./ops/renew.ts";
import { restorefh } from "./ops/restorefh.ts";
import { savefh } from "./ops/savefh.ts";
import { secinfo } from "./ops/secinfo.ts";
import { secinfoNoName } from "./ops/secinfo_no_name.ts";
import { seek } from "./ops/seek.ts";
import { sequence } from "./ops/sequence.ts";
import { setSsv } from "./ops/set_ssv.ts";
import { setattr } from "./ops/setattr.ts";
import { setclientid } from "./ops/setclientid.ts";
import { setclientidConfirm } from "./ops/setclientid_confirm.ts";
import { setxattr } from "./ops/setxattr.ts";
import { testStateid } from "./ops/test_stateid.ts";
import { verify } from "./ops/verify.ts";
import { wantDelegation } from "./ops/want_delegation.ts";
import { write } from "./ops/write.ts";
import { writeSame } from "./ops/write_same.ts";

const EVERY: readonly MinorVersion[] = [0, 1, 2];
const V40: readonly MinorVersion[] = [0];
const V41: readonly MinorVersion[] = [1, 2];
const NONE: readonly MinorVersion[] = [];

const HANDLE = { needsFilehandle: true } as const;
const FH = { needsFilehandle: true, usesFiles: true } as const;
const ONCE = { ...FH, once: true } as const;
const ALONE = { sessionless: true } as const;
const RECORDS = { usesRecords: true } as const;

// maxReply: number and status 8, stateid 16, change_info4 20, bitmap4 of three
// words 16, verifier 8, LOCK4denied with the longest owner 1056.
const ROWS: readonly OperationRow[] = [
  row("ACCESS", EVERY, access, FH),
  row("CLOSE", EVERY, close, { ...HANDLE, maxReply: 24 }),
  row("COMMIT", EVERY, commit, FH),
  row("CREATE", EVERY, create, { ...ONCE, maxReply: 60 }),
  row("DELEGPURGE", NONE, delegpurge),
  row("DELEGRETURN", EVERY, delegreturn, {
    ...HANDLE,
    once: true,
    maxReply: 8,
  }),
  row("GETATTR", EVERY, getattr, FH),
  row("GETFH", EVERY, getfh, HANDLE),
  row("LINK", EVERY, link, { ...ONCE, maxReply: 28 }),
  row("LOCK", EVERY, lock, { ...HANDLE, ...RECORDS, maxReply: 1064 }),
  row("LOCKT", EVERY, lockt, HANDLE),
  row("LOCKU", EVERY, locku, { ...HANDLE, maxReply: 24 }),
  row("LOOKUP", EVERY, lookup, FH),
  row("LOOKUPP", EVERY, lookupp, FH),
  row("NVERIFY", EVERY, nverify, FH),
  row("OPEN", EVERY, open, { ...FH, ...RECORDS, maxReply: 200 }),
  row("OPENATTR", NONE, openattr, FH),
  row("OPEN_CONFIRM", V40, openConfirm, {
    ...HANDLE,
    ...RECORDS,
    maxReply: 24,
  }),
  row("OPEN_DOWNGRADE", EVERY, openDowngrade, { ...HANDLE, maxReply: 24 }),
  row("PUTFH", EVERY, putfh),
  row("PUTPUBFH", EVERY, putpubfh),
  row("PUTROOTFH", EVERY, putrootfh),
  row("READ", EVERY, read, FH),
  row("READDIR", EVERY, readdir, FH),
  row("READLINK", EVERY, readlink, FH),
  row("REMOVE", EVERY, remove, { ...ONCE, maxReply: 28 }),
  row("RENAME", EVERY, rename, { ...ONCE, maxReply: 48 }),
  row("RENEW", V40, renew),
  row("RESTOREFH", EVERY, restorefh),
  row("SAVEFH", EVERY, savefh, HANDLE),
  row("SECINFO", EVERY, secinfo, HANDLE),
  row("SETATTR", EVERY, setattr, { ...ONCE, maxReply: 24 }),
  row("SETCLIENTID", V40, setclientid, { maxReply: 1064 }),
  row("SETCLIENTID_CONFIRM", V40, setclientidConfirm, {
    ...RECORDS,
    maxReply: 8,
  }),
  row("VERIFY", EVERY, verify, FH),
  row("WRITE", EVERY, write, { ...FH, maxReply: 24 }),
  row("RELEASE_LOCKOWNER", V40, releaseLockowner, { maxReply: 8 }),
  row("BACKCHANNEL_CTL", V41, backchannelCtl, { ...RECORDS, maxReply: 8 }),
  row("BIND_CONN_TO_SESSION", V41, bindConnToSession, {
    ...ALONE,
    maxReply: 32,
  }),
  row("EXCHANGE_ID", V41, exchangeId, { ...ALONE, maxReply: 3200 }),
  row("CREATE_SESSION", V41, createSession, {
    ...ALONE,
    ...RECORDS,
    maxReply: 120,
  }),
  row("DESTROY_SESSION", V41, destroySession, {
    ...ALONE,
    ...RECORDS,
    maxReply: 8,
  }),
  row("FREE_STATEID", V41, freeStateid, { ...RECORDS, maxReply: 8 }),
  row("GET_DIR_DELEGATION", NONE, getDirDelegation, FH),
  row("GETDEVICEINFO", NONE, getdeviceinfo),
  row("GETDEVICELIST", NONE, getdevicelist, FH),
  row("LAYOUTCOMMIT", NONE, layoutcommit, FH),
  row("LAYOUTGET", NONE, layoutget, FH),
  row("LAYOUTRETURN", NONE, layoutreturn, FH),
  row("SECINFO_NO_NAME", V41, secinfoNoName, HANDLE),
  row("SEQUENCE", V41, sequence, { maxReply: 44 }),
  row("SET_SSV", V41, setSsv, { maxReply: 8 }),
  row("TEST_STATEID", V41, testStateid),
  row("WANT_DELEGATION", NONE, wantDelegation, FH),
  row("DESTROY_CLIENTID", V41, destroyClientid, {
    ...ALONE,
    ...RECORDS,
    maxReply: 8,
  }),
  row("RECLAIM_COMPLETE", V41, reclaimComplete, { ...RECORDS, maxReply: 8 }),
  row("ALLOCATE", NONE, allocate, FH),
  row("COPY", NONE, copy, FH),
  row("COPY_NOTIFY", NONE, copyNotify, FH),
  row("DEALLOCATE", NONE, deallocate, FH),
  row("IO_ADVISE", NONE, ioAdvise, FH),
  row("LAYOUTERROR", NONE, layouterror, FH),
  row("LAYOUTSTATS", NONE, layoutstats, FH),
  row("OFFLOAD_CANCEL", NONE, offloadCancel, FH),
  row("OFFLOAD_STATUS", NONE, offloadStatus, FH),
  row("READ_PLUS", NONE, readPlus, FH),
  row("SEEK", NONE, seek, FH),
  row("WRITE_SAME", NONE, writeSame, FH),
  row("CLONE", NONE, clone, FH),
  row("GETXATTR", NONE, getxattr, FH),
  row("SETXATTR", NONE, setxattr, FH),
  row("LISTXATTRS", NONE, listxattrs, FH),
  row("REMOVEXATTR", NONE, removexattr, FH),
];

/** Stands for every number that is no operation of the minor version. */
export const ILLEGAL: OperationRow = row("ILLEGAL", EVERY, illegal);

/** The operation table, by number; holes are operations that nobody knows. */
export const OPERATIONS: readonly (OperationRow | undefined)[] = byNumber();

function row<Args>(
  name: keyof typeof Op,
  versions: readonly MinorVersion[],
  operation: Operation<Args>,
  rules: Omit<
    OperationRow,
    "number" | "name" | "since" | "versions" | "operation"
  > = {},
): OperationRow {
  const number = Op[name];
  return { number, name, since: since(number), versions, operation, ...rules };
}

// RFC 7530, RFC 8881 and RFC 7862 each went on counting where the last one ended.
function since(number: number): MinorVersion {
  if (number <= Op.RELEASE_LOCKOWNER || number === Op.ILLEGAL) return 0;
  return number <= Op.RECLAIM_COMPLETE ? 1 : 2;
}

function byNumber(): (OperationRow | undefined)[] {
  const table: (OperationRow | undefined)[] = [];
  for (const row of ROWS) table[row.number] = row;
  return table;
}
