import { isIPv4 } from "node:net";
import { canonicalAddress } from "./address.ts";

/** One end of a TCP connection. */
export interface End {
  /** Its IP address. */
  readonly hostname: string;
  /** Its TCP port. */
  readonly port: number;
}

/** Characters of an end in /proc/net/tcp and in /proc/net/tcp6. */
const END_LENGTHS: readonly number[] = [8 + 1 + 4, 32 + 1 + 4];

/**
 * How /proc/net/tcp and /proc/net/tcp6 write a socket with the ends `own` and
 * `other`. One of IPv4 may be in either, in the latter with addresses that are
 * mapped to IPv6 (RFC 4291 2.5.5.2).
 */
export function rowKeys(own: End, other: End): readonly string[] {
  const ends = [own, other].map(({ hostname, port }) => ({
    words: addressWords(canonicalAddress(hostname)),
    port: port.toString(16).toUpperCase().padStart(4, "0"),
  }));
  const key = (from: number): string =>
    ends.map(({ words, port }) => `${hex(words.slice(from))}:${port}`)
      .join(" ");
  const isIPv4Pair = ends.every(({ words: [a, b, c] }) =>
    a === 0 && b === 0 && c === 0xffff
  );
  return isIPv4Pair ? [key(3), key(0)] : [key(0)];
}

/** The part of a row that {@linkcode rowKeys} makes; `undefined` where there is none, as in the heading. */
export function keyOfRow(row: string): string | undefined {
  const start = row.indexOf(": ") + 2;
  const length = row.indexOf(" ", start) - start;
  if (start < 2 || !END_LENGTHS.includes(length)) return undefined;
  return row.slice(start, start + 2 * length + 1);
}

/** The user of a row's socket; `undefined` where no process holds it. */
export function userOfRow(row: string): number | undefined {
  // Number, two ends, state, queues, timer, retransmits, uid, timeouts, inode.
  const [, , , , , , , uid = "", , inode] = row.trim().split(/\s+/);
  // A socket that was closed while it still says goodbye is listed as root's,
  // with no inode: the user who made it is not known any more.
  return /^\d+$/.test(uid) && Number(inode) > 0 ? Number(uid) : undefined;
}

/** An address as four words of 32 bits, one of IPv4 mapped to IPv6. */
function addressWords(canonical: string): number[] {
  if (isIPv4(canonical)) {
    const bytes = canonical.split(".").map(Number);
    return [0, 0, 0xffff, bytes.reduce((word, byte) => word * 256 + byte)];
  }
  const [head = [], tail = []] = canonical.split("::")
    .map((part) => part === "" ? [] : part.split(":"));
  const zeros = new Array(8 - head.length - tail.length).fill("0");
  const halves = [...head, ...zeros, ...tail].map((half) => parseInt(half, 16));
  return [0, 2, 4, 6].map((i) => halves[i]! * 0x1_0000 + halves[i + 1]!);
}

/** Each word in the host's byte order, which is little-endian wherever Deno runs. */
function hex(words: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(4));
  return words.map((word) => {
    view.setUint32(0, word);
    return view.getUint32(0, true).toString(16).toUpperCase().padStart(8, "0");
  }).join("");
}
