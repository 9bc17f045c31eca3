import { LOOK, type Piecework } from "./effects.ts";
import { KeptReplies } from "./kept_replies.ts";
import { goesBefore, type Session } from "./session.ts";
import type { SessionTable } from "./sessions.ts";
import type { StateBudget } from "./state_budget.ts";

/** Sessions that end in one sweep, at most. */
const SHED_AT_ONCE = 1024;
/** What it costs to end one, in pieces of work. */
const END_PIECES = 4;
/** What it costs to sort twice as many as may end, in pieces of work. */
const SORT_PIECES = 64;

/** Where memory is short a session that keeps so many bytes is asked for fewer slots. */
export const MUCH = 8_192;

/** Tells clients by themselves that they should use fewer slots of a session. */
export interface SlotRecaller {
  /** The session's target is lower than it was; must not wait. */
  recall(session: Session): void;
}

/** Keeps the replies of all sessions within the memory that they may take. */
export class ReplyLimit {
  /** Tells what no request is under way to be told by. */
  recaller: SlotRecaller | undefined;
  /** How often a session was asked for fewer slots. */
  asked = 0;
  readonly #sessions: SessionTable;
  readonly #limit: number;
  readonly #budget: Pick<StateBudget, "isTight" | "limit" | "used">;
  /** Clients were asked to use fewer slots than were granted. */
  #isShort = false;

  /** `limit` bytes for the kept replies of `sessions`, which count in `budget` too. */
  constructor(
    sessions: SessionTable,
    limit: number,
    budget: Pick<StateBudget, "isTight" | "limit" | "used">,
  ) {
    this.#sessions = sessions;
    this.#limit = limit;
    this.#budget = budget;
  }

  /**
   * While kept replies take more memory than they may, asks the clients that have
   * more than their share of it for fewer slots; while all that is remembered takes
   * nearly all that it may, those that keep much, of parties that have nearly all
   * that they may; and gives back all that were granted when there is room again
   * (RFC 8881 2.10.6.1). One that doesn't comply can't fill the memory: its sessions
   * end, idle ones without a connection at once, others when it is twice as much.
   */
  *sweep(): Piecework {
    if (this.#isFull || this.#budget.isTight) {
      this.#isShort = true;
      yield* this.#shed();
    } else if (this.#isShort && this.#isRoomy) {
      this.#isShort = false;
      for (const { slots } of this.#sessions) {
        slots.setTarget(slots.granted);
        yield LOOK;
      }
    }
  }

  get #isFull(): boolean {
    return this.#sessions.usage.replayCacheBytes > this.#limit;
  }

  get #isRoomy(): boolean {
    const { used, limit } = this.#budget;
    const { replayCacheBytes } = this.#sessions.usage;
    return replayCacheBytes < this.#limit / 2 && used < limit / 2;
  }

  *#shed(): Piecework {
    const limit = this.#limit;
    const isFull = this.#isFull;
    const kept = new KeptReplies();
    for (const { client, slots } of isFull ? this.#sessions : []) {
      if (slots.bytesKept > 0) kept.add(client, slots.bytesKept);
      yield LOOK;
    }
    let found: Session[] = [];
    for (const session of this.#sessions) {
      const isGreedy = kept.isAboveShare(session.client, limit);
      this.#retarget(session, isGreedy);
      yield LOOK;
      if (!isGreedy || found.push(session) < 2 * SHED_AT_ONCE) continue;
      found = firstToEnd(found);
      yield SORT_PIECES;
    }
    if (isFull) yield* this.#end(firstToEnd(found));
  }

  /** Half the slots of who is greedy, or keeps much where memory is short; or else as many as were granted. */
  #retarget(session: Session, isGreedy: boolean): void {
    const { slots, client: { account } } = session;
    const half = (slots.target + 1) >> 1;
    const { isTight } = this.#budget;
    // Further ones when it has complied: here it loses nothing otherwise.
    const isHeavy = isTight && slots.bytesKept >= MUCH &&
      slots.highest === slots.target && account.isNearlyFull;
    if (isGreedy || isHeavy) this.#ask(session, half);
    else if (!isTight) slots.setTarget(slots.granted);
  }

  #ask(session: Session, count: number): void {
    const { slots } = session;
    const before = slots.target;
    slots.setTarget(count);
    if (slots.target === before) return;
    this.asked++;
    // One that is at work reads it from the answer of its next request.
    if (slots.busy === 0) this.recaller?.recall(session);
  }

  /** Ends sessions, the first ones first, until there is room. */
  *#end(sessions: readonly Session[]): Piecework {
    const limit = this.#limit;
    for (const session of sessions) {
      const { replayCacheBytes } = this.#sessions.usage;
      if (replayCacheBytes <= limit) return;
      const { slots, connections, isDestroyed } = session;
      if (isDestroyed || slots.bytesKept === 0) continue;
      const isInUse = slots.busy > 0 || connections.size > 0;
      if (isInUse && replayCacheBytes <= 2 * limit) return;
      this.#sessions.destroy(session, "evicted-session");
      yield END_PIECES;
    }
  }
}

/** Of sessions that keep replies the idle ones without a connection, then the idle ones, then the others, the longest unused first. */
function firstToEnd(sessions: Session[]): Session[] {
  sessions.sort((a, b) => {
    const byWork = Number(a.slots.busy > 0) - Number(b.slots.busy > 0);
    return byWork || (goesBefore(a, b) ? -1 : 1);
  });
  return sessions.slice(0, SHED_AT_ONCE);
}
