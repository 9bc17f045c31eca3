/** ONC RPC as a client writes and reads it (RFC 5531 9), each field checked. */

import type { XdrReader } from "../../../src/xdr/reader.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";
import { type AuthSys, writeAuthSys } from "./ops_session.ts";

/** What a call says about who calls. */
export type Credential =
  | { readonly flavor: "none" }
  | ({ readonly flavor: "sys" } & AuthSys)
  /** Any flavor with any body, for calls that a server must refuse. */
  | {
    readonly flavor: "raw";
    readonly number: number;
    readonly body: Uint8Array;
  };

/** A call without its arguments. */
export interface CallHeader {
  readonly xid: number;
  /** 2 unless a test wants RPC_MISMATCH. */
  readonly rpcVersion?: number | undefined;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly credential: Credential;
}

/** How a server answered, procedure results apart. */
export type RpcOutcome =
  | { readonly kind: "success"; readonly body: XdrReader }
  | { readonly kind: "prog_unavail" | "proc_unavail" }
  | { readonly kind: "garbage_args" | "system_err" }
  | {
    readonly kind: "prog_mismatch" | "rpc_mismatch";
    readonly low: number;
    readonly high: number;
  }
  | { readonly kind: "auth_error"; readonly why: number };

/** msg_type (RFC 5531 9). */
export const MessageType = { CALL: 0, REPLY: 1 } as const;

/** auth_stat (RFC 5531 9). */
export const AuthStat = {
  BADCRED: 1,
  REJECTEDCRED: 2,
  BADVERF: 3,
  REJECTEDVERF: 4,
  TOOWEAK: 5,
  INVALIDRESP: 6,
  FAILED: 7,
} as const;

/** AUTH_SYS of root, as most tests call. */
export const rootCredential: Credential = authSys(0, 0);

/** AUTH_SYS of a user. */
export function authSys(
  uid: number,
  gid: number,
  gids: readonly number[] = [],
): Credential {
  return { flavor: "sys", stamp: 0, machine: "strict-client", uid, gid, gids };
}

/** Writes an opaque_auth. */
export function writeCredential(xdr: XdrWriter, credential: Credential): void {
  if (credential.flavor === "none") {
    xdr.uint32(0);
    xdr.uint32(0);
    return;
  }
  if (credential.flavor === "raw") {
    xdr.uint32(credential.number);
    return xdr.opaque(credential.body);
  }
  const body = new XdrWriter();
  writeAuthSys(body, credential);
  xdr.uint32(1);
  xdr.opaque(body.subarray());
}

/** A whole CALL, record mark not included. */
export function encodeCall(
  header: CallHeader,
  args: (xdr: XdrWriter) => void,
): Uint8Array<ArrayBuffer> {
  const xdr = new XdrWriter();
  xdr.uint32(header.xid);
  xdr.uint32(MessageType.CALL);
  xdr.uint32(header.rpcVersion ?? 2);
  xdr.uint32(header.program);
  xdr.uint32(header.version);
  xdr.uint32(header.procedure);
  writeCredential(xdr, header.credential);
  writeCredential(xdr, { flavor: "none" });
  args(xdr);
  return xdr.slice();
}

const acceptStats = [
  undefined,
  "prog_unavail",
  undefined,
  "proc_unavail",
  "garbage_args",
  "system_err",
] as const;

/** Reads a REPLY behind XID and type; only a success may have more bytes. */
export function readReply(xdr: XdrReader): RpcOutcome {
  const outcome = readOutcome(xdr);
  if (outcome.kind !== "success") expectEnd(xdr, "an RPC refusal");
  return outcome;
}

function readOutcome(xdr: XdrReader): RpcOutcome {
  // RFC 5531 9: reply_stat, then accept_stat or reject_stat.
  if (xdr.discriminant(1) === 1) {
    if (xdr.discriminant(1) === 1) {
      return { kind: "auth_error", why: xdr.discriminant(14) };
    }
    return { kind: "rpc_mismatch", low: xdr.uint32(), high: xdr.uint32() };
  }
  const verifier = { flavor: xdr.uint32(), body: xdr.opaque(400) };
  if (verifier.flavor !== 0 || verifier.body.length !== 0) {
    throw new Error(`reply verifier of flavor ${verifier.flavor}`);
  }
  const stat = xdr.discriminant(5);
  if (stat === 0) return { kind: "success", body: xdr };
  if (stat === 2) {
    return { kind: "prog_mismatch", low: xdr.uint32(), high: xdr.uint32() };
  }
  return { kind: acceptStats[stat]! };
}

/** Throws unless everything has been read. */
export function expectEnd(xdr: XdrReader, what: string): void {
  if (xdr.remaining > 0) {
    throw new Error(`${xdr.remaining} bytes left over behind ${what}`);
  }
}

/** An RPC refusal where a success was expected. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  /** What the server said. */
  readonly outcome: RpcOutcome;

  constructor(outcome: RpcOutcome) {
    const { kind } = outcome;
    super(kind === "auth_error" ? `auth_error ${outcome.why}` : kind);
    this.outcome = outcome;
  }
}
