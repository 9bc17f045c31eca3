/** What a COMPOUND is made of, and the types that many operations share. */

import { Op } from "../../../src/nfs4/constants.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";
import type { OpName } from "./names.ts";

/** One operation of a COMPOUND with its arguments. */
export interface Request<N extends string = string> {
  /** Name of the operation; `"RAW"` for one whose bytes a test made up. */
  readonly name: N;
  /** Number on the wire. */
  readonly number: number;
  /** Writes the arguments, without the number. */
  readonly encode: (xdr: XdrWriter) => void;
}

/** stateid4. */
export interface Stateid {
  readonly seqid: number;
  /** 12 bytes. */
  readonly other: Uint8Array;
}

/** A file name; bytes where it should not be UTF-8. */
export type Component = string | Uint8Array;

/** open_owner4, lock_owner4, state_owner4: who within the client. */
export interface Owner {
  readonly clientid: bigint;
  readonly owner: Uint8Array;
}

/** The anonymous stateid (RFC 8881 8.2.3). */
export const anonymousStateid: Stateid = {
  seqid: 0,
  other: new Uint8Array(12),
};

/** The READ bypass stateid (RFC 8881 8.2.3). */
export const bypassStateid: Stateid = {
  seqid: 0xffffffff,
  other: new Uint8Array(12).fill(0xff),
};

/** Stands for the COMPOUND's current stateid in NFSv4.1 (RFC 8881 8.2.3). */
export const currentStateid: Stateid = {
  seqid: 1,
  other: new Uint8Array(12),
};

/** 2^64 - 1: to the end of the file. */
export const TO_END = 0xffff_ffff_ffff_ffffn;

/** Verifier of this incarnation of the client: the start of the process. 8 bytes. */
export const bootVerifier: Uint8Array = new Uint8Array(
  new Float64Array([performance.timeOrigin]).buffer,
);

const utf8 = new TextEncoder();

/** UTF-8 bytes of a string. */
export function bytesOf(text: Component): Uint8Array {
  return typeof text === "string" ? utf8.encode(text) : text;
}

/** A request of a named operation. */
export function request<N extends OpName>(
  name: N,
  encode: (xdr: XdrWriter) => void = () => {},
): Request<N> {
  return { name, number: Op[name], encode };
}

/** A request of any number with any bytes as its arguments. */
export function rawRequest(
  number: number,
  args: Uint8Array = new Uint8Array(),
): Request<"RAW"> {
  return { name: "RAW", number, encode: (xdr) => xdr.raw(args) };
}

/** The arguments of a request as bytes, for a test that spoils them. */
export function argumentBytes(request: Request): Uint8Array {
  const xdr = new XdrWriter();
  request.encode(xdr);
  return xdr.slice();
}

/** Writes a component4. */
export function writeComponent(xdr: XdrWriter, name: Component): void {
  xdr.opaque(bytesOf(name));
}

/** Writes a stateid4. */
export function writeStateid(xdr: XdrWriter, stateid: Stateid): void {
  xdr.uint32(stateid.seqid);
  xdr.opaqueFixed(stateid.other);
}

/** Writes a state_owner4. */
export function writeOwner(xdr: XdrWriter, owner: Owner): void {
  xdr.uint64(owner.clientid);
  xdr.opaque(owner.owner);
}
