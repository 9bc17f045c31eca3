/** CB_COMPOUND as a client reads it, byte by byte, and as it answers (RFC 8881 19, 20). */

import { Status } from "../../../src/nfs4/constants.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  type Attributes,
  bitmap,
  readAttributes,
  writeAttributes,
} from "./attributes.ts";
import type { AuthSys } from "./ops_session.ts";
import type { Owner, Stateid } from "./request.ts";
import { readDelegation, readOpaque, readStateid } from "./results_parts.ts";
import { expectEnd, MessageType } from "./rpc.ts";

/** nfs_cb_opnum4 (RFC 8881 19.2.1, RFC 7862 16). */
export const CallbackOp = {
  GETATTR: 3,
  RECALL: 4,
  LAYOUTRECALL: 5,
  NOTIFY: 6,
  PUSH_DELEG: 7,
  RECALL_ANY: 8,
  RECALLABLE_OBJ_AVAIL: 9,
  RECALL_SLOT: 10,
  SEQUENCE: 11,
  WANTS_CANCELLED: 12,
  NOTIFY_LOCK: 13,
  NOTIFY_DEVICEID: 14,
  OFFLOAD: 15,
  ILLEGAL: 10044,
} as const;

/** Name of a callback operation, without CB_. */
export type CallbackName = keyof typeof CallbackOp;

/** An earlier call of the client that the callback has to do with (RFC 8881 2.10.6.3). */
export interface ReferringCallList {
  readonly sessionid: Uint8Array;
  readonly calls: readonly {
    readonly sequenceid: number;
    readonly slotid: number;
  }[];
}

/** CB_SEQUENCE4args. */
export interface CallbackSequence {
  readonly sessionid: Uint8Array;
  readonly sequenceid: number;
  readonly slotid: number;
  readonly highestSlotid: number;
  readonly cacheThis: boolean;
  readonly referringCalls: readonly ReferringCallList[];
}

/** CB_RECALL4args. */
export interface Recall {
  readonly stateid: Stateid;
  readonly truncate: boolean;
  readonly filehandle: Uint8Array;
}

/** CB_GETATTR4args. */
export interface CallbackGetattr {
  readonly filehandle: Uint8Array;
  readonly attributes: readonly number[];
}

/** CB_NOTIFY_LOCK4args. */
export interface NotifyLock {
  readonly filehandle: Uint8Array;
  readonly owner: Owner;
}

/** CB_NOTIFY4args. */
export interface Notify {
  readonly stateid: Stateid;
  readonly filehandle: Uint8Array;
  readonly changes: readonly {
    readonly mask: readonly number[];
    readonly values: Uint8Array;
  }[];
}

/** One operation of a CB_COMPOUND. */
export type CallbackOperation =
  | { readonly op: "SEQUENCE"; readonly args: CallbackSequence }
  | { readonly op: "RECALL"; readonly args: Recall }
  | { readonly op: "GETATTR"; readonly args: CallbackGetattr }
  | { readonly op: "NOTIFY_LOCK"; readonly args: NotifyLock }
  | { readonly op: "NOTIFY"; readonly args: Notify }
  | {
    readonly op: Exclude<
      CallbackName,
      "SEQUENCE" | "RECALL" | "GETATTR" | "NOTIFY_LOCK" | "NOTIFY"
    >;
    readonly args: Readonly<Record<string, unknown>>;
  };

/** CB_COMPOUND4args. */
export interface CallbackCompound {
  readonly tag: Uint8Array;
  readonly minorVersion: number;
  readonly ident: number;
  readonly ops: readonly CallbackOperation[];
}

/** The RPC header of a CALL from the server. */
export interface CallbackHeader {
  readonly xid: number;
  readonly rpcVersion: number;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly credential:
    | { readonly flavor: "none" }
    | ({ readonly flavor: "sys" } & AuthSys)
    | { readonly flavor: "other"; readonly number: number };
  /** Whether the verifier is AUTH_NONE and empty. */
  readonly verifierIsNone: boolean;
}

/** What the client answers one operation with. */
export interface CallbackResult {
  readonly number: number;
  readonly status: number;
  /** Behind the status. */
  readonly body?: Uint8Array;
}

const LIMIT = 1024;

function readFilehandle(xdr: XdrReader): Uint8Array {
  const filehandle = readOpaque(xdr, 128);
  if (filehandle.length === 0) throw new Error("empty filehandle");
  return filehandle;
}

function readNotify(xdr: XdrReader) {
  return { mask: bitmap.read(xdr), values: readOpaque(xdr, 65536) };
}

function readRecallAny(xdr: XdrReader) {
  return { keep: xdr.uint32(), types: bitmap.read(xdr) };
}

function readSequence(xdr: XdrReader): CallbackSequence {
  return {
    sessionid: xdr.opaqueFixed(16).slice(),
    sequenceid: xdr.uint32(),
    slotid: xdr.uint32(),
    highestSlotid: xdr.uint32(),
    cacheThis: xdr.bool(),
    referringCalls: xdr.array(LIMIT, (xdr) => ({
      sessionid: xdr.opaqueFixed(16).slice(),
      calls: xdr.array(LIMIT, (xdr) => ({
        sequenceid: xdr.uint32(),
        slotid: xdr.uint32(),
      })),
    })),
  };
}

function readLayoutRecall(xdr: XdrReader) {
  const head = {
    type: xdr.uint32(),
    iomode: xdr.uint32(),
    changed: xdr.bool(),
  };
  const recall = xdr.uint32();
  if (recall === 1) {
    const filehandle = readFilehandle(xdr);
    const offset = xdr.uint64();
    return {
      ...head,
      filehandle,
      offset,
      length: xdr.uint64(),
      stateid: readStateid(xdr),
    };
  }
  if (recall === 2) {
    return { ...head, fsid: { major: xdr.uint64(), minor: xdr.uint64() } };
  }
  if (recall !== 3) throw new Error(`layoutrecall_type4 ${recall}`);
  return { ...head, all: true };
}

function readOffload(xdr: XdrReader) {
  const filehandle = readFilehandle(xdr);
  const stateid = readStateid(xdr);
  const status = xdr.uint32();
  if (status !== Status.OK) {
    return { filehandle, stateid, status, copied: xdr.uint64() };
  }
  const callbackId = xdr.array(1, readStateid)[0];
  const count = xdr.uint64();
  const committed = xdr.discriminant(2);
  const verifier = xdr.opaqueFixed(8).slice();
  return {
    filehandle,
    stateid,
    status,
    callbackId,
    count,
    committed,
    verifier,
  };
}

const decoders: {
  readonly [N in CallbackName]: (xdr: XdrReader, minor: number) => unknown;
} = {
  GETATTR: (xdr): CallbackGetattr => ({
    filehandle: readFilehandle(xdr),
    attributes: bitmap.read(xdr),
  }),
  RECALL: (xdr): Recall => ({
    stateid: readStateid(xdr),
    truncate: xdr.bool(),
    filehandle: readFilehandle(xdr),
  }),
  LAYOUTRECALL: readLayoutRecall,
  NOTIFY: (xdr): Notify => ({
    stateid: readStateid(xdr),
    filehandle: readFilehandle(xdr),
    changes: xdr.array(LIMIT, readNotify),
  }),
  PUSH_DELEG: (xdr, minor) => ({
    filehandle: readFilehandle(xdr),
    delegation: readDelegation(xdr, minor),
  }),
  RECALL_ANY: readRecallAny,
  RECALLABLE_OBJ_AVAIL: readRecallAny,
  RECALL_SLOT: (xdr) => ({ targetHighestSlotid: xdr.uint32() }),
  SEQUENCE: readSequence,
  WANTS_CANCELLED: (xdr) => ({
    contended: xdr.bool(),
    resourced: xdr.bool(),
  }),
  NOTIFY_LOCK: (xdr): NotifyLock => ({
    filehandle: readFilehandle(xdr),
    owner: { clientid: xdr.uint64(), owner: readOpaque(xdr, 1024) },
  }),
  NOTIFY_DEVICEID: (xdr) => ({ changes: xdr.array(LIMIT, readNotify) }),
  OFFLOAD: readOffload,
  ILLEGAL: () => ({}),
};

const names = new Map<number, CallbackName>(
  Object.entries(CallbackOp).map((
    [name, number],
  ) => [number, name as CallbackName]),
);

/** Reads the header of a CALL, XID and type included; the arguments are next. */
export function readCallbackHeader(xdr: XdrReader): CallbackHeader {
  const xid = xdr.uint32();
  const type = xdr.uint32();
  if (type !== MessageType.CALL) throw new Error(`message type ${type}`);
  const rpcVersion = xdr.uint32();
  const program = xdr.uint32();
  const version = xdr.uint32();
  const procedure = xdr.uint32();
  const credential = readCallbackCredential(xdr);
  const verifierFlavor = xdr.uint32();
  const verifier = xdr.opaque(400);
  const verifierIsNone = verifierFlavor === 0 && verifier.length === 0;
  return {
    xid,
    rpcVersion,
    program,
    version,
    procedure,
    credential,
    verifierIsNone,
  };
}

function readCallbackCredential(xdr: XdrReader): CallbackHeader["credential"] {
  const flavor = xdr.uint32();
  const body = new XdrReader(xdr.opaque(400));
  if (flavor === 0) {
    expectEnd(body, "an AUTH_NONE credential");
    return { flavor: "none" };
  }
  if (flavor !== 1) return { flavor: "other", number: flavor };
  const credential = {
    flavor: "sys" as const,
    stamp: body.uint32(),
    machine: body.string(255),
    uid: body.uint32(),
    gid: body.uint32(),
    gids: body.array(16, (xdr) => xdr.uint32()),
  };
  expectEnd(body, "an AUTH_SYS credential");
  return credential;
}

/** Reads CB_COMPOUND4args to its last byte. */
export function readCallbackCompound(xdr: XdrReader): CallbackCompound {
  const tag = readOpaque(xdr, LIMIT);
  const minorVersion = xdr.uint32();
  const ident = xdr.uint32();
  const ops = xdr.array(64, (xdr) => {
    const number = xdr.uint32();
    const op = names.get(number);
    if (op === undefined) throw new Error(`callback operation ${number}`);
    const args = decoders[op](xdr, minorVersion);
    return { op, args } as CallbackOperation;
  });
  expectEnd(xdr, "CB_COMPOUND");
  return { tag, minorVersion, ident, ops };
}

/** Body of CB_SEQUENCE4resok. */
export function encodeSequenceResult(
  sequence: CallbackSequence,
  slots: { readonly highest: number; readonly target: number },
): Uint8Array {
  const xdr = new XdrWriter(64);
  xdr.opaqueFixed(sequence.sessionid);
  xdr.uint32(sequence.sequenceid);
  xdr.uint32(sequence.slotid);
  xdr.uint32(slots.highest);
  xdr.uint32(slots.target);
  return xdr.slice();
}

/** Body of CB_GETATTR4resok. */
export function encodeGetattrResult(attributes: Attributes): Uint8Array {
  const xdr = new XdrWriter();
  writeAttributes(xdr, attributes);
  return xdr.slice();
}

/** CB_COMPOUND4res. */
export function encodeCallbackResult(
  tag: Uint8Array,
  status: number,
  results: readonly CallbackResult[],
): Uint8Array {
  const xdr = new XdrWriter();
  xdr.uint32(status);
  xdr.opaque(tag);
  xdr.array(results, (xdr, result) => {
    xdr.uint32(result.number);
    xdr.uint32(result.status);
    if (result.body) xdr.raw(result.body);
  });
  return xdr.slice();
}

/** Reads CB_COMPOUND4res: the counterpart, for captured bytes. */
export function readCallbackResult(xdr: XdrReader): {
  readonly status: number;
  readonly tag: Uint8Array;
  readonly results: readonly { readonly op: string; readonly status: number }[];
} {
  const status = xdr.uint32();
  const tag = readOpaque(xdr, LIMIT);
  const results = xdr.array(64, (xdr) => {
    const number = xdr.uint32();
    const op = names.get(number) ?? `callback operation ${number}`;
    const status = xdr.uint32();
    if (status === Status.OK && op === "SEQUENCE") xdr.opaqueFixed(32);
    if (status === Status.OK && op === "GETATTR") readAttributes(xdr);
    return { op, status };
  });
  expectEnd(xdr, "CB_COMPOUND results");
  return { status, tag, results };
}
