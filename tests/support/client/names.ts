/** Names for the numbers of the protocol, for messages that a person reads. */

import { Op, Status } from "../../../src/nfs4/constants.ts";

/** Name of an operation as in the RFC, for example `"PUTROOTFH"`. */
export type OpName = keyof typeof Op;

/** Name of a status without its NFS4ERR_ prefix. */
export type StatusName = keyof typeof Status;

const opNames = new Map<number, string>(
  Object.entries(Op).map(([name, number]) => [number, name]),
);
const statusNames = new Map<number, string>(
  Object.entries(Status).map(([name, number]) => [number, name]),
);

/** `"LOOKUP"` for 15; `"operation 9999"` for a number that nobody knows. */
export function opName(number: number): string {
  return opNames.get(number) ?? `operation ${number}`;
}

/** `"NOENT"` for 2; `"status 4711"` for a number that nobody knows. */
export function statusName(number: number): string {
  return statusNames.get(number) ?? `status ${number}`;
}

/** Whether the number is an nfsstat4 at all. */
export function isStatus(number: number): boolean {
  return statusNames.has(number);
}

/** Bytes as lower-case hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/** The bytes that hexadecimal digits stand for. */
export function unhex(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** What went wrong, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
