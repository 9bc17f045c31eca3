/** Requests of pNFS and of directory delegations (RFC 8881 18.39 to 18.44, 18.49). */

import { bitmap, type Time } from "./attributes.ts";
import {
  type Request,
  request,
  type Stateid,
  writeStateid,
} from "./request.ts";
import { writeTime } from "./ops_session.ts";

const none: Stateid = { seqid: 0, other: new Uint8Array(12) };
const zeroTime: Time = { seconds: 0n, nanoseconds: 0 };

/** Builders that a server without pNFS refuses, arguments read nonetheless. */
export const pnfsOps = {
  getDirDelegation: (
    notifications: readonly number[] = [],
    childAttributes: readonly number[] = [],
  ): Request<"GET_DIR_DELEGATION"> =>
    request("GET_DIR_DELEGATION", (xdr) => {
      xdr.bool(false);
      bitmap.write(xdr, notifications);
      writeTime(xdr, zeroTime);
      writeTime(xdr, zeroTime);
      bitmap.write(xdr, childAttributes);
      bitmap.write(xdr, []);
    }),

  getdeviceinfo: (
    deviceid: Uint8Array = new Uint8Array(16),
  ): Request<"GETDEVICEINFO"> =>
    request("GETDEVICEINFO", (xdr) => {
      xdr.opaqueFixed(deviceid);
      xdr.uint32(1);
      xdr.uint32(4096);
      bitmap.write(xdr, []);
    }),

  getdevicelist: (): Request<"GETDEVICELIST"> =>
    request("GETDEVICELIST", (xdr) => {
      xdr.uint32(1);
      xdr.uint32(16);
      xdr.uint64(0n);
      xdr.opaqueFixed(new Uint8Array(8));
    }),

  layoutcommit: (stateid: Stateid = none): Request<"LAYOUTCOMMIT"> =>
    request("LAYOUTCOMMIT", (xdr) => {
      xdr.uint64(0n);
      xdr.uint64(4096n);
      xdr.bool(false);
      writeStateid(xdr, stateid);
      xdr.bool(true);
      xdr.uint64(4095n);
      xdr.bool(true);
      writeTime(xdr, zeroTime);
      xdr.uint32(1);
      xdr.opaque(new Uint8Array(5));
    }),

  layoutget: (stateid: Stateid = none): Request<"LAYOUTGET"> =>
    request("LAYOUTGET", (xdr) => {
      xdr.bool(false);
      xdr.uint32(1);
      xdr.uint32(1);
      xdr.uint64(0n);
      xdr.uint64(4096n);
      xdr.uint64(4096n);
      writeStateid(xdr, stateid);
      xdr.uint32(4096);
    }),

  /** `type` 1: of a file, 2: of a file system, 3: all. */
  layoutreturn: (
    type = 1,
    stateid: Stateid = none,
  ): Request<"LAYOUTRETURN"> =>
    request("LAYOUTRETURN", (xdr) => {
      xdr.bool(false);
      xdr.uint32(1);
      xdr.uint32(3);
      xdr.uint32(type);
      if (type !== 1) return;
      xdr.uint64(0n);
      xdr.uint64(4096n);
      writeStateid(xdr, stateid);
      xdr.opaque(new Uint8Array(3));
    }),

  /** `claim` 1: CLAIM_PREVIOUS, 4: CLAIM_FH, 6: CLAIM_DELEG_PREV_FH. */
  wantDelegation: (
    want: number,
    claim: 1 | 4 | 6 = 4,
  ): Request<"WANT_DELEGATION"> =>
    request("WANT_DELEGATION", (xdr) => {
      xdr.uint32(want);
      xdr.uint32(claim);
      if (claim === 1) xdr.uint32(1);
    }),
};
