/**
 * Why an error of an RFC's list is never answered here: what no test can show.
 * PROTOCOL.md's tables of errors take their legend and these words from here.
 */

import { CALLBACK_OPERATIONS } from "../../src/backchannel/callback_ops.ts";
import { OPERATIONS } from "../../src/engine/op_table.ts";
import type { ListVersion } from "../support/seen_errors.ts";

/** What the words of the tables mean. */
export const legend = {
  "not supported":
    "after its arguments were read, the operation's only answer is NOTSUPP",
  "never sent": "the server has no use for this callback",
  "as in 4.1": "the answer to a callback is judged by the same code",
  "no moves":
    "file systems are neither replicated nor migrated, filehandles are persistent (RFC 8881 4.2.2, 11)",
  "one flavor":
    "AUTH_SYS and AUTH_NONE are taken for every file; RPCSEC_GSS is not spoken",
  "no protection":
    "EXCHANGE_ID refuses state protection: SP4_SSV by ENCR_ALG_UNSUPP, SP4_MACH_CRED by INVAL",
  "no pNFS": "there are no layouts",
  "session gone":
    "a session that ends is gone at once, and SEQUENCE answers BADSESSION",
  "SEQUENCE":
    "SEQUENCE answers it for the COMPOUND, before any other operation is looked at; one without a session has the server's own limits, of records and of operations",
  "kept":
    "as the second operation it fails the first time, by NOFILEHANDLE, INVAL or NOENT, and such an answer is kept (RFC 8881 2.10.6.1.3)",
  "alone": "stands alone in its COMPOUND, outside of any session",
  "remade":
    "the answer to a SEQUENCE without further operations is made anew (RFC 8881 2.10.6.1.1)",
  "TOOSMALL":
    "CREATE_SESSION answers TOOSMALL for a channel on which SEQUENCE has no room",
  "no operator": "nobody takes state away by hand",
  "PUTFH": "PUTFH judges filehandles: a current one is well formed",
  "state only":
    "acts on the state that its stateid names, and never asks the file system: another type of file, or one that is gone, has no such state (BAD_STATEID)",
  "handle only": "acts on filehandles that PUTFH has found",
  "at once": "acts on what is in memory, and waits for nobody",
  "our fault": "only a fault of ours, for nothing that it calls can fail",
  "64 bits": "ranges of 64 bits are locked, split and joined in any way",
  "no deadlocks": "deadlocks are left to the clients (RFC 8881 9.6)",
  "frees locks": "locks under the open do not keep it",
  "open files": "files that are open are linked, renamed and removed",
  "any time": "allowed in the grace period: it is in no reclaim's way",
  "NO_GRACE": "who may not reclaim is told NO_GRACE",
  "BADOWNER":
    "owners and groups are numbers: any other string is BADOWNER, one that is no UTF-8 INVAL",
  "unchecked":
    "the strings are told to nobody: whatever they are, they are taken",
  "no senseless value":
    "every value that decodes means something; what is wrong with a stateid has errors of its own",
  "INVAL": "NFSv4.0 answers INVAL to the wrong type of file (RFC 7530 16)",
  "NOTDIR": "RFC 7530 16.14.5 has NOTDIR for all that is no folder",
  "WRONG_TYPE": "NFSv4.1 answers WRONG_TYPE to the wrong type of file",
  "by OPEN": "rights and writability were judged by OPEN",
  "already saved": "nothing is left to write on an export that is read only",
  "by handle": "what is linked is named by its filehandle",
  "symlinks too": "a symbolic link can have more names",
  "no devices": "the client opens devices by itself",
  "supported": "the operation is supported",
  "any type":
    "is of files of any type, named attributes and their folder included",
  "nothing made":
    "the folder of named attributes takes no room: it is there when one is made in it",
  "lease ends session":
    "a lease that is lost takes the session with it: SEQUENCE answers BADSESSION",
  "unavailable":
    "a client that gets no folder is told GDD4_UNAVAIL: an error would fail the stat that it goes with",
  "first seqid":
    "the seqid of a delegation never changes, and 0 stands for it (RFC 8881 8.2.2)",
  "no wants": "wishes for delegations are answered in OPEN, none is kept",
  "idle ends first":
    "the session that was idle longest makes room; a client's own limit is NOSPC",
  "not awaited":
    "callbacks under way do not keep a session, and end with it (RFC 8881 18.37.3)",
  "by session": "the session is found, or not: BADSESSION",
  "hint": "sa_highest_slotid is no more than a hint",
  "binds":
    "without state protection SEQUENCE binds its connection (RFC 8881 2.10.3.1)",
  "no arguments": "what stands for no operation has no arguments to be read",
} as const;

/** One of the words. */
export type Reason = keyof typeof legend;

/** What a rule is about; left out: all of them. */
interface Rule {
  readonly reason: Reason;
  readonly errors: string;
  readonly operations?: string;
  readonly version?: ListVersion;
}

const STATE_ONLY =
  "CLOSE DELEGRETURN LOCKU OPEN_CONFIRM OPEN_DOWNGRADE RELEASE_LOCKOWNER RENEW FREE_STATEID TEST_STATEID";
const HANDLE_ONLY = "GETFH SAVEFH RESTOREFH PUTROOTFH PUTPUBFH";
const CLIENTS =
  "SETCLIENTID SETCLIENTID_CONFIRM EXCHANGE_ID CREATE_SESSION BIND_CONN_TO_SESSION DESTROY_SESSION DESTROY_CLIENTID BACKCHANNEL_CTL SET_SSV RECLAIM_COMPLETE";

/** The first that fits counts. */
const rules: readonly Rule[] = [
  { reason: "no moves", errors: "MOVED LEASE_MOVED FHEXPIRED" },
  { reason: "one flavor", errors: "WRONGSEC UNSAFE_COMPOUND" },
  {
    reason: "no protection",
    errors: "WRONG_CRED BAD_SESSION_DIGEST HASH_ALG_UNSUPP",
  },
  {
    reason: "no pNFS",
    errors: "UNKNOWN_LAYOUTTYPE PNFS_IO_HOLE PNFS_NO_LAYOUT",
  },
  { reason: "session gone", errors: "DEADSESSION" },
  { reason: "SEQUENCE", errors: "TOO_MANY_OPS REQ_TOO_BIG" },
  {
    reason: "remade",
    errors: "RETRY_UNCACHED_REP",
    operations: "SEQUENCE",
  },
  {
    reason: "alone",
    errors: "RETRY_UNCACHED_REP",
    operations: "BIND_CONN_TO_SESSION",
  },
  { reason: "kept", errors: "RETRY_UNCACHED_REP" },
  { reason: "TOOSMALL", errors: "REP_TOO_BIG", operations: "SEQUENCE" },
  { reason: "binds", errors: "CONN_NOT_BOUND_TO_SESSION" },
  { reason: "hint", errors: "BAD_HIGH_SLOT" },
  { reason: "no operator", errors: "ADMIN_REVOKED" },
  { reason: "PUTFH", errors: "BADHANDLE" },
  {
    reason: "state only",
    errors: "STALE ISDIR ACCESS",
    operations: STATE_ONLY,
  },
  {
    reason: "handle only",
    errors: "STALE",
    operations: `${HANDLE_ONLY} RECLAIM_COMPLETE`,
  },
  {
    reason: "our fault",
    errors: "SERVERFAULT",
    operations: `${STATE_ONLY} ${HANDLE_ONLY} ${CLIENTS}`,
  },
  {
    reason: "idle ends first",
    errors: "DELAY",
    operations: "CREATE_SESSION",
  },
  {
    reason: "at once",
    errors: "DELAY",
    operations: `${STATE_ONLY} ${HANDLE_ONLY} ${CLIENTS}`,
  },
  { reason: "64 bits", errors: "BAD_RANGE LOCK_RANGE LOCK_NOTSUPP" },
  { reason: "no deadlocks", errors: "DEADLOCK" },
  {
    reason: "frees locks",
    errors: "LOCKS_HELD",
    operations: "CLOSE OPEN_DOWNGRADE",
  },
  { reason: "open files", errors: "FILE_OPEN" },
  {
    reason: "any time",
    errors: "GRACE",
    operations: "GETATTR VERIFY NVERIFY LINK REMOVE RENAME LOCKU",
  },
  {
    reason: "unavailable",
    errors: "DIRDELEG_UNAVAIL GRACE",
    operations: "GET_DIR_DELEGATION",
  },
  { reason: "NO_GRACE", errors: "RECLAIM_BAD" },
  {
    reason: "BADOWNER",
    errors: "BADCHAR",
    operations: "SETATTR VERIFY NVERIFY",
  },
  { reason: "unchecked", errors: "BADCHAR", operations: "EXCHANGE_ID" },
  {
    reason: "unchecked",
    errors: "INVAL",
    operations: "SETCLIENTID",
  },
  {
    reason: "WRONG_TYPE",
    errors: "INVAL",
    operations: "READLINK",
    version: "4.1",
  },
  {
    reason: "no senseless value",
    errors: "INVAL",
    operations:
      "CLOSE DELEGRETURN GET_DIR_DELEGATION OPEN_CONFIRM READ WRITE RECLAIM_COMPLETE SECINFO_NO_NAME",
  },
  {
    reason: "INVAL",
    errors: "SYMLINK ISDIR",
    operations: "COMMIT READ WRITE READLINK",
    version: "4.0",
  },
  {
    reason: "NOTDIR",
    errors: "SYMLINK",
    operations: "LOOKUPP",
    version: "4.0",
  },
  { reason: "already saved", errors: "ROFS", operations: "COMMIT" },
  {
    reason: "by OPEN",
    errors: "ROFS",
    operations: "OPEN_DOWNGRADE LOCK LOCKT",
  },
  { reason: "by handle", errors: "NOENT", operations: "LINK" },
  { reason: "symlinks too", errors: "SYMLINK", operations: "LINK" },
  { reason: "no devices", errors: "NXIO" },
  {
    reason: "supported",
    errors: "NOTSUPP",
    operations: "DELEGRETURN GET_DIR_DELEGATION SECINFO_NO_NAME",
  },
  {
    reason: "any type",
    errors: "WRONG_TYPE",
    operations: "GETATTR VERIFY NVERIFY LINK RECLAIM_COMPLETE",
  },
  {
    reason: "nothing made",
    errors: "DQUOT NOSPC",
    operations: "OPENATTR",
  },
  { reason: "lease ends session", errors: "EXPIRED", version: "4.1" },
  {
    reason: "first seqid",
    errors: "OLD_STATEID",
    operations: "DELEGRETURN OPEN",
    version: "4.1",
  },
  { reason: "no wants", errors: "DELEG_ALREADY_WANTED" },
  {
    reason: "not awaited",
    errors: "BACK_CHAN_BUSY CB_PATH_DOWN",
    operations: "DESTROY_SESSION",
  },
  {
    reason: "by session",
    errors: "STALE_CLIENTID",
    operations: "DESTROY_SESSION",
  },
  { reason: "no arguments", errors: "BADXDR", operations: "ILLEGAL" },
];

/** Why the operation never answers the error; `undefined` when nothing is known that keeps it from doing so. */
export function reasonOf(
  version: ListVersion,
  operation: string,
  error: string,
): Reason | undefined {
  if (operation.startsWith("CB_")) {
    if (!(operation in CALLBACK_OPERATIONS)) return "never sent";
    return version === "4.0" ? "as in 4.1" : undefined;
  }
  if (isUnsupported(version, operation)) return "not supported";
  return rules.find((rule) =>
    (rule.version ?? version) === version && includes(rule.errors, error) &&
    (rule.operations === undefined || includes(rule.operations, operation))
  )?.reason;
}

function includes(words: string, word: string): boolean {
  return words.split(" ").includes(word);
}

function isUnsupported(version: ListVersion, operation: string): boolean {
  const row = OPERATIONS.find((row) => row?.name === operation);
  const minor = version === "4.0" ? 0 : 1;
  return row !== undefined && !row.versions.includes(minor);
}

/** Errors that are answered although the list has not got them, and where the RFC has them. */
export const beyond: Readonly<Record<string, string>> = {
  "4.0 OPEN STALE_STATEID":
    "by a delegation of an earlier start: RFC 7530 13.1.5.6",
  "4.1 BACKCHANNEL_CTL WRONG_CRED": "another principal: RFC 8881 15.1.6.4",
  "4.1 BIND_CONN_TO_SESSION WRONG_CRED": "another principal: RFC 8881 15.1.6.4",
  "4.1 COMMIT INVAL": "a range beyond 2^64: RFC 8881 15.1.1.4",
  "4.1 CREATE WRONG_TYPE": "in a folder of attributes: RFC 8881 18.4.3",
  "4.1 EXCHANGE_ID PERM":
    "an update by another principal: RFC 8881 18.35.4, case 9",
  "4.1 OPEN NOTSUPP": "CLAIM_DELEGATE_PREV: RFC 8881 18.16.3",
};
