import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import {
  type ClientRecord,
  hexOf,
  type RecordedOwner,
  recordKey,
} from "./record_store.ts";

const FORMAT = 1;
/** The first line of a client log. */
export const HEADER = `dittofs-nfs4 client records ${FORMAT}\n`;
const HEADER_LINE = /^dittofs-nfs4 client records (\d+)$/;

/** The line that adds or replaces a record. */
export function putLine(record: ClientRecord): string {
  const { protocol, owner, principal, leaseMs } = record;
  return line(["put", protocol, hexOf(owner), principal, leaseMs]);
}

/** The line that removes a record. */
export function deleteLine({ protocol, owner }: RecordedOwner): string {
  return line(["delete", protocol, hexOf(owner)]);
}

/** What a client log says. */
export interface LogContent {
  /** By `recordKey`. */
  readonly records: Map<string, ClientRecord>;
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
export function readLog(text: string, path: string): LogContent {
  const lines = text.split("\n");
  const [header = ""] = lines;
  const [, format] = HEADER_LINE.exec(header) ?? [];
  if (format === undefined || lines.length === 1) {
    throw new Error(`${path} is damaged: no client records in it`);
  }
  if (Number(format) > FORMAT) {
    throw new Error(
      `${path} was written by a newer version (format ${format}, this one knows ${FORMAT})`,
    );
  }
  const records = new Map<string, ClientRecord>();
  let isDamaged = false;
  let isBroken = false;
  let goodLines = 1;
  // Behind the last newline there is nothing, or a line that is not whole.
  for (const [index, each] of lines.slice(1, -1).entries()) {
    const change = parseLine(each);
    if (change === undefined) {
      isBroken = true;
      continue;
    }
    if (isBroken) {
      // RFC 8881 8.4.3: the line may have removed any of those before it, and
      // clients that may be affected must be answered NFS4ERR_NO_GRACE.
      records.clear();
      isDamaged = true;
      isBroken = false;
    }
    goodLines = index + 2;
    const key = recordKey(change);
    if (isRecord(change)) records.set(key, change);
    else records.delete(key);
  }
  const good = `${lines.slice(0, goodLines).join("\n")}\n`;
  return { records, isDamaged, goodBytes: Buffer.byteLength(good) };
}

function line(change: readonly unknown[]): string {
  const text = JSON.stringify(change);
  return `${checksum(text)} ${text}\n`;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

function isRecord(
  change: ClientRecord | RecordedOwner,
): change is ClientRecord {
  return "principal" in change;
}

/** Undefined for a line that is not as it was written. */
function parseLine(text: string): ClientRecord | RecordedOwner | undefined {
  const json = text.slice(9);
  if (text.slice(0, 9) !== `${checksum(json)} `) return undefined;
  const [verb, protocol, hex, principal, leaseMs] = JSON.parse(json);
  const owner = Uint8Array.from(Buffer.from(hex, "hex"));
  if (verb === "delete") return { protocol, owner };
  return { protocol, owner, principal, leaseMs };
}
