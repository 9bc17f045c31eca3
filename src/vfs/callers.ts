import type { Credential, Trust } from "../rpc/auth.ts";
import type { Export } from "./exports.ts";

/** The user who asks, after squashing. Owner and group of what is created are in its attributes. */
export interface Caller {
  /** Effective user. */
  readonly uid: number;
  /** Effective group. */
  readonly gid: number;
  /** Further groups; AUTH_SYS carries 16 at most. */
  readonly gids: readonly number[];
}

/**
 * The users that callers are on each export: callers that its terms of trust
 * leave nameless are anonymous; others are squashed once, for as long as the
 * connection keeps the credential.
 */
export class CallerTable {
  readonly #squashed = new Map<number, WeakMap<Caller, Caller>>();

  /** The caller behind a credential, on an export's terms. */
  of(credential: Credential, terms: Export): Caller {
    const caller = callerBy(credential, terms.trust);
    // RFC 5531 8.2: AUTH_NONE, for one, says nothing about the caller.
    if (caller === undefined || terms.squash === "all") return terms.anonymous;
    if (terms.squash === "none") return caller;
    let callers = this.#squashed.get(terms.id);
    if (callers === undefined) {
      this.#squashed.set(terms.id, callers = new WeakMap());
    }
    let squashed = callers.get(caller);
    if (squashed === undefined) {
      callers.set(caller, squashed = squashRoot(caller, terms.anonymous));
    }
    return squashed;
  }
}

function callerBy(
  { standing, user }: Credential,
  trust: Trust,
): Caller | undefined {
  return standing === undefined ? user : standing[trust];
}

/** Root's user and root's group are replaced, each where it stands. */
function squashRoot(caller: Caller, anonymous: Caller): Caller {
  const group = (gid: number) => gid === 0 ? anonymous.gid : gid;
  return {
    uid: caller.uid === 0 ? anonymous.uid : caller.uid,
    gid: group(caller.gid),
    gids: caller.gids.map(group),
  };
}
