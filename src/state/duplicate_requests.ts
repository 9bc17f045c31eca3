import type { Clock } from "../base/clock.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { RpcCall } from "../rpc/message.ts";
import { digest } from "./digest.ts";
import type { Piecework } from "./effects.ts";
import { type KeptAnswer, KeptAnswers, Requester } from "./kept_answers.ts";
import type { StateBudget } from "./state_budget.ts";
import { WideMap } from "./wide_map.ts";

/** Longest answer that is kept, in bytes. */
export const LONGEST_ANSWER = 8_192;
/** Requests of one xid that are looked through, of a party. */
const REQUESTS_PER_XID = 64;

/** A request that is not to be carried out twice. */
export interface DuplicateEntry {
  readonly xid: number;
  /** The connection that it came on. */
  readonly requester: Requester;
  /** See `Credential`: what one user was answered is not for another. */
  readonly principal: string;
  /** Bytes of its arguments, and a digest of them. */
  readonly size: number;
  readonly digest: number;
  /** Its COMPOUND4res; until it is there, a retry waits. */
  answer: Uint8Array | undefined;
  /** When that was given. */
  answeredAt: number;
  /** The retries that wait. */
  waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
}

type AnsweredEntry = DuplicateEntry & KeptAnswer;

/** Options of {@linkcode DuplicateRequests}. */
export interface DuplicateRequestsOptions {
  readonly clock: Clock;
  /** Where the answers count. */
  readonly budget: StateBudget;
  /** Bytes of all answers. */
  readonly maxBytes: number;
}

/**
 * Answers to NFSv4.0 requests that would fail or harm if they were carried out
 * again: a client that lost its connection sends them once more, with the same
 * xid, and NFSv4.0 has no session to tell (RFC 7530 3.1.1, RFC 5531 9). A request
 * that is being carried out is never forgotten.
 */
export class DuplicateRequests {
  /** Requests that were answered as the first time. */
  hits = 0;
  readonly #clock: Clock;
  readonly #byXid = new WideMap<number, DuplicateEntry[]>((xid) => xid);
  readonly #requesters = new WeakMap<Connection, Requester>();
  readonly #answers: KeptAnswers<AnsweredEntry>;

  constructor(options: DuplicateRequestsOptions) {
    this.#clock = options.clock;
    this.#answers = new KeptAnswers({
      ...options,
      forgotten: (entry) => this.#unlist(entry),
    });
  }

  /** Bytes of the answers that are kept. */
  get bytes(): number {
    return this.#answers.bytes;
  }

  /**
   * The answer to a call that came before, whose arguments are yet to be read. One
   * that is waited for may turn out to be none, where it is long and nothing has
   * changed: the call may as well be carried out again.
   */
  find(
    call: RpcCall,
    connection: Connection,
  ): Uint8Array | Promise<Uint8Array | undefined> | undefined {
    const entry = this.#find(call, connection);
    if (entry !== undefined) {
      this.hits++;
      return entry.answer ?? waitFor(entry);
    }
    const requester = this.#requesters.get(connection);
    requester?.called(connection, this.#clock.now());
    return undefined;
  }

  /** A client begins on the connection, which continues no other. */
  begins(connection: Connection): void {
    this.#requesterOf(connection).isNew = true;
  }

  #find(call: RpcCall, connection: Connection): DuplicateEntry | undefined {
    const entries = this.#byXid.get(call.xid);
    if (entries === undefined) return undefined;
    const { bytes, position, end } = call.body;
    const { principal } = call.credential;
    const { hostname, port } = connection.peer;
    const own = this.#requesters.get(connection);
    // Made once, however many requests of this xid there are.
    let ownDigest: number | undefined;
    let isAnew = false;
    for (const entry of entries) {
      const { requester } = entry;
      const isSame = entry.size === end - position &&
        entry.principal === principal &&
        requester.hostname === hostname &&
        entry.digest === (ownDigest ??= digest(bytes, position, end));
      if (!isSame) continue;
      if (isAnswered(entry) && !this.#answers.isRecent(entry)) continue;
      const isSameEnd = port !== undefined && requester.port === port;
      if (isSameEnd || requester === own) return entry;
      const wasRead = isAnswered(entry) && requester.hasRead(entry);
      isAnew ||= wasRead;
      // From another port nothing comes again while the first takes calls.
      if (wasRead || !requester.isDone || this.#isNew(connection)) continue;
      return entry;
    }
    // What was read is not sent again: these xids are another client's own.
    if (isAnew) this.begins(connection);
    return undefined;
  }

  /**
   * A call whose arguments begin at `start` is about to do what must not be done
   * twice, or to wait before it may; `undefined` where too many are being carried out under its xid.
   */
  begin(
    { xid, credential, body: { bytes, end } }: RpcCall,
    connection: Connection,
    start: number,
  ): DuplicateEntry | undefined {
    const requester = this.#requesterOf(connection);
    if (!this.#makeWay(xid, requester)) return undefined;
    const entry: DuplicateEntry = {
      xid,
      requester,
      principal: credential.principal,
      size: end - start,
      digest: digest(bytes, start, end),
      answer: undefined,
      answeredAt: 0,
      waiting: undefined,
    };
    const entries = this.#byXid.get(xid);
    if (entries === undefined) this.#byXid.set(xid, [entry]);
    else entries.push(entry);
    return entry;
  }

  /**
   * It is done; `answer`, its COMPOUND4res, is copied. What has changed nothing
   * may as well be carried out again, and is not kept.
   */
  finish(
    entry: DuplicateEntry,
    answer: Uint8Array,
    { hasChanged }: { readonly hasChanged: boolean },
  ): void {
    const { waiting, requester } = entry;
    const isShort = answer.length <= LONGEST_ANSWER;
    const isKept = hasChanged && isShort && this.#answers.makeRoom(requester);
    const isGiven = waiting !== undefined && (hasChanged || isShort);
    if (isKept || isGiven) entry.answer = answer.slice();
    waiting?.resolve(entry.answer);
    entry.waiting = undefined;
    entry.answeredAt = this.#clock.now();
    if (isKept && isAnswered(entry)) this.#answers.keep(entry);
    else this.#unlist(entry);
  }

  /** Forgets the answers that no client asks for any more. */
  sweep(): Piecework {
    return this.#answers.sweep();
  }

  #requesterOf(connection: Connection): Requester {
    let requester = this.#requesters.get(connection);
    if (requester === undefined) {
      this.#requesters.set(connection, requester = new Requester(connection));
    }
    return requester;
  }

  /** Answers to a party make room for one request more of their xid; false where there are none. */
  #makeWay(xid: number, requester: Requester): boolean {
    const entries = this.#byXid.get(xid)
      ?.filter((entry) => entry.requester.party === requester.party);
    if (entries === undefined) return true;
    const answered = entries.filter(isAnswered);
    // A client that uses an xid anew has read what it was answered under it.
    const obsolete = answered.find((entry) => entry.requester === requester);
    const isFull = entries.length >= REQUESTS_PER_XID;
    const gone = obsolete ?? (isFull ? answered[0] : undefined);
    if (gone !== undefined) this.#answers.forget(gone);
    return gone !== undefined || !isFull;
  }

  #isNew(connection: Connection): boolean {
    return this.#requesters.get(connection)?.isNew ?? false;
  }

  #unlist(entry: DuplicateEntry): void {
    const entries = this.#byXid.get(entry.xid)!;
    if (entries.length === 1) this.#byXid.delete(entry.xid);
    else entries.splice(entries.indexOf(entry), 1);
  }
}

/** Whether it is done, and its answer kept. */
function isAnswered(entry: DuplicateEntry): entry is AnsweredEntry {
  return entry.answer !== undefined;
}

function waitFor(entry: DuplicateEntry): Promise<Uint8Array | undefined> {
  entry.waiting ??= Promise.withResolvers();
  return entry.waiting.promise;
}
