import type { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import { STATEID_OTHER_SIZE } from "./constants.ts";

/** stateid4 (RFC 8881 3.3.12). */
export interface Stateid {
  /** Generation of the state; 0 in NFSv4.1 asks for the current one. */
  readonly seqid: number;
  /** 12 bytes that name the state. */
  readonly other: Uint8Array;
}

/** The stateid of no state (RFC 8881 8.2.3): all zeros. */
export const ANONYMOUS: Stateid = {
  seqid: 0,
  other: new Uint8Array(STATEID_OTHER_SIZE),
};

/** Reads a stateid4; `other` is a view of the message. */
export function readStateid(xdr: XdrReader): Stateid {
  return { seqid: xdr.uint32(), other: xdr.opaqueFixed(STATEID_OTHER_SIZE) };
}

/** Writes a stateid4. */
export function writeStateid(xdr: XdrWriter, stateid: Stateid): void {
  xdr.uint32(stateid.seqid);
  xdr.opaqueFixed(stateid.other);
}
