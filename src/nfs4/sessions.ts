/**
 * Constants and structures of NFSv4.1 sessions that more than one room needs.
 *
 * @module
 */

import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";

/** SEQ4_STATUS_* (RFC 8881 18.46.2), as far as this server raises them. */
export const SequenceFlag = {
  CB_PATH_DOWN: 0x001,
  EXPIRED_ALL_STATE_REVOKED: 0x008,
  EXPIRED_SOME_STATE_REVOKED: 0x010,
  ADMIN_STATE_REVOKED: 0x020,
  RECALLABLE_STATE_REVOKED: 0x040,
  RESTART_RECLAIM_NEEDED: 0x100,
  CB_PATH_DOWN_SESSION: 0x200,
  BACKCHANNEL_FAULT: 0x400,
} as const;

/** EXCHGID4_FLAG_* (RFC 8881 18.35.1; SUPP_FENCE_OPS RFC 7862 14.1). */
export const ExchangeFlag = {
  SUPP_MOVED_REFER: 0x0000_0001,
  SUPP_MOVED_MIGR: 0x0000_0002,
  SUPP_FENCE_OPS: 0x0000_0004,
  BIND_PRINC_STATEID: 0x0000_0100,
  USE_NON_PNFS: 0x0001_0000,
  USE_PNFS_MDS: 0x0002_0000,
  USE_PNFS_DS: 0x0004_0000,
  UPD_CONFIRMED_REC_A: 0x4000_0000,
  CONFIRMED_R: 0x8000_0000,
} as const;

/** CREATE_SESSION4_FLAG_* (RFC 8881 18.36.1). */
export const CreateSessionFlag = {
  PERSIST: 1,
  CONN_BACK_CHAN: 2,
  CONN_RDMA: 4,
} as const;

/** CDFC4_*: the channels that a client binds its connection to (RFC 8881 18.34.1). */
export const ClientDirection = {
  FORE: 1,
  BACK: 2,
  FORE_OR_BOTH: 3,
  BACK_OR_BOTH: 7,
} as const;

/** CDFS4_*: the channels that a connection is bound to (RFC 8881 18.34.2). */
export const Direction = { FORE: 1, BACK: 2, BOTH: 3 } as const;

/** One of the values of {@linkcode Direction}: bit 0 fore channel, bit 1 backchannel. */
export type DirectionBits = (typeof Direction)[keyof typeof Direction];

/** channel_attrs4 (RFC 8881 18.36.1) without what only RDMA has. Sizes in bytes. */
export interface ChannelAttributes {
  /** Largest request, RPC header included. */
  readonly maxRequestSize: number;
  /** Largest reply, RPC header included. */
  readonly maxResponseSize: number;
  /** Largest reply that is kept for replay. */
  readonly maxResponseSizeCached: number;
  /** Operations in a COMPOUND. */
  readonly maxOperations: number;
  /** Slots: requests that may be under way at once. */
  readonly maxRequests: number;
}

/** Reads a channel_attrs4. */
export function readChannelAttributes(xdr: XdrReader): ChannelAttributes {
  xdr.uint32(); // ca_headerpadsize: padding is for RDMA
  const attributes = {
    maxRequestSize: xdr.uint32(),
    maxResponseSize: xdr.uint32(),
    maxResponseSizeCached: xdr.uint32(),
    maxOperations: xdr.uint32(),
    maxRequests: xdr.uint32(),
  };
  xdr.array(1, (item) => item.uint32()); // ca_rdma_ird<1>
  return attributes;
}

/** Writes a channel_attrs4 of a channel without padding and RDMA. */
export function writeChannelAttributes(
  xdr: XdrWriter,
  attributes: ChannelAttributes,
): void {
  xdr.uint32(0);
  xdr.uint32(attributes.maxRequestSize);
  xdr.uint32(attributes.maxResponseSize);
  xdr.uint32(attributes.maxResponseSizeCached);
  xdr.uint32(attributes.maxOperations);
  xdr.uint32(attributes.maxRequests);
  xdr.uint32(0);
}
