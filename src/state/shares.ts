import { Share } from "../nfs4/constants.ts";

/** How many opens of a file have which access and deny which (RFC 8881 9.7). */
export class ShareCounts {
  #readers = 0;
  #writers = 0;
  #readDeniers = 0;
  #writeDeniers = 0;

  /** An open came to have `access` and `deny`. */
  add(access: number, deny: number): void {
    this.#count(access, deny, 1);
  }

  /** An open no longer has `access` and `deny`. */
  remove(access: number, deny: number): void {
    this.#count(access, deny, -1);
  }

  /** Whether an open with `access` and `deny` is in conflict with one that is there. */
  conflicts(access: number, deny: number): boolean {
    return ((access & Share.ACCESS_READ) !== 0 && this.#readDeniers > 0) ||
      ((access & Share.ACCESS_WRITE) !== 0 && this.#writeDeniers > 0) ||
      ((deny & Share.DENY_READ) !== 0 && this.#readers > 0) ||
      ((deny & Share.DENY_WRITE) !== 0 && this.#writers > 0);
  }

  #count(access: number, deny: number, by: 1 | -1): void {
    if (access & Share.ACCESS_READ) this.#readers += by;
    if (access & Share.ACCESS_WRITE) this.#writers += by;
    if (deny & Share.DENY_READ) this.#readDeniers += by;
    if (deny & Share.DENY_WRITE) this.#writeDeniers += by;
  }
}

/**
 * Whether `value` is what some of the values in `seen` come to together
 * (OPEN_DOWNGRADE, RFC 8881 18.18.3). `seen` has bit v set for each value v of 0 to 3.
 */
export function isUnionOfSome(value: number, seen: number): boolean {
  let union = -1;
  for (let v = 0; v <= Share.DENY_BOTH; v++) {
    if (seen & 1 << v && (v & ~value) === 0) union = Math.max(union, 0) | v;
  }
  return union === value;
}
