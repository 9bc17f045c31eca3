import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import {
  type Credential,
  type Denial,
  isDenial,
  RPC_MISMATCH,
} from "./auth.ts";
import {
  AUTH_NONE,
  type CallCredential,
  writeCredential,
} from "./call_credential.ts";
import type { Reliance } from "./reliance.ts";
import type { CallSecurity, OpenedCall, Seal } from "./security.ts";

/** msg_type (RFC 5531 section 9). */
export const MessageType = { CALL: 0, REPLY: 1 } as const;

/** reply_stat (RFC 5531 section 9). */
const ReplyStatus = { MSG_ACCEPTED: 0, MSG_DENIED: 1 } as const;

/** reject_stat (RFC 5531 section 9). */
const RejectStatus = { RPC_MISMATCH: 0, AUTH_ERROR: 1 } as const;

/** accept_stat (RFC 5531 section 9), and the decision not to answer at all. */
export const AcceptStatus = {
  /** No reply leaves; the connection goes on. */
  DROP: -1,
  SUCCESS: 0,
  PROG_UNAVAIL: 1,
  /** The results are the lowest and the highest version: {@linkcode progMismatch}. */
  PROG_MISMATCH: 2,
  PROC_UNAVAIL: 3,
  GARBAGE_ARGS: 4,
  SYSTEM_ERR: 5,
} as const;

/** One of {@linkcode AcceptStatus}. */
export type AcceptStatus = typeof AcceptStatus[keyof typeof AcceptStatus];

/** The version of RPC that is spoken. */
const RPC_VERSION = 2;

/** A call, read up to its arguments. */
export interface RpcCall {
  /** The caller's number for this call, echoed in the reply. */
  readonly xid: number;
  readonly program: number;
  /** Version of the program. */
  readonly version: number;
  /** Procedure of the program. */
  readonly procedure: number;
  /** The caller, as the flavour found it. */
  readonly credential: Credential;
  /** For the reply. */
  readonly seal: Seal;
  /** See {@linkcode OpenedCall}. */
  readonly answer?: OpenedCall["answer"];
  /** The arguments: `body.position` to `body.end`. */
  readonly body: XdrReader;
  /** Set by the handler: what the reply must not leave before. */
  reliance?: Reliance | undefined;
  /** Set by the handler: its bytes may still be read, so that nothing else may take their place. */
  isInUse?: boolean;
}

/**
 * Reads a call behind its xid and message type. Throws `XdrError` when the header is cut short.
 */
export function decodeCall(
  xdr: XdrReader,
  xid: number,
  security: CallSecurity,
): RpcCall | Denial {
  // RFC 5531 section 9: rpcvers MUST be equal to 2.
  if (xdr.uint32() !== RPC_VERSION) return RPC_MISMATCH;
  const program = xdr.uint32();
  const version = xdr.uint32();
  const procedure = xdr.uint32();
  const opened = security.open(xdr);
  if (isDenial(opened)) return opened;
  return {
    xid,
    program,
    version,
    procedure,
    credential: opened.credential,
    seal: opened.seal,
    answer: opened.answer,
    body: opened.body ?? xdr,
    reliance: undefined,
  };
}

/** Fields of a call's header, with those that have an obvious value optional. */
export interface CallHeader {
  /** A number that no other unanswered call on the connection has. */
  xid: number;
  program: number;
  /** Version of the program. */
  version: number;
  /** Procedure of the program. */
  procedure: number;
  /** The caller's credential; AUTH_NONE if left out. */
  credential?: CallCredential;
}

/** Writes a call up to its arguments. */
export function encodeCall(xdr: XdrWriter, header: CallHeader): void {
  xdr.uint32(header.xid);
  xdr.uint32(MessageType.CALL);
  xdr.uint32(RPC_VERSION);
  xdr.uint32(header.program);
  xdr.uint32(header.version);
  xdr.uint32(header.procedure);
  writeCredential(xdr, header.credential ?? AUTH_NONE);
  writeCredential(xdr, AUTH_NONE);
}

/** Writes the header of an accepted reply, up to its results: `seal.headerSize` bytes. */
export function encodeAccepted(
  xdr: XdrWriter,
  { xid, seal }: Pick<RpcCall, "xid" | "seal">,
): void {
  xdr.uint32(xid);
  xdr.uint32(MessageType.REPLY);
  xdr.uint32(ReplyStatus.MSG_ACCEPTED);
  seal.writeVerifier(xdr);
  xdr.uint32(AcceptStatus.SUCCESS);
}

/**
 * Makes another status of the accepted reply whose results begin at `resultsAt`.
 * Those written so far are cut off, but for those of PROG_MISMATCH.
 */
export function patchAccepted(
  xdr: XdrWriter,
  resultsAt: number,
  status: AcceptStatus,
): void {
  xdr.patchUint32(resultsAt - 4, status);
  if (status !== AcceptStatus.PROG_MISMATCH) xdr.truncate(resultsAt);
}

/**
 * The results of a call for a version that isn't spoken: `lowest` to `highest`
 * are. Returns the status, for `RpcHandlers.call` to return.
 */
export function progMismatch(
  results: XdrWriter,
  lowest: number,
  highest: number,
): AcceptStatus {
  results.uint32(lowest);
  results.uint32(highest);
  return AcceptStatus.PROG_MISMATCH;
}

/** Writes the denial of a call that {@linkcode decodeCall} gave `reason` for. */
export function encodeDenied(
  xdr: XdrWriter,
  xid: number,
  reason: Denial,
): void {
  xdr.uint32(xid);
  xdr.uint32(MessageType.REPLY);
  xdr.uint32(ReplyStatus.MSG_DENIED);
  if (reason === RPC_MISMATCH) {
    xdr.uint32(RejectStatus.RPC_MISMATCH);
    xdr.uint32(RPC_VERSION);
    xdr.uint32(RPC_VERSION);
  } else {
    xdr.uint32(RejectStatus.AUTH_ERROR);
    xdr.uint32(reason);
  }
}

/** What a reply says of its call: accepted with a status, or denied. */
export type ReplyHeader =
  | {
    /** MSG_ACCEPTED. */
    readonly accepted: true;
    /** An accept_stat; the reader is at the results when it is SUCCESS. */
    readonly status: number;
  }
  | {
    /** MSG_DENIED. */
    readonly accepted: false;
    /** The auth_stat of AUTH_ERROR; left out for RPC_MISMATCH. */
    readonly authStatus?: number;
  };

/**
 * Reads a reply behind its xid and message type, up to its results; throws
 * `XdrError` for what is no reply.
 */
export function decodeReply(xdr: XdrReader): ReplyHeader {
  if (xdr.discriminant(1) === ReplyStatus.MSG_DENIED) {
    return xdr.discriminant(1) === RejectStatus.RPC_MISMATCH
      ? { accepted: false }
      : { accepted: false, authStatus: xdr.uint32() };
  }
  xdr.uint32(); // the verifier's flavor: nothing we sent asks for one
  xdr.opaque(400);
  return { accepted: true, status: xdr.discriminant(AcceptStatus.SYSTEM_ERR) };
}
