import { Buffer } from "node:buffer";
import type { Awaitable } from "../base/awaitable.ts";

/** What names a client over restarts: a new incarnation has a new clientid, but the same owner. */
export interface RecordedOwner {
  /** 0, or 1 for NFSv4.1 and 4.2. */
  readonly protocol: 0 | 1;
  /** nfs_client_id4.id or co_ownerid. */
  readonly owner: Uint8Array;
}

/** A client that may hold state. */
export interface ClientRecord extends RecordedOwner {
  /** Key of the principal that registered it. */
  readonly principal: string;
  /** The lease that it was promised, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * Keeps records over restarts. What is put or deleted counts at once in this
 * process and is durable when {@linkcode RecordStore.flush} says so.
 */
export interface RecordStore extends Disposable {
  /** What an earlier process left; called once, first. The store may be elsewhere. */
  load(): Awaitable<readonly ClientRecord[]>;
  /** Adds a record, or replaces the owner's; throws when it can't, and then nothing has changed. */
  put(record: ClientRecord): void;
  /** Removes the owner's record; where that can't be written, `flush` rejects until it is. */
  delete(owner: RecordedOwner): void;
  /** Whether something was deleted that is yet to be durable. */
  readonly isForgetting: boolean;
  /** Waits until all that was put and deleted is durable; nothing to wait for is no promise. Throws or rejects when it can't be. */
  flush(): void | Promise<void>;
}

/** Key of an owner in maps and files. */
export function recordKey({ protocol, owner }: RecordedOwner): string {
  return `${protocol}:${hexOf(owner)}`;
}

/** Lower case hexadecimal. */
export function hexOf(bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes;
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}

/** The bytes of hexadecimal digits. */
export function bytesOfHex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, "hex"));
}
