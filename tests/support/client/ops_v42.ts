/** Requests of NFSv4.2 (RFC 7862 15) and of extended attributes (RFC 8276 8.4). */

import type { XdrWriter } from "../../../src/xdr/writer.ts";
import { bitmap } from "./attributes.ts";
import {
  bytesOf,
  type Component,
  type Request,
  request,
  type Stateid,
  writeComponent,
  writeStateid,
} from "./request.ts";

/** A range of a file, and the stateid it is used under. */
export interface RangeOptions {
  readonly stateid: Stateid;
  readonly offset: bigint;
  readonly length: bigint;
}

/** From where to where CLONE and COPY work. */
export interface CopyRange {
  readonly source: Stateid;
  readonly destination: Stateid;
  readonly sourceOffset?: bigint;
  readonly destinationOffset?: bigint;
  /** 0: to the end. */
  readonly count?: bigint;
}

/** netloc4 (RFC 7862 4.7). */
export type NetLocation =
  | { readonly type: "name" | "url"; readonly value: string }
  | {
    readonly type: "address";
    readonly netid: string;
    readonly address: string;
  };

/** setxattr_option4 (RFC 8276 8.4.2). */
export const XattrOption = { EITHER: 0, CREATE: 1, REPLACE: 2 } as const;

/** data_content4 (RFC 7862 15.10). */
export const Content = { DATA: 0, HOLE: 1 } as const;

function writeNetLocation(xdr: XdrWriter, location: NetLocation): void {
  xdr.uint32({ name: 1, url: 2, address: 3 }[location.type]);
  if (location.type === "address") {
    xdr.string(location.netid);
    xdr.string(location.address);
  } else {
    xdr.string(location.value);
  }
}

function writeCopyRange(xdr: XdrWriter, range: CopyRange): void {
  writeStateid(xdr, range.source);
  writeStateid(xdr, range.destination);
  xdr.uint64(range.sourceOffset ?? 0n);
  xdr.uint64(range.destinationOffset ?? 0n);
  xdr.uint64(range.count ?? 0n);
}

function ranged<N extends "ALLOCATE" | "DEALLOCATE">(
  operation: N,
): (options: RangeOptions) => Request<N> {
  return (options) =>
    request(operation, (xdr) => {
      writeStateid(xdr, options.stateid);
      xdr.uint64(options.offset);
      xdr.uint64(options.length);
    });
}

/** Builders of the NFSv4.2 operations. */
export const v42Ops = {
  allocate: ranged("ALLOCATE"),
  deallocate: ranged("DEALLOCATE"),

  clone: (range: CopyRange): Request<"CLONE"> =>
    request("CLONE", (xdr) => writeCopyRange(xdr, range)),

  copy: (
    options: CopyRange & {
      readonly consecutive?: boolean;
      readonly synchronous?: boolean;
      readonly servers?: readonly NetLocation[];
    },
  ): Request<"COPY"> =>
    request("COPY", (xdr) => {
      writeCopyRange(xdr, options);
      xdr.bool(options.consecutive ?? true);
      xdr.bool(options.synchronous ?? true);
      xdr.array(options.servers ?? [], writeNetLocation);
    }),

  copyNotify: (
    stateid: Stateid,
    destination: NetLocation,
  ): Request<"COPY_NOTIFY"> =>
    request("COPY_NOTIFY", (xdr) => {
      writeStateid(xdr, stateid);
      writeNetLocation(xdr, destination);
    }),

  ioAdvise: (
    options: RangeOptions & { readonly hints: readonly number[] },
  ): Request<"IO_ADVISE"> =>
    request("IO_ADVISE", (xdr) => {
      writeStateid(xdr, options.stateid);
      xdr.uint64(options.offset);
      xdr.uint64(options.length);
      bitmap.write(xdr, options.hints);
    }),

  layouterror: (
    options: RangeOptions,
    errors: readonly { status: number; operation: number }[] = [],
  ): Request<"LAYOUTERROR"> =>
    request("LAYOUTERROR", (xdr) => {
      xdr.uint64(options.offset);
      xdr.uint64(options.length);
      writeStateid(xdr, options.stateid);
      xdr.array(errors, (xdr, error) => {
        xdr.opaqueFixed(new Uint8Array(16));
        xdr.uint32(error.status);
        xdr.uint32(error.operation);
      });
    }),

  layoutstats: (options: RangeOptions): Request<"LAYOUTSTATS"> =>
    request("LAYOUTSTATS", (xdr) => {
      xdr.uint64(options.offset);
      xdr.uint64(options.length);
      writeStateid(xdr, options.stateid);
      // Two io_info4, a deviceid4 and an empty layoutupdate4.
      for (let i = 0; i < 4; i++) xdr.uint64(0n);
      xdr.opaqueFixed(new Uint8Array(16));
      xdr.uint32(1);
      xdr.opaque(new Uint8Array());
    }),

  offloadCancel: (stateid: Stateid): Request<"OFFLOAD_CANCEL"> =>
    request("OFFLOAD_CANCEL", (xdr) => writeStateid(xdr, stateid)),

  offloadStatus: (stateid: Stateid): Request<"OFFLOAD_STATUS"> =>
    request("OFFLOAD_STATUS", (xdr) => writeStateid(xdr, stateid)),

  readPlus: (
    options: {
      readonly stateid: Stateid;
      readonly offset: bigint;
      readonly count: number;
    },
  ): Request<"READ_PLUS"> =>
    request("READ_PLUS", (xdr) => {
      writeStateid(xdr, options.stateid);
      xdr.uint64(options.offset);
      xdr.uint32(options.count);
    }),

  seek: (
    options: {
      readonly stateid: Stateid;
      readonly offset: bigint;
      /** One of {@linkcode Content}. */
      readonly what: number;
    },
  ): Request<"SEEK"> =>
    request("SEEK", (xdr) => {
      writeStateid(xdr, options.stateid);
      xdr.uint64(options.offset);
      xdr.uint32(options.what);
    }),

  writeSame: (
    options: {
      readonly stateid: Stateid;
      readonly stable?: number;
      readonly offset: bigint;
      readonly blockSize: bigint;
      readonly blockCount: bigint;
      /** Where in a block its number goes; it has none if left out. */
      readonly numberOffset?: bigint;
      readonly firstNumber?: number;
      readonly patternOffset?: bigint;
      readonly pattern: Uint8Array;
    },
  ): Request<"WRITE_SAME"> =>
    request("WRITE_SAME", (xdr) => {
      writeStateid(xdr, options.stateid);
      xdr.uint32(options.stable ?? 0);
      xdr.uint64(options.offset);
      xdr.uint64(options.blockSize);
      xdr.uint64(options.blockCount);
      xdr.uint64(options.numberOffset ?? 2n ** 64n - 1n);
      xdr.uint32(options.firstNumber ?? 0);
      xdr.uint64(options.patternOffset ?? 0n);
      xdr.opaque(options.pattern);
    }),

  getxattr: (name: Component): Request<"GETXATTR"> =>
    request("GETXATTR", (xdr) => writeComponent(xdr, name)),

  setxattr: (
    name: Component,
    value: Component,
    option: number = XattrOption.EITHER,
  ): Request<"SETXATTR"> =>
    request("SETXATTR", (xdr) => {
      xdr.uint32(option);
      writeComponent(xdr, name);
      xdr.opaque(bytesOf(value));
    }),

  listxattrs: (cookie = 0n, maxcount = 65536): Request<"LISTXATTRS"> =>
    request("LISTXATTRS", (xdr) => {
      xdr.uint64(cookie);
      xdr.uint32(maxcount);
    }),

  removexattr: (name: Component): Request<"REMOVEXATTR"> =>
    request("REMOVEXATTR", (xdr) => writeComponent(xdr, name)),
};
