/** Requests that open and lock, and the clientids and owners of NFSv4.0. */

import type { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  type Attributes,
  type RawAttributes,
  writeAttributes,
} from "./attributes.ts";
import {
  type Component,
  type Owner,
  type Request,
  request,
  type Stateid,
  TO_END,
  writeComponent,
  writeOwner,
  writeStateid,
} from "./request.ts";

/** createmode4 (RFC 8881 18.16.1). */
export const CreateMode = {
  UNCHECKED: 0,
  GUARDED: 1,
  EXCLUSIVE: 2,
  EXCLUSIVE4_1: 3,
} as const;

/** nfs_lock_type4 (RFC 8881 18.10.1). */
export const LockType = { READ: 1, WRITE: 2, READW: 3, WRITEW: 4 } as const;

/** open_delegation_type4 (RFC 8881 18.16.1). */
export const DelegationType = {
  NONE: 0,
  READ: 1,
  WRITE: 2,
  NONE_EXT: 3,
} as const;

/** Which right an OPEN claims: open_claim4 (RFC 8881 18.16.1). */
export type OpenClaim =
  | { readonly claim: "null"; readonly name: Component }
  | { readonly claim: "previous"; readonly delegate: number }
  | {
    readonly claim: "delegate_cur";
    readonly stateid: Stateid;
    readonly name: Component;
  }
  | { readonly claim: "delegate_prev"; readonly name: Component }
  | { readonly claim: "fh" }
  | { readonly claim: "deleg_cur_fh"; readonly stateid: Stateid }
  | { readonly claim: "deleg_prev_fh" };

/** openflag4: how a file comes to be. */
export interface OpenCreate {
  /** One of {@linkcode CreateMode}. */
  readonly mode: number;
  /** For EXCLUSIVE and EXCLUSIVE4_1; 8 bytes. */
  readonly verifier?: Uint8Array | undefined;
  /** For all but EXCLUSIVE. */
  readonly attributes?: Attributes | RawAttributes | undefined;
}

/** Arguments of OPEN. */
export interface OpenOptions {
  /** NFSv4.0's open-owner seqid; 0 in a session. */
  readonly seqid?: number | undefined;
  /** share_access, WANT flags included; read by default. */
  readonly access?: number | undefined;
  readonly deny?: number | undefined;
  readonly owner: Owner;
  readonly create?: OpenCreate | undefined;
  readonly claim: OpenClaim;
}

/** Who locks: an owner new to the server, or one that has a lock stateid. */
export type Locker =
  | {
    readonly openStateid: Stateid;
    readonly openSeqid?: number | undefined;
    readonly lockSeqid?: number | undefined;
    readonly owner: Owner;
  }
  | { readonly lockStateid: Stateid; readonly lockSeqid?: number };

/** Arguments of LOCK; a write lock over the whole file by default. */
export interface LockOptions {
  /** One of {@linkcode LockType}. */
  readonly type?: number | undefined;
  readonly reclaim?: boolean | undefined;
  readonly offset?: bigint | undefined;
  readonly length?: bigint | undefined;
  readonly locker: Locker;
}

/** Arguments of LOCKT. */
export interface LocktOptions {
  readonly type?: number | undefined;
  readonly offset?: bigint | undefined;
  readonly length?: bigint | undefined;
  readonly owner: Owner;
}

/** Arguments of LOCKU. */
export interface LockuOptions {
  readonly type?: number | undefined;
  readonly seqid?: number | undefined;
  readonly stateid: Stateid;
  readonly offset?: bigint | undefined;
  readonly length?: bigint | undefined;
}

/** Arguments of SETCLIENTID (RFC 7530 16.33). */
export interface SetclientidOptions {
  /** Verifier of the client's boot; 8 bytes. */
  readonly verifier: Uint8Array;
  readonly id: Uint8Array;
  readonly program: number;
  /** "tcp" or "tcp6". */
  readonly netid: string;
  /** Universal address. */
  readonly address: string;
  readonly ident: number;
}

const claims = {
  null: 0,
  previous: 1,
  delegate_cur: 2,
  delegate_prev: 3,
  fh: 4,
  deleg_cur_fh: 5,
  deleg_prev_fh: 6,
} as const;

function writeClaim(xdr: XdrWriter, claim: OpenClaim): void {
  xdr.uint32(claims[claim.claim]);
  switch (claim.claim) {
    case "previous":
      return xdr.uint32(claim.delegate);
    case "delegate_cur":
      writeStateid(xdr, claim.stateid);
      return writeComponent(xdr, claim.name);
    case "null":
    case "delegate_prev":
      return writeComponent(xdr, claim.name);
    case "deleg_cur_fh":
      return writeStateid(xdr, claim.stateid);
  }
}

function writeCreateHow(xdr: XdrWriter, create: OpenCreate | undefined): void {
  xdr.uint32(create ? 1 : 0);
  if (!create) return;
  xdr.uint32(create.mode);
  if (
    create.mode === CreateMode.EXCLUSIVE ||
    create.mode === CreateMode.EXCLUSIVE4_1
  ) {
    xdr.opaqueFixed(create.verifier ?? new Uint8Array(8));
  }
  if (create.mode !== CreateMode.EXCLUSIVE) {
    writeAttributes(xdr, create.attributes ?? {});
  }
}

function writeLocker(xdr: XdrWriter, locker: Locker): void {
  const isNew = "openStateid" in locker;
  xdr.bool(isNew);
  if (isNew) {
    xdr.uint32(locker.openSeqid ?? 0);
    writeStateid(xdr, locker.openStateid);
    xdr.uint32(locker.lockSeqid ?? 0);
    writeOwner(xdr, locker.owner);
  } else {
    writeStateid(xdr, locker.lockStateid);
    xdr.uint32(locker.lockSeqid ?? 0);
  }
}

/** Builders of the operations that hold state. */
export const stateOps = {
  close: (stateid: Stateid, seqid = 0): Request<"CLOSE"> =>
    request("CLOSE", (xdr) => {
      xdr.uint32(seqid);
      writeStateid(xdr, stateid);
    }),

  delegpurge: (clientid: bigint): Request<"DELEGPURGE"> =>
    request("DELEGPURGE", (xdr) => xdr.uint64(clientid)),

  delegreturn: (stateid: Stateid): Request<"DELEGRETURN"> =>
    request("DELEGRETURN", (xdr) => writeStateid(xdr, stateid)),

  lock: (options: LockOptions): Request<"LOCK"> =>
    request("LOCK", (xdr) => {
      xdr.uint32(options.type ?? LockType.WRITE);
      xdr.bool(options.reclaim ?? false);
      xdr.uint64(options.offset ?? 0n);
      xdr.uint64(options.length ?? TO_END);
      writeLocker(xdr, options.locker);
    }),

  lockt: (options: LocktOptions): Request<"LOCKT"> =>
    request("LOCKT", (xdr) => {
      xdr.uint32(options.type ?? LockType.WRITE);
      xdr.uint64(options.offset ?? 0n);
      xdr.uint64(options.length ?? TO_END);
      writeOwner(xdr, options.owner);
    }),

  locku: (options: LockuOptions): Request<"LOCKU"> =>
    request("LOCKU", (xdr) => {
      xdr.uint32(options.type ?? LockType.WRITE);
      xdr.uint32(options.seqid ?? 0);
      writeStateid(xdr, options.stateid);
      xdr.uint64(options.offset ?? 0n);
      xdr.uint64(options.length ?? TO_END);
    }),

  open: (options: OpenOptions): Request<"OPEN"> =>
    request("OPEN", (xdr) => {
      xdr.uint32(options.seqid ?? 0);
      xdr.uint32(options.access ?? 1);
      xdr.uint32(options.deny ?? 0);
      writeOwner(xdr, options.owner);
      writeCreateHow(xdr, options.create);
      writeClaim(xdr, options.claim);
    }),

  openConfirm: (stateid: Stateid, seqid: number): Request<"OPEN_CONFIRM"> =>
    request("OPEN_CONFIRM", (xdr) => {
      writeStateid(xdr, stateid);
      xdr.uint32(seqid);
    }),

  openDowngrade: (
    options: {
      readonly stateid: Stateid;
      readonly seqid?: number | undefined;
      readonly access: number;
      readonly deny?: number | undefined;
    },
  ): Request<"OPEN_DOWNGRADE"> =>
    request("OPEN_DOWNGRADE", (xdr) => {
      writeStateid(xdr, options.stateid);
      xdr.uint32(options.seqid ?? 0);
      xdr.uint32(options.access);
      xdr.uint32(options.deny ?? 0);
    }),

  releaseLockowner: (owner: Owner): Request<"RELEASE_LOCKOWNER"> =>
    request("RELEASE_LOCKOWNER", (xdr) => writeOwner(xdr, owner)),

  renew: (clientid: bigint): Request<"RENEW"> =>
    request("RENEW", (xdr) => xdr.uint64(clientid)),

  setclientid: (options: SetclientidOptions): Request<"SETCLIENTID"> =>
    request("SETCLIENTID", (xdr) => {
      xdr.opaqueFixed(options.verifier);
      xdr.opaque(options.id);
      xdr.uint32(options.program);
      xdr.string(options.netid);
      xdr.string(options.address);
      xdr.uint32(options.ident);
    }),

  setclientidConfirm: (
    clientid: bigint,
    verifier: Uint8Array,
  ): Request<"SETCLIENTID_CONFIRM"> =>
    request("SETCLIENTID_CONFIRM", (xdr) => {
      xdr.uint64(clientid);
      xdr.opaqueFixed(verifier);
    }),
};
