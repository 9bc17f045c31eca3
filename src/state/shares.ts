import { Share } from "../nfs4/constants.ts";
import type { Client } from "./client.ts";
import { excluding, type Few, firstOf, including } from "./few.ts";
import type { OpenState } from "./opens.ts";

/** Opens by their clients; mostly there is one. */
type Pile = OpenState | Map<Client, Few<OpenState>> | undefined;

/**
 * The opens of a file by what they have access to and by what they deny (RFC
 * 8881 9.7), so that an open in the way is found however many there are.
 */
export class Shares {
  /** By OPEN4_SHARE_ACCESS_*, 1 to 3. */
  readonly #access: Pile[] = [];
  /** By OPEN4_SHARE_DENY_*, 1 to 3. */
  readonly #deny: Pile[] = [];

  /** An open came to have its access and deny. */
  add(open: OpenState): void {
    const { access, deny } = open;
    if (access > 0) this.#access[access] = withOpen(this.#access[access], open);
    if (deny > 0) this.#deny[deny] = withOpen(this.#deny[deny], open);
  }

  /** An open is about to lose the access and deny that it has. */
  remove(open: OpenState): void {
    const { access, deny } = open;
    if (access > 0) {
      this.#access[access] = withoutOpen(this.#access[access], open);
    }
    if (deny > 0) this.#deny[deny] = withoutOpen(this.#deny[deny], open);
  }

  /** An open that an open with `access` and `deny` would be in conflict with. */
  conflict(access: number, deny: number): OpenState | undefined {
    return find(this.#deny, access, anyOf) ?? find(this.#access, deny, anyOf);
  }

  /** Whether another client has the file open for some of `access`. */
  isOpenForOthers(client: Client, access: number): boolean {
    return this.#has(this.#access, access, client);
  }

  /** Whether another client denies something. */
  isDeniedByOthers(client: Client): boolean {
    return this.#has(this.#deny, Share.DENY_BOTH, client);
  }

  #has(piles: readonly Pile[], bits: number, client: Client): boolean {
    return find(piles, bits, (pile) => anyOfOthers(pile, client)) !== undefined;
  }
}

/** What `pick` finds in the piles of the values that have some of `bits`. */
function find(
  piles: readonly Pile[],
  bits: number,
  pick: (pile: Pile) => OpenState | undefined,
): OpenState | undefined {
  for (let value = 1; value < piles.length; value++) {
    if ((value & bits) === 0) continue;
    const open = pick(piles[value]);
    if (open !== undefined) return open;
  }
  return undefined;
}

function withOpen(pile: Pile, open: OpenState): Pile {
  if (pile === undefined) return open;
  if (!(pile instanceof Map)) pile = new Map([[pile.client, pile]]);
  return pile.set(open.client, including(pile.get(open.client), open));
}

function withoutOpen(pile: Pile, open: OpenState): Pile {
  if (!(pile instanceof Map)) return pile === open ? undefined : pile;
  const left = excluding(pile.get(open.client), open);
  if (left === undefined) pile.delete(open.client);
  else pile.set(open.client, left);
  return pile.size === 0 ? undefined : pile;
}

function anyOf(pile: Pile): OpenState | undefined {
  if (!(pile instanceof Map)) return pile;
  for (const opens of pile.values()) return firstOf(opens);
  return undefined;
}

function anyOfOthers(pile: Pile, client: Client): OpenState | undefined {
  if (!(pile instanceof Map)) return pile?.client === client ? undefined : pile;
  for (const [other, opens] of pile) {
    if (other !== client) return firstOf(opens);
  }
  return undefined;
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
