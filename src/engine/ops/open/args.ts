import type { MinorVersion } from "../../../nfs4/constants.ts";
import { OPAQUE_LIMIT, VERIFIER_SIZE } from "../../../nfs4/constants.ts";
import {
  readSetAttributes,
  type SetAttributes,
} from "../../../nfs4/set_attributes.ts";
import { readStateid, type Stateid } from "../../../nfs4/types.ts";
import { XdrError } from "../../../xdr/error.ts";
import type { XdrReader } from "../../../xdr/reader.ts";
import { readName } from "../../files/names.ts";

/** createhow4 (RFC 8881 18.16.1); "exclusive" is EXCLUSIVE4 or EXCLUSIVE4_1, by its attributes. */
export type CreateHow =
  | {
    readonly mode: "unchecked" | "guarded";
    readonly attributes: SetAttributes;
  }
  | {
    readonly mode: "exclusive";
    readonly verifier: Uint8Array;
    readonly attributes: SetAttributes | undefined;
  };

/** open_claim4 (RFC 8881 18.16.1). Names are views of the request. */
export type OpenClaim =
  | { readonly type: "null"; readonly name: Uint8Array }
  | { readonly type: "previous"; readonly delegation: number }
  | {
    readonly type: "delegate-cur";
    readonly stateid: Stateid;
    readonly name: Uint8Array;
  }
  | { readonly type: "fh" }
  | { readonly type: "deleg-cur-fh"; readonly stateid: Stateid }
  /** CLAIM_DELEGATE_PREV and CLAIM_DELEG_PREV_FH. */
  | { readonly type: "delegate-prev" };

/** OPEN4args. */
export interface OpenArgs {
  /** NFSv4.0: sequence of the owner. */
  readonly seqid: number;
  /** OPEN4_SHARE_ACCESS_*, the WANT flags included. */
  readonly shareAccess: number;
  /** OPEN4_SHARE_DENY_* */
  readonly shareDeny: number;
  /** NFSv4.0: whose owner it is. */
  readonly clientid: bigint;
  /** Name of the open owner: a view of the request. */
  readonly owner: Uint8Array;
  /** How to create the file, if at all. */
  readonly create: CreateHow | undefined;
  /** What is opened, and by what right. */
  readonly claim: OpenClaim;
}

/** Reads OPEN4args. */
export function readOpenArgs(
  xdr: XdrReader,
  minorVersion: MinorVersion,
): OpenArgs {
  return {
    seqid: xdr.uint32(),
    shareAccess: xdr.uint32(),
    shareDeny: xdr.uint32(),
    clientid: xdr.uint64(),
    owner: xdr.opaque(OPAQUE_LIMIT),
    create: xdr.discriminant(1) === 1
      ? readCreateHow(xdr, minorVersion)
      : undefined,
    claim: readClaim(xdr, minorVersion),
  };
}

const UNCHECKED = 0;
const GUARDED = 1;
const EXCLUSIVE = 2;

function readCreateHow(xdr: XdrReader, minorVersion: MinorVersion): CreateHow {
  const options = { minorVersion, purpose: "create" } as const;
  // EXCLUSIVE4_1 is unknown to NFSv4.0.
  const mode = xdr.discriminant(minorVersion === 0 ? 2 : 3);
  switch (mode) {
    case UNCHECKED:
    case GUARDED: {
      const attributes = readSetAttributes(xdr, options);
      return { mode: mode === GUARDED ? "guarded" : "unchecked", attributes };
    }
    default: {
      const verifier = xdr.opaqueFixed(VERIFIER_SIZE);
      const attributes = mode === EXCLUSIVE
        ? undefined
        : readSetAttributes(xdr, options);
      return { mode: "exclusive", verifier, attributes };
    }
  }
}

/**
 * The last open_delegation_type4 by minor version: OPEN_DELEGATE_NONE_EXT came with
 * NFSv4.1, OPEN_DELEGATE_WRITE_ATTRS_DELEG is of RFC 9754.
 */
const MAX_DELEGATION = [2, 3, 5] as const;

function readClaim(xdr: XdrReader, minorVersion: MinorVersion): OpenClaim {
  // The last three came with NFSv4.1.
  switch (xdr.discriminant(minorVersion === 0 ? 3 : 6)) {
    case 0:
      return { type: "null", name: readName(xdr) };
    case 1:
      return {
        type: "previous",
        delegation: xdr.discriminant(MAX_DELEGATION[minorVersion]),
      };
    case 2: {
      const stateid = readStateid(xdr);
      return { type: "delegate-cur", stateid, name: readName(xdr) };
    }
    case 3:
      readName(xdr);
      return { type: "delegate-prev" };
    case 4:
      return { type: "fh" };
    case 5:
      return { type: "deleg-cur-fh", stateid: readStateid(xdr) };
    case 6:
      return { type: "delegate-prev" };
    default:
      throw new XdrError("open_claim_type4");
  }
}
