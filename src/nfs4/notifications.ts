import { encodeRaw } from "../base/raw_names.ts";
import { XdrWriter } from "../xdr/writer.ts";
import { Bitmap, emptyBitmap, writeBitmap } from "./bitmap.ts";

/** notify_type4 (RFC 8881 20.4.1), those that are sent. */
export const NotifyType = {
  REMOVE_ENTRY: 2,
  ADD_ENTRY: 3,
  RENAME_ENTRY: 4,
} as const;

/** One of {@linkcode NotifyType}. */
export type NotifyType = (typeof NotifyType)[keyof typeof NotifyType];

/** What tells of entries that come, go and change their names. */
export const ENTRY_NOTICES: Bitmap = Bitmap.ofNumbers(
  Object.values(NotifyType),
);

/** An entry that is gone: notify_remove4. */
export interface RemovedEntry {
  readonly name: string;
  /** What READDIR told of it. */
  readonly cookie: number;
}

/** An entry that is there: notify_add4. */
export interface AddedEntry {
  readonly name: string;
  /** What READDIR tells of it. */
  readonly cookie: number;
  /** A fattr4. */
  readonly attributes: Uint8Array;
  /** What had the name before. */
  readonly replaced: RemovedEntry | undefined;
  /** The entry that READDIR tells before it. */
  readonly previous: RemovedEntry | undefined;
  /** Whether READDIR tells none after it. */
  readonly isLast: boolean;
}

/** What became of an entry. */
export interface EntryNews {
  readonly type: NotifyType;
  /** It is gone, or has another name. */
  readonly old?: RemovedEntry | undefined;
  /** It is there, or has this name now. */
  readonly added?: AddedEntry | undefined;
}

/** Encodes a notify4: the bit of its type, and what it tells. */
export function encodeNotice({ type, old, added }: EntryNews): Uint8Array {
  const values = new XdrWriter();
  if (old !== undefined) writeRemoved(values, old);
  if (added !== undefined) writeAdded(values, added);
  const notice = new XdrWriter();
  writeBitmap(notice, Bitmap.ofNumbers([type]));
  notice.opaque(values.slice());
  return notice.slice();
}

function writeAdded(xdr: XdrWriter, added: AddedEntry): void {
  const { name, cookie, attributes, replaced, previous, isLast } = added;
  writeOptional(xdr, replaced, writeRemoved);
  xdr.opaque(encodeRaw(name));
  xdr.raw(attributes);
  writeOptional(xdr, cookie, (xdr, cookie) => xdr.uint64Number(cookie));
  writeOptional(xdr, previous, writeRemoved);
  xdr.bool(isLast);
}

/** A notify_remove4, and a prev_entry4: neither with attributes. */
function writeRemoved(xdr: XdrWriter, { name, cookie }: RemovedEntry): void {
  xdr.opaque(encodeRaw(name));
  writeBitmap(xdr, emptyBitmap);
  xdr.uint32(0);
  xdr.uint64Number(cookie);
}

/** An array of one element at most. */
function writeOptional<T>(
  xdr: XdrWriter,
  value: T | undefined,
  write: (xdr: XdrWriter, value: T) => void,
): void {
  xdr.array(value === undefined ? [] : [value], write);
}
