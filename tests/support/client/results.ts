/**
 * What each operation answers with NFS4_OK, and the few that answer more than a
 * status with an error (RFC 7530 16, RFC 8881 18, RFC 7862 15, RFC 8276 8.4).
 */

import { Status } from "../../../src/nfs4/constants.ts";
import type { XdrReader } from "../../../src/xdr/reader.ts";
import { type Attributes, bitmap, readAttributes } from "./attributes.ts";
import type { OpName } from "./names.ts";
import {
  MAX_OPAQUE,
  readChangeInfo,
  readChannel,
  readDelegation,
  readDenied,
  readFixed,
  readNetLocation,
  readOpaque,
  readProtectedOps,
  readSecurityInfo,
  readStateid,
  readWriteResponse,
} from "./results_parts.ts";

/** An entry of READDIR. */
export interface DirectoryEntry {
  readonly cookie: bigint;
  readonly name: string;
  readonly attributes: Attributes;
}

/** A piece of READ_PLUS. */
export type Segment =
  | { readonly offset: bigint; readonly data: Uint8Array }
  | { readonly offset: bigint; readonly hole: bigint };

const nothing = (): Record<never, never> => ({});
const stateidOnly = (xdr: XdrReader) => ({ stateid: readStateid(xdr) });
const changeOnly = (xdr: XdrReader) => ({ change: readChangeInfo(xdr) });

function readTime(xdr: XdrReader) {
  return { seconds: xdr.int64(), nanoseconds: xdr.discriminant(999_999_999) };
}

function readEntries(xdr: XdrReader): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  while (xdr.bool()) {
    entries.push({
      cookie: xdr.uint64(),
      name: xdr.string(4096),
      attributes: readAttributes(xdr),
    });
  }
  return entries;
}

function readSegment(xdr: XdrReader): Segment {
  const isHole = xdr.discriminant(1) === 1;
  const offset = xdr.uint64();
  return isHole
    ? { offset, hole: xdr.uint64() }
    : { offset, data: readOpaque(xdr) };
}

function readStateProtection(xdr: XdrReader) {
  const how = xdr.discriminant(2);
  if (how === 0) return { how: "none" as const };
  const ops = readProtectedOps(xdr);
  if (how === 1) return { how: "mach_cred" as const, ops };
  return {
    how: "ssv" as const,
    ops,
    hashAlgorithm: xdr.uint32(),
    encryptionAlgorithm: xdr.uint32(),
    ssvLength: xdr.uint32(),
    window: xdr.uint32(),
    handles: xdr.array(1024, (xdr) => readOpaque(xdr)),
  };
}

/** The arm of NFS4_OK of each operation. */
export const okDecoders = {
  ACCESS: (xdr: XdrReader) => ({
    supported: xdr.uint32(),
    access: xdr.uint32(),
  }),
  CLOSE: stateidOnly,
  COMMIT: (xdr: XdrReader) => ({ verifier: readFixed(xdr, 8) }),
  CREATE: (xdr: XdrReader) => ({
    change: readChangeInfo(xdr),
    attrset: bitmap.read(xdr),
  }),
  DELEGPURGE: nothing,
  DELEGRETURN: nothing,
  GETATTR: (xdr: XdrReader) => ({ attributes: readAttributes(xdr) }),
  GETFH: (xdr: XdrReader) => {
    const filehandle = readOpaque(xdr, 128);
    if (filehandle.length === 0) throw new Error("empty filehandle");
    return { filehandle };
  },
  LINK: changeOnly,
  LOCK: stateidOnly,
  LOCKT: nothing,
  LOCKU: stateidOnly,
  LOOKUP: nothing,
  LOOKUPP: nothing,
  NVERIFY: nothing,
  OPEN: (xdr: XdrReader, minor: number) => ({
    stateid: readStateid(xdr),
    change: readChangeInfo(xdr),
    flags: xdr.uint32(),
    attrset: bitmap.read(xdr),
    delegation: readDelegation(xdr, minor),
  }),
  OPENATTR: nothing,
  OPEN_CONFIRM: stateidOnly,
  OPEN_DOWNGRADE: stateidOnly,
  PUTFH: nothing,
  PUTPUBFH: nothing,
  PUTROOTFH: nothing,
  READ: (xdr: XdrReader) => ({ eof: xdr.bool(), data: readOpaque(xdr) }),
  READDIR: (xdr: XdrReader) => ({
    verifier: readFixed(xdr, 8),
    entries: readEntries(xdr),
    eof: xdr.bool(),
  }),
  READLINK: (xdr: XdrReader) => ({ link: xdr.string(65536) }),
  REMOVE: changeOnly,
  RENAME: (xdr: XdrReader) => ({
    source: readChangeInfo(xdr),
    target: readChangeInfo(xdr),
  }),
  RENEW: nothing,
  RESTOREFH: nothing,
  SAVEFH: nothing,
  SECINFO: (xdr: XdrReader) => ({ flavors: readSecurityInfo(xdr) }),
  SETATTR: (xdr: XdrReader) => ({ attrset: bitmap.read(xdr) }),
  SETCLIENTID: (xdr: XdrReader) => ({
    clientid: xdr.uint64(),
    verifier: readFixed(xdr, 8),
  }),
  SETCLIENTID_CONFIRM: nothing,
  VERIFY: nothing,
  WRITE: (xdr: XdrReader) => ({
    count: xdr.uint32(),
    committed: xdr.discriminant(2),
    verifier: readFixed(xdr, 8),
  }),
  RELEASE_LOCKOWNER: nothing,
  BACKCHANNEL_CTL: nothing,
  BIND_CONN_TO_SESSION: (xdr: XdrReader) => {
    const sessionid = readFixed(xdr, 16);
    const direction = xdr.uint32();
    if (direction < 1 || direction > 3) {
      throw new Error(`channel_dir_from_server4 ${direction}`);
    }
    return { sessionid, direction, rdma: xdr.bool() };
  },
  EXCHANGE_ID: (xdr: XdrReader) => ({
    clientid: xdr.uint64(),
    sequence: xdr.uint32(),
    flags: xdr.uint32(),
    protection: readStateProtection(xdr),
    serverOwner: {
      minor: xdr.uint64(),
      major: readOpaque(xdr, 1024),
    },
    serverScope: readOpaque(xdr, 1024),
    implementation: xdr.array(1, (xdr) => ({
      domain: xdr.string(1024),
      name: xdr.string(1024),
      date: readTime(xdr),
    }))[0],
  }),
  CREATE_SESSION: (xdr: XdrReader) => ({
    sessionid: readFixed(xdr, 16),
    sequence: xdr.uint32(),
    flags: xdr.uint32(),
    fore: readChannel(xdr),
    back: readChannel(xdr),
  }),
  DESTROY_SESSION: nothing,
  FREE_STATEID: nothing,
  GET_DIR_DELEGATION: (xdr: XdrReader) => {
    if (xdr.discriminant(1) === 1) return { unavailable: xdr.bool() };
    return {
      verifier: readFixed(xdr, 8),
      stateid: readStateid(xdr),
      notifications: bitmap.read(xdr),
      childAttributes: bitmap.read(xdr),
      directoryAttributes: bitmap.read(xdr),
    };
  },
  GETDEVICEINFO: (xdr: XdrReader) => ({
    type: xdr.uint32(),
    body: readOpaque(xdr),
    notifications: bitmap.read(xdr),
  }),
  GETDEVICELIST: (xdr: XdrReader) => ({
    cookie: xdr.uint64(),
    verifier: readFixed(xdr, 8),
    devices: xdr.array(1024, (xdr) => readFixed(xdr, 16)),
    eof: xdr.bool(),
  }),
  LAYOUTCOMMIT: (xdr: XdrReader) => ({
    size: xdr.optional((xdr) => xdr.uint64()),
  }),
  LAYOUTGET: (xdr: XdrReader) => ({
    returnOnClose: xdr.bool(),
    stateid: readStateid(xdr),
    layouts: xdr.array(64, (xdr) => ({
      offset: xdr.uint64(),
      length: xdr.uint64(),
      iomode: xdr.uint32(),
      type: xdr.uint32(),
      body: readOpaque(xdr),
    })),
  }),
  LAYOUTRETURN: (xdr: XdrReader) => ({ stateid: xdr.optional(readStateid) }),
  SECINFO_NO_NAME: (xdr: XdrReader) => ({ flavors: readSecurityInfo(xdr) }),
  SEQUENCE: (xdr: XdrReader) => ({
    sessionid: readFixed(xdr, 16),
    sequenceid: xdr.uint32(),
    slotid: xdr.uint32(),
    highestSlotid: xdr.uint32(),
    targetHighestSlotid: xdr.uint32(),
    statusFlags: xdr.uint32(),
  }),
  SET_SSV: (xdr: XdrReader) => ({ digest: readOpaque(xdr, 1024) }),
  TEST_STATEID: (xdr: XdrReader) => ({
    statuses: xdr.array(65536, (xdr) => xdr.uint32()),
  }),
  WANT_DELEGATION: (xdr: XdrReader, minor: number) => ({
    delegation: readDelegation(xdr, minor),
  }),
  DESTROY_CLIENTID: nothing,
  RECLAIM_COMPLETE: nothing,
  ALLOCATE: nothing,
  COPY: (xdr: XdrReader) => ({
    response: readWriteResponse(xdr),
    consecutive: xdr.bool(),
    synchronous: xdr.bool(),
  }),
  COPY_NOTIFY: (xdr: XdrReader) => ({
    lease: readTime(xdr),
    stateid: readStateid(xdr),
    servers: xdr.array(64, readNetLocation),
  }),
  DEALLOCATE: nothing,
  IO_ADVISE: (xdr: XdrReader) => ({ hints: bitmap.read(xdr) }),
  LAYOUTERROR: nothing,
  LAYOUTSTATS: nothing,
  OFFLOAD_CANCEL: nothing,
  OFFLOAD_STATUS: (xdr: XdrReader) => ({
    count: xdr.uint64(),
    complete: xdr.array(1, (xdr) => xdr.uint32())[0] as number | undefined,
  }),
  READ_PLUS: (xdr: XdrReader) => ({
    eof: xdr.bool(),
    segments: xdr.array(65536, readSegment),
  }),
  SEEK: (xdr: XdrReader) => ({ eof: xdr.bool(), offset: xdr.uint64() }),
  WRITE_SAME: readWriteResponse,
  CLONE: nothing,
  GETXATTR: (xdr: XdrReader) => ({ value: xdr.opaque(MAX_OPAQUE).slice() }),
  SETXATTR: changeOnly,
  LISTXATTRS: (xdr: XdrReader) => ({
    cookie: xdr.uint64(),
    names: xdr.array(65536, (xdr) => xdr.string(4096)),
    eof: xdr.bool(),
  }),
  REMOVEXATTR: changeOnly,
  ILLEGAL: nothing,
};

/** What an operation answers with NFS4_OK. */
export type OkResult<N extends OpName> = ReturnType<(typeof okDecoders)[N]>;

/** What an operation answers behind a status that is not NFS4_OK. */
export type ErrorResult = Readonly<Record<string, unknown>>;

/** Reads what follows a status that is not NFS4_OK; mostly nothing does. */
export function readError(
  xdr: XdrReader,
  name: OpName,
  status: number,
): ErrorResult {
  switch (name) {
    // RFC 8881 18.30.2: not a union, the bitmap is always there.
    case "SETATTR":
      return { attrset: bitmap.read(xdr) };
    case "LOCK":
    case "LOCKT":
      return status === Status.DENIED ? { denied: readDenied(xdr) } : {};
    // RFC 7530 16.33.3: client_using, the holder's address.
    case "SETCLIENTID":
      return status === Status.CLID_INUSE
        ? { netid: xdr.string(64), address: xdr.string(256) }
        : {};
    case "GETDEVICEINFO":
      return status === Status.TOOSMALL ? { mincount: xdr.uint32() } : {};
    case "LAYOUTGET":
      return status === Status.LAYOUTTRYLATER ? { willSignal: xdr.bool() } : {};
    case "COPY":
      return status === Status.OFFLOAD_NO_REQS
        ? { consecutive: xdr.bool(), synchronous: xdr.bool() }
        : {};
    default:
      return {};
  }
}
