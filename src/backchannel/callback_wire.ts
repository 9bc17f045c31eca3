import {
  type MinorVersion,
  Status,
  type StatusCode,
} from "../nfs4/constants.ts";
import type { CallCredential } from "../rpc/call_credential.ts";
import { AcceptStatus, decodeReply, encodeCall } from "../rpc/message.ts";
import { XdrError } from "../xdr/error.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { XdrWriter } from "../xdr/writer.ts";
import type { CallbackOperation } from "./callback_ops.ts";

/** Version of the callback program: 1, whatever RFC 5661 18.36.3 says (erratum 2291). */
const CALLBACK_VERSION = 1;
/** Procedures of the callback program (RFC 8881 20). */
const CallbackProcedure = { CB_NULL: 0, CB_COMPOUND: 1 } as const;

const MAX_TAG = 1024;

/** Where a callback goes, and in whose name. */
export interface CallbackTarget {
  /** RPC program that the client chose. */
  readonly program: number;
  /** The credential that the client asked for. */
  readonly credential: CallCredential;
  /** The session's minor version; 0 without a session. */
  readonly minorVersion: MinorVersion;
  /** callback_ident: the client's own for NFSv4.0, otherwise 0 (RFC 8881 20.2.3). */
  readonly callbackIdent: number;
}

/** What the client answered to one operation. */
export interface CallbackResult {
  /** nfsstat4; NFS4ERR_BADXDR also for a result that can't be read. */
  readonly status: StatusCode;
  /** What the row's `decode` read; only with NFS4_OK. */
  readonly value?: unknown;
}

/** A reply: the results, or why the client's RPC layer refused the call. */
export type CallbackReply =
  | {
    /** Status of the COMPOUND: that of its last operation. */
    readonly status: StatusCode;
    /** One for each operation that was carried out. */
    readonly results: readonly CallbackResult[];
  }
  | {
    /** E.g. "denied: auth_stat 5". */
    readonly refused: string;
  };

/** Writes a CB_COMPOUND call from its XID on (RFC 5531 section 9, RFC 8881 20.2). */
export function encodeCBCompound(
  xdr: XdrWriter,
  xid: number,
  call: {
    readonly target: CallbackTarget;
    readonly operations: readonly CallbackOperation[];
  },
): void {
  const { target, operations } = call;
  encodeCall(xdr, {
    xid,
    program: target.program,
    version: CALLBACK_VERSION,
    procedure: CallbackProcedure.CB_COMPOUND,
    credential: target.credential,
  });
  xdr.uint32(0); // tag: empty
  xdr.uint32(target.minorVersion);
  xdr.uint32(target.callbackIdent);
  xdr.array(operations, (xdr, { row, args }) => {
    xdr.uint32(row.number);
    row.encode(xdr, args);
  });
}

/** Bytes of a CB_COMPOUND call, as ca_maxrequestsize counts them (RFC 8881 18.36.3). */
export function sizeOfCBCompound(
  call: Parameters<typeof encodeCBCompound>[2],
): number {
  const xdr = new XdrWriter();
  encodeCBCompound(xdr, 0, call);
  return xdr.position;
}

/** Writes a CB_NULL call from its XID on. */
export function encodeCBNull(
  xdr: XdrWriter,
  xid: number,
  target: CallbackTarget,
): void {
  const { program, credential } = target;
  encodeCall(xdr, {
    xid,
    program,
    version: CALLBACK_VERSION,
    procedure: CallbackProcedure.CB_NULL,
    credential,
  });
}

/** Whether the reply behind its message type says that CB_NULL was carried out. */
export function decodeCBNull(xdr: XdrReader): boolean {
  const header = decodeReply(xdr);
  return header.accepted && header.status === AcceptStatus.SUCCESS;
}

/** Reads the reply behind its message type; throws XdrError for what is no answer to `operations`. */
export function decodeCBCompound(
  xdr: XdrReader,
  operations: readonly CallbackOperation[],
): CallbackReply {
  const header = decodeReply(xdr);
  if (!header.accepted) {
    const { authStatus } = header;
    return {
      refused: authStatus === undefined
        ? "denied: RPC version"
        : `denied: auth_stat ${authStatus}`,
    };
  }
  if (header.status !== AcceptStatus.SUCCESS) {
    return { refused: `accept_stat ${header.status}` };
  }
  const status = xdr.uint32() as StatusCode;
  xdr.opaque(MAX_TAG);
  const results: CallbackResult[] = [];
  const count = xdr.uint32();
  if (count > operations.length) throw new XdrError("more results than asked");
  for (const { row } of operations.slice(0, count)) {
    const number = xdr.uint32();
    const status = xdr.uint32() as StatusCode;
    if (number !== row.number) {
      throw new XdrError(`operation ${number} answers ${row.name}`);
    }
    if (status !== Status.OK) {
      results.push({ status });
      break;
    }
    try {
      results.push({ status, value: row.decode(xdr) });
    } catch (error) {
      // What came before it counts: CB_SEQUENCE has moved its slot on.
      if (results.length === 0 || !(error instanceof XdrError)) throw error;
      results.push({ status: Status.BADXDR });
      break;
    }
  }
  return { status, results };
}
