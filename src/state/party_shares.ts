import { isRoot, keptForRoot } from "../rpc/party.ts";

/**
 * While a party holds this many times what is free, it gets no more: alone it
 * may have three quarters of all, two have three sevenths each.
 */
export const SHARE = 3;
/**
 * Where less than this part of all is free, a party gets the less the less it is:
 * the tenth party finds as much as a hundredth of what the third did, and not a
 * ten thousandth.
 */
export const SCARCE = 1 / 16;
/** Who has this part of what there may be has nearly all: it is asked for some of it before it gets no more. */
export const NEARLY_ALL = 9 / 10;

/** Something that has a limit. */
export interface Shared {
  /** Of all. */
  readonly limit: number;
  /** What all parties hold. */
  readonly used: number;
  /** What root of this host holds of it; `undefined` where the host does not tell who root is. */
  readonly ofRoot: number | undefined;
}

/** What a party may have of what is free: a part is kept for root of this host until it has that. */
export function freeTo(party: string, shared: Shared): number {
  const { limit, used, ofRoot } = shared;
  const free = limit - used;
  if (ofRoot === undefined || isRoot(party)) return free;
  return free - Math.max(0, keptForRoot(limit) - ofRoot);
}

/** Whether a party that holds `held` may have more. */
export function mayHaveMore(
  party: string,
  held: number,
  shared: Shared,
): boolean {
  const { limit } = shared;
  if (limit === Infinity) return true;
  const free = freeTo(party, shared);
  if (free <= 0) return false;
  if (isRoot(party) && held < keptForRoot(limit)) return true;
  return held < SHARE * free * Math.min(1, free / (SCARCE * limit));
}
