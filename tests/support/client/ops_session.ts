/** Requests that NFSv4.1 added: sessions, and pNFS as far as a server must refuse it. */

import type { XdrWriter } from "../../../src/xdr/writer.ts";
import { bitmap, type Time } from "./attributes.ts";
import {
  type Request,
  request,
  type Stateid,
  writeStateid,
} from "./request.ts";

/** channel_attrs4 (RFC 8881 18.36.1). */
export interface ChannelAttributes {
  readonly headerpadsize: number;
  readonly maxrequestsize: number;
  readonly maxresponsesize: number;
  readonly maxresponsesize_cached: number;
  readonly maxoperations: number;
  readonly maxrequests: number;
  /** At most one element on the wire; a test may send more. */
  readonly rdma_ird: readonly number[];
}

/** authsys_parms (RFC 5531 8.2). */
export interface AuthSys {
  readonly stamp: number;
  readonly machine: string;
  readonly uid: number;
  readonly gid: number;
  readonly gids: readonly number[];
}

/** callback_sec_parms4 (RFC 8881 18.33.1). */
export type CallbackSecurity =
  | { readonly flavor: "none" }
  | { readonly flavor: "sys"; readonly credential: AuthSys }
  | {
    readonly flavor: "gss";
    readonly service: number;
    readonly fromServer: Uint8Array;
    readonly fromClient: Uint8Array;
  };

/** state_protect_ops4: operation numbers. */
export interface ProtectedOps {
  readonly enforce: readonly number[];
  readonly allow: readonly number[];
}

/** state_protect4_a (RFC 8881 18.35.1). */
export type StateProtection =
  | { readonly how: "none" }
  | { readonly how: "mach_cred"; readonly ops: ProtectedOps }
  | {
    readonly how: "ssv";
    readonly ops: ProtectedOps;
    readonly hashAlgorithms: readonly Uint8Array[];
    readonly encryptionAlgorithms: readonly Uint8Array[];
    readonly window: number;
    readonly handles: number;
  };

/** nfs_impl_id4 (RFC 8881 3.3.15). */
export interface Implementation {
  readonly domain: string;
  readonly name: string;
  readonly date: Time;
}

/** Arguments of EXCHANGE_ID. */
export interface ExchangeIdOptions {
  /** Verifier of the client's boot; 8 bytes. */
  readonly verifier: Uint8Array;
  readonly owner: Uint8Array;
  readonly flags?: number | undefined;
  readonly protection?: StateProtection | undefined;
  readonly implementation?: Implementation | undefined;
}

/** Arguments of CREATE_SESSION. */
export interface CreateSessionOptions {
  readonly clientid: bigint;
  readonly sequence: number;
  readonly flags: number;
  readonly fore: ChannelAttributes;
  readonly back: ChannelAttributes;
  readonly program: number;
  readonly security: readonly CallbackSecurity[];
}

/** Arguments of SEQUENCE. */
export interface SequenceOptions {
  /** 16 bytes. */
  readonly sessionid: Uint8Array;
  readonly sequenceid: number;
  readonly slotid: number;
  readonly highestSlotid: number;
  readonly cacheThis?: boolean | undefined;
}

/** EXCHGID4_FLAG_* (RFC 8881 18.35.1). */
export const ExchangeFlag = {
  SUPP_MOVED_REFER: 0x1,
  SUPP_MOVED_MIGR: 0x2,
  BIND_PRINC_STATEID: 0x100,
  USE_NON_PNFS: 0x10000,
  USE_PNFS_MDS: 0x20000,
  USE_PNFS_DS: 0x40000,
  UPD_CONFIRMED_REC_A: 0x40000000,
  CONFIRMED_R: 0x80000000,
} as const;

/** CREATE_SESSION4_FLAG_* (RFC 8881 18.36.1). */
export const SessionFlag = {
  PERSIST: 1,
  CONN_BACK_CHAN: 2,
  CONN_RDMA: 4,
} as const;

/** SEQ4_STATUS_* (RFC 8881 18.46.1). */
export const SequenceStatus = {
  CB_PATH_DOWN: 0x1,
  CB_GSS_CONTEXTS_EXPIRING: 0x2,
  CB_GSS_CONTEXTS_EXPIRED: 0x4,
  EXPIRED_ALL_STATE_REVOKED: 0x8,
  EXPIRED_SOME_STATE_REVOKED: 0x10,
  ADMIN_STATE_REVOKED: 0x20,
  RECALLABLE_STATE_REVOKED: 0x40,
  LEASE_MOVED: 0x80,
  RESTART_RECLAIM_NEEDED: 0x100,
  CB_PATH_DOWN_SESSION: 0x200,
  BACKCHANNEL_FAULT: 0x400,
  DEVID_CHANGED: 0x800,
  DEVID_DELETED: 0x1000,
} as const;

/** channel_dir_from_client4 (RFC 8881 18.34.1). */
export const BindDirection = {
  FORE: 1,
  BACK: 2,
  FORE_OR_BOTH: 3,
  BACK_OR_BOTH: 7,
} as const;

/** Writes authsys_parms. */
export function writeAuthSys(xdr: XdrWriter, credential: AuthSys): void {
  xdr.uint32(credential.stamp);
  xdr.string(credential.machine);
  xdr.uint32(credential.uid);
  xdr.uint32(credential.gid);
  xdr.array(credential.gids, (xdr, gid) => xdr.uint32(gid));
}

/** Writes callback_sec_parms4. */
export function writeCallbackSecurity(
  xdr: XdrWriter,
  security: CallbackSecurity,
): void {
  switch (security.flavor) {
    case "none":
      return xdr.uint32(0);
    case "sys":
      xdr.uint32(1);
      return writeAuthSys(xdr, security.credential);
    case "gss":
      xdr.uint32(6);
      xdr.uint32(security.service);
      xdr.opaque(security.fromServer);
      return xdr.opaque(security.fromClient);
  }
}

function writeChannel(xdr: XdrWriter, channel: ChannelAttributes): void {
  xdr.uint32(channel.headerpadsize);
  xdr.uint32(channel.maxrequestsize);
  xdr.uint32(channel.maxresponsesize);
  xdr.uint32(channel.maxresponsesize_cached);
  xdr.uint32(channel.maxoperations);
  xdr.uint32(channel.maxrequests);
  xdr.array(channel.rdma_ird, (xdr, ird) => xdr.uint32(ird));
}

function writeProtection(xdr: XdrWriter, protection: StateProtection): void {
  const opaques = (values: readonly Uint8Array[]) =>
    xdr.array(values, (xdr, value) => xdr.opaque(value));
  xdr.uint32({ none: 0, mach_cred: 1, ssv: 2 }[protection.how]);
  if (protection.how === "none") return;
  bitmap.write(xdr, protection.ops.enforce);
  bitmap.write(xdr, protection.ops.allow);
  if (protection.how === "mach_cred") return;
  opaques(protection.hashAlgorithms);
  opaques(protection.encryptionAlgorithms);
  xdr.uint32(protection.window);
  xdr.uint32(protection.handles);
}

/** Writes an nfstime4. */
export function writeTime(xdr: XdrWriter, time: Time): void {
  xdr.uint64(BigInt.asUintN(64, time.seconds));
  xdr.uint32(time.nanoseconds);
}

/** Builders of the session operations. */
export const sessionOps = {
  backchannelCtl: (
    program: number,
    security: readonly CallbackSecurity[],
  ): Request<"BACKCHANNEL_CTL"> =>
    request("BACKCHANNEL_CTL", (xdr) => {
      xdr.uint32(program);
      xdr.array(security, writeCallbackSecurity);
    }),

  bindConnToSession: (
    sessionid: Uint8Array,
    direction: number,
    rdma = false,
  ): Request<"BIND_CONN_TO_SESSION"> =>
    request("BIND_CONN_TO_SESSION", (xdr) => {
      xdr.opaqueFixed(sessionid);
      xdr.uint32(direction);
      xdr.bool(rdma);
    }),

  createSession: (options: CreateSessionOptions): Request<"CREATE_SESSION"> =>
    request("CREATE_SESSION", (xdr) => {
      xdr.uint64(options.clientid);
      xdr.uint32(options.sequence);
      xdr.uint32(options.flags);
      writeChannel(xdr, options.fore);
      writeChannel(xdr, options.back);
      xdr.uint32(options.program);
      xdr.array(options.security, writeCallbackSecurity);
    }),

  destroyClientid: (clientid: bigint): Request<"DESTROY_CLIENTID"> =>
    request("DESTROY_CLIENTID", (xdr) => xdr.uint64(clientid)),

  destroySession: (sessionid: Uint8Array): Request<"DESTROY_SESSION"> =>
    request("DESTROY_SESSION", (xdr) => xdr.opaqueFixed(sessionid)),

  exchangeId: (options: ExchangeIdOptions): Request<"EXCHANGE_ID"> =>
    request("EXCHANGE_ID", (xdr) => {
      xdr.opaqueFixed(options.verifier);
      xdr.opaque(options.owner);
      xdr.uint32(options.flags ?? 0);
      writeProtection(xdr, options.protection ?? { how: "none" });
      const { implementation } = options;
      xdr.array(implementation ? [implementation] : [], (xdr, id) => {
        xdr.string(id.domain);
        xdr.string(id.name);
        writeTime(xdr, id.date);
      });
    }),

  freeStateid: (stateid: Stateid): Request<"FREE_STATEID"> =>
    request("FREE_STATEID", (xdr) => writeStateid(xdr, stateid)),

  reclaimComplete: (oneFs = false): Request<"RECLAIM_COMPLETE"> =>
    request("RECLAIM_COMPLETE", (xdr) => xdr.bool(oneFs)),

  /** `style` 0: the current filehandle, 1: its parent (RFC 8881 18.45.1). */
  secinfoNoName: (style = 0): Request<"SECINFO_NO_NAME"> =>
    request("SECINFO_NO_NAME", (xdr) => xdr.uint32(style)),

  sequence: (options: SequenceOptions): Request<"SEQUENCE"> =>
    request("SEQUENCE", (xdr) => {
      xdr.opaqueFixed(options.sessionid);
      xdr.uint32(options.sequenceid);
      xdr.uint32(options.slotid);
      xdr.uint32(options.highestSlotid);
      xdr.bool(options.cacheThis ?? false);
    }),

  setSsv: (ssv: Uint8Array, digest: Uint8Array): Request<"SET_SSV"> =>
    request("SET_SSV", (xdr) => {
      xdr.opaque(ssv);
      xdr.opaque(digest);
    }),

  testStateid: (stateids: readonly Stateid[]): Request<"TEST_STATEID"> =>
    request("TEST_STATEID", (xdr) => xdr.array(stateids, writeStateid)),
};
