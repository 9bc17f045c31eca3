import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import {
  bytesOfHex,
  type ClientRecord,
  hexOf,
  type RecordedOwner,
  recordKey,
} from "./record_store.ts";

const FORMAT = 2;
const HEADER = `dittofs-nfs4 client records ${FORMAT}\n`;
const HEADER_LINE = /^dittofs-nfs4 client records (\d+)$/;
const NEWLINE = 10;

/**
 * The byte of a line, behind its checksum, that says whether its record is there
 * or gone. To write it takes no room on a disk that is full, and a crash leaves
 * all or nothing of a byte.
 */
export const MARK_AT = 8;
/** In a line that was added. */
export const THERE = " ";
/** In one whose record was deleted. */
export const GONE = "-";

/** The line that adds or replaces a record. */
export function putLine(record: ClientRecord): string {
  const { protocol, owner, principal, leaseMs } = record;
  const fields = ["put", protocol, hexOf(owner), principal, leaseMs];
  const json = JSON.stringify(fields);
  return `${checksum(json)}${THERE}${json}\n`;
}

/** A record, and where its line is. */
export interface RecordLine {
  readonly record: ClientRecord;
  /** The line's first byte in the log. */
  readonly at: number;
  /** It was deleted, and can be put again in the same place. */
  readonly isGone: boolean;
}

/** A client log of these records alone. */
export function newLog(
  records: readonly ClientRecord[],
): { readonly bytes: Uint8Array; readonly lines: Map<string, RecordLine> } {
  const texts = [HEADER];
  const lines = new Map<string, RecordLine>();
  let at = HEADER.length;
  for (const record of records) {
    const text = putLine(record);
    lines.set(recordKey(record), { record, at, isGone: false });
    texts.push(text);
    at += Buffer.byteLength(text);
  }
  return { bytes: Buffer.from(texts.join("")), lines };
}

/** What a client log says. */
export interface LogContent {
  /** The last line of each owner, by `recordKey`. */
  readonly lines: Map<string, RecordLine>;
  /** Something in the middle can't be read, and what stood before it was given up. */
  readonly isDamaged: boolean;
  /** Bytes up to the end of the last good line. */
  readonly goodBytes: number;
}

/**
 * Reads a client log. What follows the last good line was being written when the
 * server stopped: no client was promised anything of it. Throws, with one line
 * for the operator, for a file of another kind or of a newer version.
 */
export function readLog(bytes: Uint8Array, path: string): LogContent {
  const [header, ...changes] = linesOf(bytes);
  const [, format] = HEADER_LINE.exec(header?.text.toString() ?? "") ?? [];
  if (header === undefined || format === undefined) {
    throw new Error(`${path} is damaged: no client records in it`);
  }
  if (Number(format) > FORMAT) {
    throw new Error(
      `${path} was written by a newer version (format ${format}, this one knows ${FORMAT})`,
    );
  }
  const lines = new Map<string, RecordLine>();
  let isDamaged = false;
  let isBroken = false;
  let goodBytes = header.end;
  for (const { text, at, end } of changes) {
    const change = parseLine(text);
    if (change === undefined) {
      isBroken = true;
      continue;
    }
    if (isBroken) {
      // RFC 8881 8.4.3: the line may have removed any of those before it, and
      // clients that may be affected must be answered NFS4ERR_NO_GRACE.
      lines.clear();
      isDamaged = true;
      isBroken = false;
    }
    goodBytes = end;
    const key = recordKey(change);
    if (isRecord(change)) {
      lines.set(key, { record: change, at, isGone: markIn(text) === GONE });
    } else {
      lines.delete(key);
    }
  }
  return { lines, isDamaged, goodBytes };
}

/** A line without its newline, and the bytes from `at` up to `end` that it takes with it. */
interface Line {
  readonly text: Buffer;
  readonly at: number;
  readonly end: number;
}

/** Behind the last newline there is nothing, or a line that is not whole. */
function* linesOf({ buffer, byteOffset, byteLength }: Uint8Array) {
  const log = Buffer.from(buffer, byteOffset, byteLength);
  for (let at = 0;;) {
    const newline = log.indexOf(NEWLINE, at);
    if (newline === -1) return;
    const end = newline + 1;
    yield { text: log.subarray(at, newline), at, end } satisfies Line;
    at = end;
  }
}

function checksum(json: string | Buffer): string {
  return crc32(json).toString(16).padStart(8, "0");
}

function isRecord(
  change: ClientRecord | RecordedOwner,
): change is ClientRecord {
  return "principal" in change;
}

function markIn(line: Buffer): string {
  return line.toString("latin1", MARK_AT, MARK_AT + 1);
}

/** Undefined for a line that is not as it was written. */
function parseLine(line: Buffer): ClientRecord | RecordedOwner | undefined {
  const json = line.subarray(MARK_AT + 1);
  if (line.toString("latin1", 0, MARK_AT) !== checksum(json)) return undefined;
  if (![THERE, GONE].includes(markIn(line))) return undefined;
  const [verb, protocol, hex, principal, leaseMs] = JSON.parse(`${json}`);
  const owner = bytesOfHex(hex);
  // Format 1 had lines to remove records by.
  if (verb === "delete") return { protocol, owner };
  return { protocol, owner, principal, leaseMs };
}
