import { type Ace, AceMask, type AceWho } from "../../vfs/acl.ts";

/** Bytes of an entry: type, whom it is about and flags in one, then its mask and a number. */
export const BYTES_OF_ACE = 9;

const TYPES = ["allow", "deny"] as const;
const WHOS = ["owner@", "group@", "everyone@", "user", "group"] as const;
const NOT_NAMED: readonly AceWho[] = ["owner@", "group@", "everyone@"];

/** A list as it is in its row. */
export function aceBytes(aces: readonly Ace[]): Uint8Array {
  const bytes = new Uint8Array(aces.length * BYTES_OF_ACE);
  const view = new DataView(bytes.buffer);
  aces.forEach(({ type, flags, mask, who, id }, i) => {
    const at = i * BYTES_OF_ACE;
    const kind = TYPES.indexOf(type) | WHOS.indexOf(who) << 1 | flags << 4;
    view.setUint8(at, kind);
    view.setUint32(at + 1, mask);
    view.setUint32(at + 5, id);
  });
  return bytes;
}

/** The list that a row has; `undefined` where it can't be one. */
export function acesOfBytes(bytes: Uint8Array): readonly Ace[] | undefined {
  if (bytes.length % BYTES_OF_ACE !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const aces: Ace[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_OF_ACE) {
    const kind = view.getUint8(at);
    const type = TYPES[kind & 1]!;
    const who = WHOS[kind >> 1 & 7];
    const mask = view.getUint32(at + 1);
    const id = view.getUint32(at + 5);
    if (who === undefined || (mask & ~AceMask.ALL) !== 0) return undefined;
    if (NOT_NAMED.includes(who) && id !== 0) return undefined;
    aces.push({ type, flags: kind >> 4, mask, who, id });
  }
  return aces;
}
