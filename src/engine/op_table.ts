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
const SINCE_V41: readonly MinorVersion[] = [1, 2];
const SINCE_V42: readonly MinorVersion[] = [2];
/** Of operations that are decoded and answered NFS4ERR_NOTSUPP. */
const UNSERVED: readonly MinorVersion[] = [];

const NEEDS_FH = { needsFilehandle: true } as const;
const USES_FILE = { needsFilehandle: true, usesFiles: true } as const;
type MaxReply = Required<Pick<OperationRow, "maxReply">>;
const BRIEF = { isBrief: true } as const;
const SESSIONLESS = { sessionless: true } as const;
const RECORDS = { usesRecords: true } as const;

// maxReply: number and status 8, stateid 16, change_info4 20, bitmap4 of three
// words 16, verifier 8; what LOCK is denied by is measured when it is (`deny`).
const ROWS: readonly OperationRow[] = [
  row("ACCESS", EVERY, "nothing", access, USES_FILE),
  row("CLOSE", EVERY, "state", close, { ...NEEDS_FH, maxReply: 24 }),
  row("COMMIT", EVERY, "nothing", commit, USES_FILE),
  row("CREATE", EVERY, "create", create, { ...USES_FILE, maxReply: 60 }),
  row("DELEGPURGE", UNSERVED, "nothing", delegpurge),
  row("DELEGRETURN", EVERY, "state", delegreturn, { ...NEEDS_FH, maxReply: 8 }),
  row("GETATTR", EVERY, "nothing", getattr, USES_FILE),
  row("GETFH", EVERY, "nothing", getfh, { ...NEEDS_FH, ...BRIEF }),
  row("LINK", EVERY, "link", link, { ...USES_FILE, maxReply: 28 }),
  row("LOCK", EVERY, "state", lock, {
    ...NEEDS_FH,
    ...RECORDS,
    maxReply: 24,
  }),
  row("LOCKT", EVERY, "nothing", lockt, NEEDS_FH),
  row("LOCKU", EVERY, "state", locku, { ...NEEDS_FH, maxReply: 24 }),
  row("LOOKUP", EVERY, "nothing", lookup, USES_FILE),
  row("LOOKUPP", EVERY, "nothing", lookupp, USES_FILE),
  row("NVERIFY", EVERY, "nothing", nverify, USES_FILE),
  row("OPEN", EVERY, "sometimes", open, {
    ...USES_FILE,
    ...RECORDS,
    maxReply: 200,
  }),
  row("OPENATTR", EVERY, "nothing", openattr, USES_FILE),
  row("OPEN_CONFIRM", V40, "state", openConfirm, {
    ...NEEDS_FH,
    ...RECORDS,
    maxReply: 24,
  }),
  row("OPEN_DOWNGRADE", EVERY, "state", openDowngrade, {
    ...NEEDS_FH,
    maxReply: 24,
  }),
  row("PUTFH", EVERY, "nothing", putfh, BRIEF),
  row("PUTPUBFH", EVERY, "nothing", putpubfh, BRIEF),
  row("PUTROOTFH", EVERY, "nothing", putrootfh, BRIEF),
  row("READ", EVERY, "nothing", read, USES_FILE),
  row("READDIR", EVERY, "nothing", readdir, USES_FILE),
  row("READLINK", EVERY, "nothing", readlink, USES_FILE),
  row("REMOVE", EVERY, "remove", remove, { ...USES_FILE, maxReply: 28 }),
  row("RENAME", EVERY, "rename", rename, { ...USES_FILE, maxReply: 48 }),
  row("RENEW", V40, "nothing", renew),
  row("RESTOREFH", EVERY, "nothing", restorefh, BRIEF),
  row("SAVEFH", EVERY, "nothing", savefh, { ...NEEDS_FH, ...BRIEF }),
  row("SECINFO", EVERY, "nothing", secinfo, NEEDS_FH),
  row("SETATTR", EVERY, "setattr", setattr, { ...USES_FILE, maxReply: 24 }),
  row("SETCLIENTID", V40, "state", setclientid, {
    isRepeatable: true,
    maxReply: 1064,
  }),
  row("SETCLIENTID_CONFIRM", V40, "state", setclientidConfirm, {
    ...RECORDS,
    isRepeatable: true,
    maxReply: 8,
  }),
  row("VERIFY", EVERY, "nothing", verify, USES_FILE),
  row("WRITE", EVERY, "write", write, {
    ...USES_FILE,
    isRepeatable: true,
    maxReply: 24,
  }),
  row("RELEASE_LOCKOWNER", V40, "state", releaseLockowner, {
    isRepeatable: true,
    maxReply: 8,
  }),
  row("BACKCHANNEL_CTL", SINCE_V41, "state", backchannelCtl, {
    ...RECORDS,
    maxReply: 8,
  }),
  row("BIND_CONN_TO_SESSION", SINCE_V41, "state", bindConnToSession, {
    ...SESSIONLESS,
    maxReply: 32,
  }),
  row("EXCHANGE_ID", SINCE_V41, "state", exchangeId, {
    ...SESSIONLESS,
    maxReply: 3200,
  }),
  row("CREATE_SESSION", SINCE_V41, "state", createSession, {
    ...SESSIONLESS,
    ...RECORDS,
    maxReply: 120,
  }),
  row("DESTROY_SESSION", SINCE_V41, "state", destroySession, {
    ...SESSIONLESS,
    ...RECORDS,
    maxReply: 8,
  }),
  row("FREE_STATEID", SINCE_V41, "state", freeStateid, {
    ...RECORDS,
    maxReply: 8,
  }),
  row("GET_DIR_DELEGATION", SINCE_V41, "state", getDirDelegation, {
    ...USES_FILE,
    maxReply: 76,
  }),
  row("GETDEVICEINFO", UNSERVED, "nothing", getdeviceinfo),
  row("GETDEVICELIST", UNSERVED, "nothing", getdevicelist, USES_FILE),
  row("LAYOUTCOMMIT", UNSERVED, "nothing", layoutcommit, USES_FILE),
  row("LAYOUTGET", UNSERVED, "nothing", layoutget, USES_FILE),
  row("LAYOUTRETURN", UNSERVED, "nothing", layoutreturn, USES_FILE),
  row("SECINFO_NO_NAME", SINCE_V41, "nothing", secinfoNoName, NEEDS_FH),
  row("SEQUENCE", SINCE_V41, "state", sequence, { ...BRIEF, maxReply: 44 }),
  row("SET_SSV", SINCE_V41, "state", setSsv, { maxReply: 8 }),
  row("TEST_STATEID", SINCE_V41, "nothing", testStateid),
  row("WANT_DELEGATION", UNSERVED, "nothing", wantDelegation, USES_FILE),
  row("DESTROY_CLIENTID", SINCE_V41, "state", destroyClientid, {
    ...SESSIONLESS,
    ...RECORDS,
    maxReply: 8,
  }),
  row("RECLAIM_COMPLETE", SINCE_V41, "state", reclaimComplete, {
    ...RECORDS,
    maxReply: 8,
  }),
  row("ALLOCATE", SINCE_V42, "allocate", allocate, {
    ...USES_FILE,
    maxReply: 8,
  }),
  row("COPY", SINCE_V42, "write", copy, {
    ...USES_FILE,
    standsInLineByCall: true,
    isRepeatable: true,
    maxReply: 56,
  }),
  row("COPY_NOTIFY", UNSERVED, "nothing", copyNotify, USES_FILE),
  row("DEALLOCATE", SINCE_V42, "deallocate", deallocate, {
    ...USES_FILE,
    maxReply: 8,
  }),
  row("IO_ADVISE", SINCE_V42, "nothing", ioAdvise, USES_FILE),
  row("LAYOUTERROR", UNSERVED, "nothing", layouterror, USES_FILE),
  row("LAYOUTSTATS", UNSERVED, "nothing", layoutstats, USES_FILE),
  row("OFFLOAD_CANCEL", SINCE_V42, "state", offloadCancel, {
    ...NEEDS_FH,
    maxReply: 8,
  }),
  row("OFFLOAD_STATUS", SINCE_V42, "nothing", offloadStatus, NEEDS_FH),
  row("READ_PLUS", SINCE_V42, "nothing", readPlus, USES_FILE),
  row("SEEK", SINCE_V42, "nothing", seek, USES_FILE),
  row("WRITE_SAME", SINCE_V42, "write", writeSame, {
    ...USES_FILE,
    maxReply: 32,
  }),
  row("CLONE", SINCE_V42, "clone", clone, { ...USES_FILE, maxReply: 8 }),
  row("GETXATTR", SINCE_V42, "nothing", getxattr, USES_FILE),
  row("SETXATTR", SINCE_V42, "setxattr", setxattr, {
    ...USES_FILE,
    maxReply: 28,
  }),
  row("LISTXATTRS", SINCE_V42, "nothing", listxattrs, USES_FILE),
  row("REMOVEXATTR", SINCE_V42, "removexattr", removexattr, {
    ...USES_FILE,
    maxReply: 28,
  }),
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
    | "isBrief"
    | "needsFilehandle"
    | "sessionless"
    | "standsInLineByCall"
    | "usesFiles"
    | "usesRecords"
  >
>;

/** Of what changes something: how long its result may be, and whether it does no harm twice. */
type ChangeRules = Rules & MaxReply & { readonly isRepeatable?: boolean };

// Rows that say what is not so don't compile: see operation.ts.
function row<Args>(
  ...row: [Name, Versions, "nothing", Operation<Args>, Rules?]
): OperationRow;
function row<Args>(
  ...row: [Name, Versions, "state", Operation<Args, "state">, ChangeRules]
): OperationRow;
function row<Args, Change extends FileChange>(
  ...row: [Name, Versions, Change, Operation<Args, Change>, ChangeRules]
): OperationRow;
function row(
  name: Name,
  versions: Versions,
  changes: Changes,
  operation: AnyOperation,
  rules?: Rules & Partial<ChangeRules>,
): OperationRow {
  const number = Op[name];
  const isRepeatable = changes === "nothing" || rules?.isRepeatable === true;
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
    standsInLineByCall: rules?.standsInLineByCall ?? false,
    isBrief: rules?.isBrief ?? false,
    usesRecords: rules?.usesRecords ?? false,
    isOnce: !isRepeatable && versions.includes(0),
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
