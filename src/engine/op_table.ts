import { type MinorVersion, Op } from "../nfs4/constants.ts";
import type { Changes, FileChange } from "./files/changing.ts";
import type { AnyOperation, Operation, OperationRow } from "./operation.ts";
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
type MaxReply = Required<Pick<OperationRow, "maxReply">>;
const ALONE = { sessionless: true } as const;
const RECORDS = { usesRecords: true } as const;

// maxReply: number and status 8, stateid 16, change_info4 20, bitmap4 of three
// words 16, verifier 8, LOCK4denied with the longest owner 1056.
const ROWS: readonly OperationRow[] = [
  row("ACCESS", EVERY, "nothing", access, FH),
  row("CLOSE", EVERY, "state", close, { ...HANDLE, maxReply: 24 }),
  row("COMMIT", EVERY, "nothing", commit, FH),
  row("CREATE", EVERY, "create", create, { ...ONCE, maxReply: 60 }),
  row("DELEGPURGE", NONE, "nothing", delegpurge),
  row("DELEGRETURN", EVERY, "state", delegreturn, {
    ...HANDLE,
    once: true,
    maxReply: 8,
  }),
  row("GETATTR", EVERY, "nothing", getattr, FH),
  row("GETFH", EVERY, "nothing", getfh, HANDLE),
  row("LINK", EVERY, "link", link, { ...ONCE, maxReply: 28 }),
  row("LOCK", EVERY, "state", lock, { ...HANDLE, ...RECORDS, maxReply: 1064 }),
  row("LOCKT", EVERY, "nothing", lockt, HANDLE),
  row("LOCKU", EVERY, "state", locku, { ...HANDLE, maxReply: 24 }),
  row("LOOKUP", EVERY, "nothing", lookup, FH),
  row("LOOKUPP", EVERY, "nothing", lookupp, FH),
  row("NVERIFY", EVERY, "nothing", nverify, FH),
  row("OPEN", EVERY, "sometimes", open, { ...FH, ...RECORDS, maxReply: 200 }),
  row("OPENATTR", NONE, "nothing", openattr, FH),
  row("OPEN_CONFIRM", V40, "state", openConfirm, {
    ...HANDLE,
    ...RECORDS,
    once: true,
    maxReply: 24,
  }),
  row("OPEN_DOWNGRADE", EVERY, "state", openDowngrade, {
    ...HANDLE,
    maxReply: 24,
  }),
  row("PUTFH", EVERY, "nothing", putfh),
  row("PUTPUBFH", EVERY, "nothing", putpubfh),
  row("PUTROOTFH", EVERY, "nothing", putrootfh),
  row("READ", EVERY, "nothing", read, FH),
  row("READDIR", EVERY, "nothing", readdir, FH),
  row("READLINK", EVERY, "nothing", readlink, FH),
  row("REMOVE", EVERY, "remove", remove, { ...ONCE, maxReply: 28 }),
  row("RENAME", EVERY, "rename", rename, { ...ONCE, maxReply: 48 }),
  row("RENEW", V40, "nothing", renew),
  row("RESTOREFH", EVERY, "nothing", restorefh),
  row("SAVEFH", EVERY, "nothing", savefh, HANDLE),
  row("SECINFO", EVERY, "nothing", secinfo, HANDLE),
  row("SETATTR", EVERY, "setattr", setattr, { ...ONCE, maxReply: 24 }),
  row("SETCLIENTID", V40, "state", setclientid, { maxReply: 1064 }),
  row("SETCLIENTID_CONFIRM", V40, "state", setclientidConfirm, {
    ...RECORDS,
    maxReply: 8,
  }),
  row("VERIFY", EVERY, "nothing", verify, FH),
  row("WRITE", EVERY, "write", write, { ...FH, maxReply: 24 }),
  row("RELEASE_LOCKOWNER", V40, "state", releaseLockowner, { maxReply: 8 }),
  row("BACKCHANNEL_CTL", V41, "state", backchannelCtl, {
    ...RECORDS,
    maxReply: 8,
  }),
  row("BIND_CONN_TO_SESSION", V41, "state", bindConnToSession, {
    ...ALONE,
    maxReply: 32,
  }),
  row("EXCHANGE_ID", V41, "state", exchangeId, { ...ALONE, maxReply: 3200 }),
  row("CREATE_SESSION", V41, "state", createSession, {
    ...ALONE,
    ...RECORDS,
    maxReply: 120,
  }),
  row("DESTROY_SESSION", V41, "state", destroySession, {
    ...ALONE,
    ...RECORDS,
    maxReply: 8,
  }),
  row("FREE_STATEID", V41, "state", freeStateid, { ...RECORDS, maxReply: 8 }),
  row("GET_DIR_DELEGATION", NONE, "nothing", getDirDelegation, FH),
  row("GETDEVICEINFO", NONE, "nothing", getdeviceinfo),
  row("GETDEVICELIST", NONE, "nothing", getdevicelist, FH),
  row("LAYOUTCOMMIT", NONE, "nothing", layoutcommit, FH),
  row("LAYOUTGET", NONE, "nothing", layoutget, FH),
  row("LAYOUTRETURN", NONE, "nothing", layoutreturn, FH),
  row("SECINFO_NO_NAME", V41, "nothing", secinfoNoName, HANDLE),
  row("SEQUENCE", V41, "state", sequence, { maxReply: 44 }),
  row("SET_SSV", V41, "state", setSsv, { maxReply: 8 }),
  row("TEST_STATEID", V41, "nothing", testStateid),
  row("WANT_DELEGATION", NONE, "nothing", wantDelegation, FH),
  row("DESTROY_CLIENTID", V41, "state", destroyClientid, {
    ...ALONE,
    ...RECORDS,
    maxReply: 8,
  }),
  row("RECLAIM_COMPLETE", V41, "state", reclaimComplete, {
    ...RECORDS,
    maxReply: 8,
  }),
  row("ALLOCATE", NONE, "nothing", allocate, FH),
  row("COPY", NONE, "nothing", copy, FH),
  row("COPY_NOTIFY", NONE, "nothing", copyNotify, FH),
  row("DEALLOCATE", NONE, "nothing", deallocate, FH),
  row("IO_ADVISE", NONE, "nothing", ioAdvise, FH),
  row("LAYOUTERROR", NONE, "nothing", layouterror, FH),
  row("LAYOUTSTATS", NONE, "nothing", layoutstats, FH),
  row("OFFLOAD_CANCEL", NONE, "nothing", offloadCancel, FH),
  row("OFFLOAD_STATUS", NONE, "nothing", offloadStatus, FH),
  row("READ_PLUS", NONE, "nothing", readPlus, FH),
  row("SEEK", NONE, "nothing", seek, FH),
  row("WRITE_SAME", NONE, "nothing", writeSame, FH),
  row("CLONE", NONE, "nothing", clone, FH),
  row("GETXATTR", NONE, "nothing", getxattr, FH),
  row("SETXATTR", NONE, "nothing", setxattr, FH),
  row("LISTXATTRS", NONE, "nothing", listxattrs, FH),
  row("REMOVEXATTR", NONE, "nothing", removexattr, FH),
];

/** Stands for every number that is no operation of the minor version. */
export const ILLEGAL: OperationRow = row("ILLEGAL", EVERY, "nothing", illegal);

/** The operation table, by number; holes are numbers that no minor version defines. */
export const OPERATIONS: readonly (OperationRow | undefined)[] = byNumber();

type Name = keyof typeof Op;
type Versions = readonly MinorVersion[];
type Rules = Partial<
  Pick<
    OperationRow,
    "needsFilehandle" | "sessionless" | "once" | "usesFiles" | "usesRecords"
  >
>;

// Rows that say what is not so don't compile: see operation.ts.
function row<Args>(
  ...row: [Name, Versions, "nothing", Operation<Args>, Rules?]
): OperationRow;
function row<Args>(
  ...row: [Name, Versions, "state", Operation<Args>, Rules & MaxReply]
): OperationRow;
function row<Args, Change extends FileChange>(
  ...row: [Name, Versions, Change, Operation<Args, Change>, Rules & MaxReply]
): OperationRow;
function row(
  name: Name,
  versions: Versions,
  changes: Changes,
  operation: AnyOperation,
  rules?: Rules & Partial<MaxReply>,
): OperationRow {
  const number = Op[name];
  // The same fields in every row: each request reads several of four rows.
  return {
    number,
    name,
    since: since(number),
    versions,
    changes,
    operation,
    sessionless: rules?.sessionless ?? false,
    needsFilehandle: rules?.needsFilehandle ?? false,
    usesFiles: rules?.usesFiles ?? false,
    usesRecords: rules?.usesRecords ?? false,
    once: rules?.once ?? false,
    maxReply: rules?.maxReply,
  };
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
