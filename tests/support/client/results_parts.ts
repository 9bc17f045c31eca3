/** Types that several results are made of, read strictly. */

import { Op } from "../../../src/nfs4/constants.ts";
import type { XdrReader } from "../../../src/xdr/reader.ts";
import { type Ace, ace, bitmap } from "./attributes.ts";
import type { ChannelAttributes, ProtectedOps } from "./ops_session.ts";
import type { Stateid } from "./request.ts";

/** Largest opaque that a reply may carry here, in bytes. */
export const MAX_OPAQUE = 1 << 24;

/** change_info4 (RFC 8881 3.3.3). */
export interface ChangeInfo {
  readonly atomic: boolean;
  readonly before: bigint;
  readonly after: bigint;
}

/** open_delegation4 (RFC 8881 18.16.1). */
export type Delegation =
  | { readonly type: "none" }
  | {
    readonly type: "read";
    readonly stateid: Stateid;
    readonly recall: boolean;
    readonly permissions: Ace;
    /** Its holder says what times the file has (RFC 9754). */
    readonly timed?: boolean;
  }
  | {
    readonly type: "write";
    readonly stateid: Stateid;
    readonly recall: boolean;
    readonly limit:
      | { readonly size: bigint }
      | { readonly blocks: number; readonly bytesPerBlock: number };
    readonly permissions: Ace;
    /** Its holder says what times the file has (RFC 9754). */
    readonly timed?: boolean;
  }
  | {
    readonly type: "none_ext";
    /** why_no_delegation4. */
    readonly why: number;
    /** The server will push or signal: only for contention and resource. */
    readonly will?: boolean;
  };

/** secinfo4 (RFC 8881 18.29.1). */
export interface SecurityInfo {
  readonly flavor: number;
  readonly gss?: {
    readonly oid: Uint8Array;
    readonly qop: number;
    readonly service: number;
  };
}

/** LOCK4denied (RFC 8881 18.10.2). */
export interface Denied {
  readonly offset: bigint;
  readonly length: bigint;
  readonly type: number;
  readonly clientid: bigint;
  readonly owner: Uint8Array;
}

/** Reads an opaque and keeps it. */
export function readOpaque(xdr: XdrReader, maximum = MAX_OPAQUE): Uint8Array {
  return xdr.opaque(maximum).slice();
}

/** Reads a fixed opaque and keeps it. */
export function readFixed(xdr: XdrReader, length: number): Uint8Array {
  return xdr.opaqueFixed(length).slice();
}

/** Reads a stateid4 and keeps it. */
export function readStateid(xdr: XdrReader): Stateid {
  return { seqid: xdr.uint32(), other: readFixed(xdr, 12) };
}

/** Reads a change_info4. */
export function readChangeInfo(xdr: XdrReader): ChangeInfo {
  return { atomic: xdr.bool(), before: xdr.uint64(), after: xdr.uint64() };
}

/** Reads a LOCK4denied; the type is READ_LT or WRITE_LT. */
export function readDenied(xdr: XdrReader): Denied {
  const denied = {
    offset: xdr.uint64(),
    length: xdr.uint64(),
    type: xdr.uint32(),
    clientid: xdr.uint64(),
    owner: readOpaque(xdr, 1024),
  };
  if (denied.type < 1 || denied.type > 4) {
    throw new Error(`LOCK4denied of lock type ${denied.type}`);
  }
  return denied;
}

/** open_delegation_type4: NONE_EXT came with NFSv4.1; RFC 9754 has two more, as READ and WRITE. */
const LAST_TYPE = [2, 3, 5];

/** Reads an open_delegation4. */
export function readDelegation(xdr: XdrReader, minor: number): Delegation {
  const type = xdr.discriminant(LAST_TYPE[minor]!);
  const timed = type > 3 ? { timed: true } : {};
  switch (type) {
    case 0:
      return { type: "none" };
    case 1:
    case 4: {
      const stateid = readStateid(xdr);
      const recall = xdr.bool();
      const permissions = ace.read(xdr);
      return { type: "read", stateid, recall, permissions, ...timed };
    }
    case 2:
    case 5: {
      const stateid = readStateid(xdr);
      const recall = xdr.bool();
      const limitBy = xdr.uint32();
      if (limitBy !== 1 && limitBy !== 2) throw new Error("bad limit_by4");
      const limit = limitBy === 1
        ? { size: xdr.uint64() }
        : { blocks: xdr.uint32(), bytesPerBlock: xdr.uint32() };
      const permissions = ace.read(xdr);
      return { type: "write", stateid, recall, limit, permissions, ...timed };
    }
    default: {
      const why = xdr.discriminant(8);
      return why === 1 || why === 2
        ? { type: "none_ext", why, will: xdr.bool() }
        : { type: "none_ext", why };
    }
  }
}

/** Reads the secinfo4 list of SECINFO and SECINFO_NO_NAME. */
export function readSecurityInfo(xdr: XdrReader): readonly SecurityInfo[] {
  return xdr.array(64, (xdr) => {
    const flavor = xdr.uint32();
    if (flavor !== 6) return { flavor };
    const gss = {
      oid: readOpaque(xdr, 1024),
      qop: xdr.uint32(),
      service: xdr.discriminant(3),
    };
    return { flavor, gss };
  });
}

/** Reads a channel_attrs4. */
export function readChannel(xdr: XdrReader): ChannelAttributes {
  return {
    headerpadsize: xdr.uint32(),
    maxrequestsize: xdr.uint32(),
    maxresponsesize: xdr.uint32(),
    maxresponsesize_cached: xdr.uint32(),
    maxoperations: xdr.uint32(),
    maxrequests: xdr.uint32(),
    rdma_ird: xdr.array(1, (xdr) => xdr.uint32()),
  };
}

/** Reads a state_protect_ops4; only operations of the protocol are in it. */
export function readProtectedOps(xdr: XdrReader): ProtectedOps {
  const ops = { enforce: bitmap.read(xdr), allow: bitmap.read(xdr) };
  const known = new Set<number>(Object.values(Op));
  for (const number of [...ops.enforce, ...ops.allow]) {
    if (!known.has(number)) throw new Error(`protected operation ${number}`);
  }
  return ops;
}

/** Reads a write_response4 (RFC 7862 15.2.2). */
export function readWriteResponse(xdr: XdrReader): {
  readonly callbackId: Stateid | undefined;
  readonly count: bigint;
  readonly committed: number;
  readonly verifier: Uint8Array;
} {
  return {
    callbackId: xdr.array(1, readStateid)[0],
    count: xdr.uint64(),
    committed: xdr.discriminant(2),
    verifier: readFixed(xdr, 8),
  };
}

/** Reads a netloc4. */
export function readNetLocation(xdr: XdrReader): string {
  const type = xdr.uint32();
  if (type === 3) return `${xdr.string(64)}:${xdr.string(256)}`;
  if (type !== 1 && type !== 2) throw new Error(`netloc4 of type ${type}`);
  return xdr.string(4096);
}
