import { LOOK, type Piecework } from "./effects.ts";
import { KeptReplies } from "./kept_replies.ts";
import { goesBefore, type Session } from "./session.ts";
import type { SessionTable } from "./sessions.ts";

/** Sessions that end in one sweep, at most. */
const SHED_AT_ONCE = 1024;
/** What it costs to end one, in pieces of work. */
const END_PIECES = 4;
/** What it costs to sort twice as many as may end, in pieces of work. */
const SORT_PIECES = 64;

/** Keeps the replies of all sessions within the memory that they may take. */
export class ReplyLimit {
  readonly #sessions: SessionTable;
  readonly #limit: number;
  /** Clients were asked to use fewer slots than were granted. */
  #isShort = false;

  /** `limit` bytes for the kept replies of `sessions`. */
  constructor(sessions: SessionTable, limit: number) {
    this.#sessions = sessions;
    this.#limit = limit;
  }

  /**
   * While kept replies take more memory than they may, asks the clients that have
   * more than their share of it for fewer slots, and for all that were granted when
   * there is room again (RFC 8881 2.10.6.1). One that doesn't comply can't fill the
   * memory: its sessions end, idle ones without a connection at once, others when
   * it is twice as much.
   */
  *sweep(): Piecework {
    const { replayCacheBytes } = this.#sessions.usage;
    const full = replayCacheBytes > this.#limit;
    const roomy = replayCacheBytes < this.#limit / 2;
    if (!full && !(roomy && this.#isShort)) return;
    this.#isShort = full;
    if (full) return yield* this.#shed();
    for (const { slots } of this.#sessions) {
      slots.setTarget(slots.granted);
      yield LOOK;
    }
  }

  *#shed(): Piecework {
    const limit = this.#limit;
    const kept = new KeptReplies();
    for (const { client, slots } of this.#sessions) {
      if (slots.bytesKept > 0) kept.add(client, slots.bytesKept);
      yield LOOK;
    }
    let found: Session[] = [];
    for (const session of this.#sessions) {
      const { slots } = session;
      const isGreedy = kept.isAboveShare(session.client, limit);
      slots.setTarget(isGreedy ? (slots.target + 1) >> 1 : slots.granted);
      yield LOOK;
      if (!isGreedy || found.push(session) < 2 * SHED_AT_ONCE) continue;
      found = firstToEnd(found);
      yield SORT_PIECES;
    }
    for (const session of firstToEnd(found)) {
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
