import { type Stateid, writeStateid } from "../nfs4/types.ts";
import { readTime } from "../nfs4/attribute_decoders.ts";
import { isStatus, SESSIONID_SIZE, Status } from "../nfs4/constants.ts";
import type { HeldAttributes } from "../state/delegations.ts";
import { XdrError } from "../xdr/error.ts";
import { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";

/** A row of the table of callback operations: how one is written, and its result read. */
export interface CallbackRow<Args, Result = void> {
  /** Number on the wire (RFC 7530 15.3, RFC 8881 20). */
  readonly number: number;
  /** Name as in the RFC; the metrics' label. */
  readonly name: string;
  /** Writes the arguments. */
  encode(xdr: XdrWriter, args: Args): void;
  /** Reads the result behind a status of NFS4_OK. */
  decode(xdr: XdrReader): Result;
}

/** An operation of a callback: a row, and what it is called with. */
export interface CallbackOperation {
  /** How it is written. */
  readonly row: CallbackRow<unknown, unknown>;
  /** What `row.encode` gets. */
  readonly args: unknown;
}

/** Makes an operation of a row and its arguments. */
export function callbackOperation<Args, Result>(
  row: CallbackRow<Args, Result>,
  args: Args,
): CallbackOperation {
  return { row, args };
}

/** Requests of the client that made the state which a callback is about (RFC 8881 2.10.6.3). */
export interface ReferringCalls {
  /** The session that they came over. */
  readonly sessionId: Uint8Array;
  /** The slots and sequence ids that they used. */
  readonly calls: readonly { readonly seqid: number; readonly slot: number }[];
}

/** CB_SEQUENCE4args (RFC 8881 20.9.1). */
export interface CBSequenceArgs {
  readonly sessionId: Uint8Array;
  readonly seqid: number;
  readonly slot: number;
  readonly highestSlot: number;
  readonly referringCalls: readonly ReferringCalls[];
}

/** CB_SEQUENCE4resok (RFC 8881 20.9.2). */
export interface CBSequenceResult {
  readonly sessionId: Uint8Array;
  readonly seqid: number;
  readonly slot: number;
  readonly highestSlot: number;
  readonly targetHighestSlot: number;
}

/** CB_RECALL4args (RFC 8881 20.2.1, RFC 7530 15.2.1). */
export interface CBRecallArgs {
  /** The delegation that is recalled. */
  readonly stateid: Stateid;
  /** The file is about to be cut to nothing: what was written need not come back. */
  readonly truncate: boolean;
  /** The file. */
  readonly handle: Uint8Array;
}

/** CB_GETATTR4args (RFC 8881 20.1.1, RFC 7530 15.1.1). */
export interface CBGetattrArgs {
  /** The file, of which the client holds a write delegation. */
  readonly handle: Uint8Array;
  /** Whether that lets it say what times the file has (RFC 9754). */
  readonly isTimed: boolean;
}

/** CB_RECALL_ANY4args (RFC 8881 20.6.1). */
export interface CBRecallAnyArgs {
  /** How many of these types the client may keep: which, it decides. */
  readonly keep: number;
  /** RCA4_TYPE_MASK_*, one word of it. */
  readonly types: number;
}

/** CB_RECALL_SLOT4args (RFC 8881 20.8.1). */
export interface CBRecallSlotArgs {
  /** The highest slot of the session that the client should use. */
  readonly target: number;
}

/** CB_NOTIFY_LOCK4args (RFC 8881 20.11.1). */
export interface CBNotifyLockArgs {
  /** The file. */
  readonly handle: Uint8Array;
  /** Whose lock owner it is. */
  readonly clientid: bigint;
  /** What the client calls its lock owner. */
  readonly owner: Uint8Array;
}

/** CB_NOTIFY4args (RFC 8881 20.4.1). */
export interface CBNotifyArgs {
  /** The delegation of the folder. */
  readonly stateid: Stateid;
  /** The folder. */
  readonly handle: Uint8Array;
  /** What became of it, the oldest first: a notify4 each. */
  readonly changes: readonly Uint8Array[];
}

/** CB_OFFLOAD4args (RFC 7862 16.1.1). */
export interface CBOffloadArgs {
  /** What was written to. */
  readonly handle: Uint8Array;
  /** The copy. */
  readonly stateid: Stateid;
  /** nfsstat4 */
  readonly status: number;
  /** Bytes that were copied, also before an error. */
  readonly count: number;
  /** How safe they are: stable_how4. */
  readonly committed: number;
  /** The write verifier. */
  readonly verifier: Uint8Array;
}

const FATTR4_CHANGE = 3;
const FATTR4_SIZE = 4;
const CHANGE_AND_SIZE = 1 << FATTR4_CHANGE | 1 << FATTR4_SIZE;
/** In the third word of a bitmap. */
const FATTR4_TIME_DELEG_ACCESS = 84 - 64;
const FATTR4_TIME_DELEG_MODIFY = 85 - 64;
const DELEG_TIMES = 1 << FATTR4_TIME_DELEG_ACCESS |
  1 << FATTR4_TIME_DELEG_MODIFY;
const MAX_BITMAP_WORDS = 8;
const MAX_ATTRIBUTES = 4096;

/**
 * The callback operations that are spoken. A new one is a row here; PROTOCOL.md
 * has a worked example.
 */
export const CALLBACK_OPERATIONS = {
  CB_GETATTR: row<CBGetattrArgs, HeldAttributes>({
    number: 3,
    name: "CB_GETATTR",
    encode(xdr, args) {
      xdr.opaque(args.handle);
      const words = args.isTimed
        ? [CHANGE_AND_SIZE, 0, DELEG_TIMES]
        : [CHANGE_AND_SIZE];
      xdr.array(words, (xdr, word) => xdr.uint32(word));
    },
    decode(xdr) {
      const bitmap = xdr.array(MAX_BITMAP_WORDS, (xdr) => xdr.uint32());
      const values = xdr.opaque(MAX_ATTRIBUTES);
      const [first, second = 0, third = 0, ...others] = bitmap;
      const more = [second, third & ~DELEG_TIMES, ...others];
      // RFC 8881 20.1.3: nothing else was asked for, or may come.
      if (first !== CHANGE_AND_SIZE || more.some((word) => word !== 0)) {
        throw new XdrError("CB_GETATTR answered other attributes");
      }
      const attributes = new XdrReader(values);
      const time = (bit: number) =>
        third & 1 << bit ? readHeldTime(attributes) : undefined;
      return {
        change: attributes.uint64(),
        size: attributes.uint64Number(),
        atime: time(FATTR4_TIME_DELEG_ACCESS),
        mtime: time(FATTR4_TIME_DELEG_MODIFY),
      };
    },
  }),

  CB_RECALL: row<CBRecallArgs>({
    number: 4,
    name: "CB_RECALL",
    encode(xdr, args) {
      writeStateid(xdr, args.stateid);
      xdr.bool(args.truncate);
      xdr.opaque(args.handle);
    },
    decode: () => {},
  }),

  CB_NOTIFY: row<CBNotifyArgs>({
    number: 6,
    name: "CB_NOTIFY",
    encode(xdr, args) {
      writeStateid(xdr, args.stateid);
      xdr.opaque(args.handle);
      xdr.array(args.changes, (xdr, change) => xdr.raw(change));
    },
    decode: () => {},
  }),

  CB_RECALL_ANY: row<CBRecallAnyArgs>({
    number: 8,
    name: "CB_RECALL_ANY",
    encode(xdr, args) {
      xdr.uint32(args.keep);
      xdr.array([args.types], (xdr, word) => xdr.uint32(word));
    },
    decode: () => {},
  }),

  CB_RECALL_SLOT: row<CBRecallSlotArgs>({
    number: 10,
    name: "CB_RECALL_SLOT",
    encode: (xdr, args) => xdr.uint32(args.target),
    decode: () => {},
  }),

  CB_SEQUENCE: row<CBSequenceArgs, CBSequenceResult>({
    number: 11,
    name: "CB_SEQUENCE",
    encode(xdr, args) {
      xdr.opaqueFixed(args.sessionId);
      xdr.uint32(args.seqid);
      xdr.uint32(args.slot);
      xdr.uint32(args.highestSlot);
      // Recalls may be executed twice without harm: nothing to cache.
      xdr.bool(false);
      xdr.array(args.referringCalls, (xdr, list) => {
        xdr.opaqueFixed(list.sessionId);
        xdr.array(list.calls, (xdr, call) => {
          xdr.uint32(call.seqid);
          xdr.uint32(call.slot);
        });
      });
    },
    decode: (xdr) => ({
      sessionId: xdr.opaqueFixed(SESSIONID_SIZE).slice(),
      seqid: xdr.uint32(),
      slot: xdr.uint32(),
      highestSlot: xdr.uint32(),
      targetHighestSlot: xdr.uint32(),
    }),
  }),

  CB_OFFLOAD: row<CBOffloadArgs>({
    number: 15,
    name: "CB_OFFLOAD",
    encode(xdr, args) {
      xdr.opaque(args.handle);
      writeStateid(xdr, args.stateid);
      xdr.uint32(args.status);
      if (args.status === Status.OK) {
        // RFC 7862 16.1.3: wr_callback_id must not be set.
        xdr.uint32(0);
        xdr.uint64Number(args.count);
        xdr.uint32(args.committed);
        xdr.opaqueFixed(args.verifier);
      } else xdr.uint64Number(args.count);
    },
    decode: () => {},
  }),

  CB_NOTIFY_LOCK: row<CBNotifyLockArgs>({
    number: 13,
    name: "CB_NOTIFY_LOCK",
    encode(xdr, args) {
      xdr.opaque(args.handle);
      xdr.uint64(args.clientid);
      xdr.opaque(args.owner);
    },
    decode: () => {},
  }),
} as const;

/** RFC 8881 3.3.1 (nfstime4): one that can't be is no time. */
function readHeldTime(xdr: XdrReader) {
  const time = readTime(xdr);
  if (isStatus(time)) throw new XdrError("nfstime4");
  return time;
}

function row<Args, Result = void>(
  row: CallbackRow<Args, Result>,
): CallbackRow<Args, Result> {
  return row;
}
