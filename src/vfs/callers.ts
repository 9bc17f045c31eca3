import type { Credential } from "../rpc/auth.ts";
import type { Export } from "./exports.ts";
import type { Caller } from "./file_system.ts";

/**
 * Who callers are on each export: credentials are squashed once, for as long as
 * the connection keeps the credential.
 */
export class CallerTable {
  readonly #squashed = new Map<number, WeakMap<Credential, Caller>>();

  /** The caller behind a credential, on an export's terms. */
  of(credential: Credential, terms: Export): Caller {
    // RFC 5531 8.2: AUTH_NONE says nothing about who calls.
    if (!("uid" in credential) || terms.squash === "all") {
      return terms.anonymous;
    }
    if (terms.squash === "none") return credential;
    let callers = this.#squashed.get(terms.id);
    if (callers === undefined) {
      this.#squashed.set(terms.id, callers = new WeakMap());
    }
    let caller = callers.get(credential);
    if (caller === undefined) {
      callers.set(credential, caller = squashRoot(credential, terms.anonymous));
    }
    return caller;
  }
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
