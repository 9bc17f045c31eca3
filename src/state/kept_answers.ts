import type { Clock } from "../base/clock.ts";
import type { Connection } from "../rpc/handlers.ts";
import { ROOT } from "../rpc/party.ts";
import { LOOK, type Piecework } from "./effects.ts";
import { mayHaveMore } from "./party_shares.ts";
import {
  STATE_COSTS,
  type StateAccount,
  type StateBudget,
} from "./state_budget.ts";

/** Answers that are kept of a connection: no client has more requests under way on one. */
export const ANSWERS_PER_CONNECTION = 1_024;
/** Milliseconds after which no client sends a request again. */
export const ANSWER_AGE_MS = 120_000;
/**
 * Milliseconds after which a call proves that what the socket took before it has
 * arrived: where nothing gets through to it, not even acknowledgements, a TCP
 * that has not given up sends nothing new for so long, only the same again.
 */
export const ARRIVAL_MS = 10_000;
/** Answers that go for a new one; the longest takes the place of so many of the shortest. */
const FORGOTTEN_AT_ONCE = 32;
/** What it costs to forget an answer, in pieces of work. */
const FORGET_PIECES = 1 / 4;

/** A connection, as far as it takes to tell whose requests came on it. */
export class Requester {
  /** Its address and port. */
  readonly hostname: string;
  readonly port: number | undefined;
  /** Among whom memory is shared out. */
  readonly party: string;
  /** Answers to its requests that are kept, the oldest first. */
  readonly answers = new Set<KeptAnswer>();
  /** Whether it is known to be no other's continuation: it repeats nothing of theirs. */
  isNew = false;
  readonly #connection: WeakRef<Connection>;
  /** What was answered before has arrived. */
  #arrivedUntil = -Infinity;
  /** What was answered before was in the socket at this time. */
  #takenUntil: number | undefined;

  constructor(connection: Connection) {
    const { hostname, port } = connection.peer;
    this.hostname = hostname;
    this.port = port;
    this.party = connection.party;
    // Not to be kept from the garbage collector, with its buffers, for this.
    this.#connection = new WeakRef(connection);
  }

  /** Whether no more requests come on the connection. */
  get isDone(): boolean {
    return this.#connection.deref()?.isHalfClosed ?? true;
  }

  /**
   * A call came that the client had not sent before. That the last answer was
   * written before it proves nothing: it may have been on its way by then.
   */
  called({ hasAnswered }: Connection, now: number): void {
    const taken = this.#takenUntil;
    if (taken !== undefined) {
      if (now - taken < ARRIVAL_MS) return;
      this.#arrivedUntil = taken;
    }
    this.#takenUntil = hasAnswered ? now : undefined;
  }

  /** Whether an answer to one of its calls has arrived for sure. */
  hasRead({ answeredAt }: Pick<KeptAnswer, "answeredAt">): boolean {
    return answeredAt < this.#arrivedUntil;
  }
}

/** An answer that is kept. */
export interface KeptAnswer {
  /** Whom it was for. */
  readonly requester: Requester;
  /** Its bytes. */
  readonly answer: Uint8Array;
  /** When it was given. */
  readonly answeredAt: number;
}

/** Options of {@linkcode KeptAnswers}. */
export interface KeptAnswersOptions<Answer extends KeptAnswer> {
  readonly clock: Clock;
  /** Where they count, each in the account of its party. */
  readonly budget: StateBudget;
  /** Bytes of all of them. */
  readonly maxBytes: number;
  /** Told of each that is not kept any more. */
  readonly forgotten: (answer: Answer) => void;
}

/** What is kept of one party. */
interface Share {
  /** Those that have answers; the one that has had some for longest first. */
  readonly senders: Set<Requester>;
  /** Bytes of all of it. */
  bytes: number;
}

/**
 * The memory that answers to NFSv4.0 requests are kept in, shared out so that no
 * client takes it from another: a connection's new answers push out its own old
 * ones, and where its party has had its share, those of that party.
 */
export class KeptAnswers<Answer extends KeptAnswer> {
  /** Bytes of all of them. */
  bytes = 0;
  readonly #options: KeptAnswersOptions<Answer>;
  readonly #shares = new Map<string, Share>();

  constructor(options: KeptAnswersOptions<Answer>) {
    this.#options = options;
  }

  /** Whether an answer is recent enough to be asked for again. */
  isRecent({ answeredAt }: KeptAnswer): boolean {
    return answeredAt >= this.#options.clock.now() - ANSWER_AGE_MS;
  }

  /**
   * Makes room for one answer more; false where its party may have nothing more,
   * or has more than its share by so much that the next requests go on with it.
   */
  makeRoom({ answers, party }: Requester): boolean {
    if (answers.size >= ANSWERS_PER_CONNECTION) this.#forgetOldest(answers);
    for (let i = 0; i < FORGOTTEN_AT_ONCE; i++) {
      if (!this.#hasItsShare(party)) return true;
      const oldest = answers.size > 0 ? answers : this.#oldestOf(party);
      if (oldest === undefined) return false;
      this.#forgetOldest(oldest);
    }
    return !this.#hasItsShare(party);
  }

  /** Keeps an answer for which room was made. */
  keep(answer: Answer): void {
    const { requester } = answer;
    const { party, answers } = requester;
    let share = this.#shares.get(party);
    if (share === undefined) {
      this.#shares.set(party, share = { senders: new Set(), bytes: 0 });
    }
    if (!share.senders.has(requester)) {
      share.senders.add(requester);
      this.#count(share, requester, 1);
    }
    answers.add(answer);
    this.#count(share, answer, 1);
  }

  /** Keeps it no more. */
  forget(answer: Answer): void {
    const { requester } = answer;
    const { party, answers } = requester;
    const share = this.#shares.get(party)!;
    answers.delete(answer);
    this.#count(share, answer, -1);
    if (answers.size === 0) {
      share.senders.delete(requester);
      this.#count(share, requester, -1);
      if (share.senders.size === 0) this.#shares.delete(party);
    }
    this.#options.forgotten(answer);
  }

  /** Forgets what no client asks for any more. */
  *sweep(): Piecework {
    for (const { senders } of this.#shares.values()) {
      for (const { answers } of senders) {
        for (const answer of answers) {
          if (this.isRecent(answer)) break;
          this.forget(answer as Answer);
          yield FORGET_PIECES;
        }
        yield LOOK;
      }
    }
  }

  /** Whether a party may keep no more answers, or have no more state at all. */
  #hasItsShare(party: string): boolean {
    const { maxBytes: limit, budget } = this.#options;
    const bytesOf = (party: string): number =>
      this.#shares.get(party)?.bytes ?? 0;
    const ofRoot = budget.keepsForRoot ? bytesOf(ROOT) : undefined;
    const shared = { limit, used: this.bytes, ofRoot };
    return !mayHaveMore(party, bytesOf(party), shared) ||
      this.#accountOf(party).isFull;
  }

  /** The answers of that connection of a party that has had some for longest. */
  #oldestOf(party: string): ReadonlySet<KeptAnswer> | undefined {
    for (const { answers } of this.#shares.get(party)?.senders ?? []) {
      return answers;
    }
    return undefined;
  }

  #forgetOldest(answers: ReadonlySet<KeptAnswer>): void {
    for (const oldest of answers) return this.forget(oldest as Answer);
  }

  /** A connection or an answer of a share came, or went where `by` is -1. */
  #count(share: Share, what: Requester | Answer, by: 1 | -1): void {
    const isSender = what instanceof Requester;
    const { party } = isSender ? what : what.requester;
    const kind = isSender ? "requester" : "answer";
    const extra = isSender ? 0 : what.answer.length;
    const bytes = by * (STATE_COSTS[kind] + extra);
    share.bytes += bytes;
    this.bytes += bytes;
    this.#accountOf(party).count(kind, by, extra);
  }

  #accountOf(party: string): StateAccount {
    return this.#options.budget.account(party);
  }
}
