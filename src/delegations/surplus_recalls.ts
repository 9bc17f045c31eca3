import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import type { CallbackRouter } from "../backchannel/router.ts";
import type { Client } from "../state/client.ts";
import { type DelegationType, RECALL_PIECES } from "../state/delegations.ts";
import { LOOK, type Piecework } from "../state/effects.ts";
import { NEARLY_ALL } from "../state/party_shares.ts";
import type { ServerState } from "../state/server_state.ts";

/** What {@linkcode SurplusRecalls} work with. */
export interface SurplusRecallsOptions {
  readonly state: Pick<ServerState, "clients" | "clock" | "files" | "lease">;
  /** The way to the clients. */
  readonly router: Pick<CallbackRouter, "isProven" | "send">;
  /** Delegations that a client may have. */
  readonly maxPerClient: number;
  /** Is told of each client that is asked. */
  readonly recalled?: (() => void) | undefined;
}

/** The part that a client may keep of what it has. */
const KEPT = 3 / 4;
/** For the memory of fewer it is not worth asking. */
const MANY = 64;

/** RCA4_TYPE_MASK_* (RFC 8881 20.6.1), as bits. */
const TYPE_MASK: Readonly<Record<DelegationType, number>> = {
  read: 1 << 0,
  write: 1 << 1,
  directory: 1 << 2,
};

/**
 * Asks clients that have nearly all delegations that they may to return some
 * (RFC 8881 20.6), so that they get new ones for what they use now. Which ones it
 * needs least the client knows alone: a delegation that is of use is one that the
 * server hears nothing of. Who does not obey gets no more when it is full, and
 * loses nothing.
 */
export class SurplusRecalls {
  readonly #options: SurplusRecallsOptions;
  /** When each client was last asked, by the clock. */
  readonly #askedAt = new WeakMap<Client, number>();
  #underWay = 0;

  constructor(options: SurplusRecallsOptions) {
    this.#options = options;
  }

  /** Callbacks that are under way, of a client one at most. */
  get size(): number {
    return this.#underWay;
  }

  /** Asks those that have too many, each once in a lease time (RFC 8881 20.6.4). */
  *sweep(): Piecework {
    const { state } = this.#options;
    if (state.files.delegations === 0) return;
    for (const client of state.clients) {
      yield LOOK;
      if (this.#hasTooMany(client) && this.#ask(client)) yield RECALL_PIECES;
    }
  }

  #hasTooMany({ states: { delegations }, account }: Client): boolean {
    return delegations > NEARLY_ALL * this.#options.maxPerClient ||
      delegations >= MANY && account.isNearlyFull;
  }

  /** Whether it is asked now. */
  #ask(client: Client): boolean {
    const { state: { clock, lease }, router, recalled } = this.#options;
    const now = clock.now();
    const askedAt = this.#askedAt.get(client) ?? -Infinity;
    // NFSv4.0 has no CB_RECALL_ANY.
    const canAsk = client.protocol > 0 && now - askedAt >= lease.leaseMs &&
      router.isProven(client);
    if (!canAsk) return false;
    const { states } = client;
    const keep = Math.floor(states.delegations * KEPT);
    this.#askedAt.set(client, now);
    this.#underWay++;
    recalled?.();
    router.send(client, {
      operations: [
        callbackOperation(CALLBACK_OPERATIONS.CB_RECALL_ANY, {
          keep,
          types: typesOf(states.delegated),
        }),
      ],
      wanted: () => !client.isGone && states.delegations > keep,
      // What it makes of it is seen by what it returns.
      done: () => this.#underWay--,
    });
    return true;
  }
}

/** The types that a client has any of. */
function typesOf(delegated: Readonly<Record<DelegationType, number>>): number {
  let types = 0;
  for (const type of ["read", "write", "directory"] as const) {
    if (delegated[type] > 0) types |= TYPE_MASK[type];
  }
  return types;
}
