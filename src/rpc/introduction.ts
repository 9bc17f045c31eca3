import type { Awaitable } from "../base/awaitable.ts";
import type { SecurityFlavor } from "./security.ts";
import type { Endpoint } from "./transport.ts";

/** What is known of the other end of a connection before anything of it is looked at. */
export interface Introduction {
  /** The user of this host who has to answer for it; `undefined`: one from elsewhere, or one that is not known. */
  readonly uid?: number | undefined;
  /** How its calls name their callers; AUTH_NONE and AUTH_SYS, whose callers are taken at their word, if left out. */
  readonly flavors?: readonly SecurityFlavor[] | undefined;
}

/** Who is to be found out. */
export interface Newcomer {
  /** The other end. */
  readonly peer: Endpoint;
  /** This end. */
  readonly local: Endpoint;
  /** Whether the peer is gone by now: it does not matter any more. */
  readonly isGone?: (() => boolean) | undefined;
}

/** Finds out who it is. Rejects where that can't be done now. */
export type Introduce = (
  newcomer: Newcomer,
) => Awaitable<Introduction>;
