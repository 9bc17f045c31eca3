/** Requests that name, read and change files: RFC 8881 18, common to all minor versions. */

import type { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  type AttributeName,
  attributeNumbers,
  type Attributes,
  bitmap,
  type RawAttributes,
  writeAttributes,
} from "./attributes.ts";
import {
  anonymousStateid,
  bytesOf,
  type Component,
  type Request,
  request,
  type Stateid,
  writeComponent,
  writeStateid,
} from "./request.ts";

/** nfs_ftype4 (RFC 8881 3.2). */
export const FileType = {
  REG: 1,
  DIR: 2,
  BLK: 3,
  CHR: 4,
  LNK: 5,
  SOCK: 6,
  FIFO: 7,
  ATTRDIR: 8,
  NAMEDATTR: 9,
} as const;

/** stable_how4 (RFC 8881 18.32.1). */
export const Stable = { UNSTABLE: 0, DATA_SYNC: 1, FILE_SYNC: 2 } as const;

/** What CREATE makes. */
export interface CreateOptions {
  /** One of {@linkcode FileType}. */
  readonly type: number;
  readonly name: Component;
  /** Text of a symbolic link. */
  readonly link?: Component | undefined;
  /** Numbers of a device file. */
  readonly device?:
    | { readonly major: number; readonly minor: number }
    | undefined;
  readonly attributes?: Attributes | RawAttributes | undefined;
}

/** Where READDIR begins and how much it returns. */
export interface ReaddirOptions {
  readonly cookie?: bigint | undefined;
  /** 8 bytes. */
  readonly verifier?: Uint8Array | undefined;
  readonly dircount?: number | undefined;
  readonly maxcount?: number | undefined;
  readonly attributes?: readonly (AttributeName | number)[] | undefined;
}

/** What WRITE writes; offset 0, UNSTABLE and the anonymous stateid by default. */
export interface WriteOptions {
  readonly stateid?: Stateid | undefined;
  readonly offset?: bigint | undefined;
  readonly stable?: number | undefined;
  readonly data: Component;
}

/** Which READ; offset 0, 64 KiB and the anonymous stateid by default. */
export interface ReadOptions {
  readonly stateid?: Stateid | undefined;
  readonly offset?: bigint | undefined;
  readonly count?: number | undefined;
}

function named<N extends "LOOKUP" | "REMOVE" | "LINK" | "SECINFO">(
  operation: N,
): (name: Component) => Request<N> {
  return (name) => request(operation, (xdr) => writeComponent(xdr, name));
}

function withAttributes<N extends "VERIFY" | "NVERIFY">(
  operation: N,
): (attributes: Attributes | RawAttributes) => Request<N> {
  return (attributes) =>
    request(operation, (xdr) => writeAttributes(xdr, attributes));
}

function writeCreateType(xdr: XdrWriter, options: CreateOptions): void {
  const { type, link, device } = options;
  xdr.uint32(type);
  if (type === FileType.LNK) xdr.opaque(bytesOf(link ?? ""));
  if (type === FileType.BLK || type === FileType.CHR) {
    xdr.uint32(device?.major ?? 0);
    xdr.uint32(device?.minor ?? 0);
  }
}

/** Builders of the file operations. */
export const fileOps = {
  access: (mask: number): Request<"ACCESS"> =>
    request("ACCESS", (xdr) => xdr.uint32(mask)),

  commit: (offset = 0n, count = 0): Request<"COMMIT"> =>
    request("COMMIT", (xdr) => {
      xdr.uint64(offset);
      xdr.uint32(count);
    }),

  create: (options: CreateOptions): Request<"CREATE"> =>
    request("CREATE", (xdr) => {
      writeCreateType(xdr, options);
      writeComponent(xdr, options.name);
      writeAttributes(xdr, options.attributes ?? {});
    }),

  getattr: (
    attributes: readonly (AttributeName | number)[],
  ): Request<"GETATTR"> =>
    request(
      "GETATTR",
      (xdr) => bitmap.write(xdr, attributeNumbers(attributes)),
    ),

  getfh: (): Request<"GETFH"> => request("GETFH"),
  link: named("LINK"),
  lookup: named("LOOKUP"),
  lookupp: (): Request<"LOOKUPP"> => request("LOOKUPP"),
  nverify: withAttributes("NVERIFY"),

  openattr: (createDir = false): Request<"OPENATTR"> =>
    request("OPENATTR", (xdr) => xdr.bool(createDir)),

  putfh: (filehandle: Uint8Array): Request<"PUTFH"> =>
    request("PUTFH", (xdr) => xdr.opaque(filehandle)),

  putpubfh: (): Request<"PUTPUBFH"> => request("PUTPUBFH"),
  putrootfh: (): Request<"PUTROOTFH"> => request("PUTROOTFH"),

  read: (options: ReadOptions = {}): Request<"READ"> =>
    request("READ", (xdr) => {
      writeStateid(xdr, options.stateid ?? anonymousStateid);
      xdr.uint64(options.offset ?? 0n);
      xdr.uint32(options.count ?? 65536);
    }),

  readdir: (options: ReaddirOptions = {}): Request<"READDIR"> =>
    request("READDIR", (xdr) => {
      xdr.uint64(options.cookie ?? 0n);
      xdr.opaqueFixed(options.verifier ?? new Uint8Array(8));
      xdr.uint32(options.dircount ?? 8192);
      xdr.uint32(options.maxcount ?? 32768);
      bitmap.write(xdr, attributeNumbers(options.attributes ?? []));
    }),

  readlink: (): Request<"READLINK"> => request("READLINK"),
  remove: named("REMOVE"),

  rename: (from: Component, to: Component): Request<"RENAME"> =>
    request("RENAME", (xdr) => {
      writeComponent(xdr, from);
      writeComponent(xdr, to);
    }),

  restorefh: (): Request<"RESTOREFH"> => request("RESTOREFH"),
  savefh: (): Request<"SAVEFH"> => request("SAVEFH"),
  secinfo: named("SECINFO"),

  setattr: (
    attributes: Attributes | RawAttributes,
    stateid: Stateid = anonymousStateid,
  ): Request<"SETATTR"> =>
    request("SETATTR", (xdr) => {
      writeStateid(xdr, stateid);
      writeAttributes(xdr, attributes);
    }),

  verify: withAttributes("VERIFY"),

  write: (options: WriteOptions): Request<"WRITE"> =>
    request("WRITE", (xdr) => {
      writeStateid(xdr, options.stateid ?? anonymousStateid);
      xdr.uint64(options.offset ?? 0n);
      xdr.uint32(options.stable ?? Stable.UNSTABLE);
      xdr.opaque(bytesOf(options.data));
    }),
};
