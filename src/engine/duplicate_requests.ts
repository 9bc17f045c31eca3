import type { Awaitable } from "../base/awaitable.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { RpcCall } from "../rpc/message.ts";
import type { Clock } from "../base/clock.ts";
import { digest } from "../state/digest.ts";
import type { StateAccount } from "../state/state_budget.ts";

/** Answers that are kept; of more the oldest go. */
const MAX_ENTRIES = 4096;
/** Longest answer that is kept, in bytes. */
const MAX_ANSWER = 8192;
/** Milliseconds after which no client sends a request again. */
const MAX_AGE = 120_000;

/** A request that is not to be carried out twice. */
export interface DuplicateEntry {
  readonly xid: number;
  readonly hostname: string;
  readonly port: number | undefined;
  /** See `Credential`: what one user was answered is not for another. */
  readonly principal: string;
  /** Not to be kept from the garbage collector for this. */
  readonly connection: WeakRef<Connection>;
  /** Bytes of its arguments, and a digest of them. */
  readonly size: number;
  readonly digest: number;
  /** When it began. */
  readonly since: number;
  /** Its COMPOUND4res; until it is there, a retry waits. */
  answer: Uint8Array | undefined;
  waiting: PromiseWithResolvers<Uint8Array> | undefined;
  /** Whether it can still be found. */
  isKept: boolean;
}

/**
 * Answers to NFSv4.0 requests that would fail or harm if they were carried out
 * again: a client that lost its connection sends them once more, with the same
 * xid, and NFSv4.0 has no session to tell (RFC 7530 3.1.1, RFC 5531 9).
 */
export class DuplicateRequests {
  readonly #clock: Clock;
  /** Where the answers count. */
  readonly #account: StateAccount;
  /** By xid; the oldest xid first. */
  readonly #entries = new Map<number, DuplicateEntry[]>();
  #size = 0;

  constructor(clock: Clock, account: StateAccount) {
    this.#clock = clock;
    this.#account = account;
  }

  /** The answer to a call that came before, whose arguments are yet to be read. */
  find(
    call: RpcCall,
    connection: Connection,
  ): Awaitable<Uint8Array> | undefined {
    const entries = this.#entries.get(call.xid);
    if (entries === undefined) return undefined;
    const { bytes, position, end } = call.body;
    const oldest = this.#clock.now() - MAX_AGE;
    const { principal } = call.credential;
    // Made once, however many requests of this xid a client has sent.
    let own: number | undefined;
    for (const entry of entries) {
      const same = entry.since >= oldest && entry.size === end - position &&
        entry.principal === principal && isSender(entry, connection) &&
        entry.digest === (own ??= digest(bytes, position, end));
      if (same) return entry.answer ?? waitFor(entry);
    }
    return undefined;
  }

  /** A call whose arguments begin at `start` is about to do what must not be done twice. */
  begin(
    { xid, credential, body: { bytes, end } }: RpcCall,
    connection: Connection,
    start: number,
  ): DuplicateEntry {
    const { hostname, port } = connection.peer;
    const entry: DuplicateEntry = {
      xid,
      hostname,
      port,
      principal: credential.principal,
      connection: new WeakRef(connection),
      size: end - start,
      digest: digest(bytes, start, end),
      since: this.#clock.now(),
      answer: undefined,
      waiting: undefined,
      isKept: true,
    };
    while (
      this.#size >= MAX_ENTRIES || (this.#size > 0 && this.#account.isFull)
    ) this.#dropOldest();
    const entries = this.#entries.get(xid);
    if (entries === undefined) this.#entries.set(xid, [entry]);
    else entries.push(entry);
    this.#size++;
    return entry;
  }

  /** It is done; `answer`, its COMPOUND4res, is copied. */
  finish(entry: DuplicateEntry, answer: Uint8Array): void {
    const { waiting } = entry;
    const isKept = entry.isKept && answer.length <= MAX_ANSWER;
    if (isKept || waiting !== undefined) {
      const copy = answer.slice();
      waiting?.resolve(copy);
      entry.waiting = undefined;
      if (isKept) {
        entry.answer = copy;
        this.#account.count("reply", 1, copy.length);
      }
    }
    if (!isKept) this.#drop(entry);
  }

  #drop(entry: DuplicateEntry): void {
    const entries = this.#entries.get(entry.xid);
    const at = entries?.indexOf(entry) ?? -1;
    if (entries === undefined || at < 0) return;
    this.#forget(entry);
    if (entries.length === 1) this.#entries.delete(entry.xid);
    else entries.splice(at, 1);
  }

  #dropOldest(): void {
    for (const [xid, entries] of this.#entries) {
      this.#entries.delete(xid);
      entries.forEach((entry) => this.#forget(entry));
      return;
    }
  }

  #forget(entry: DuplicateEntry): void {
    this.#size--;
    entry.isKept = false;
    if (entry.answer === undefined) return;
    this.#account.count("reply", -1, entry.answer.length);
  }
}

/**
 * Whether a connection may repeat what another one, or itself, asked for: it is
 * of the same address, and of the same port unless the first one is closed.
 */
function isSender(entry: DuplicateEntry, connection: Connection): boolean {
  const { hostname, port } = connection.peer;
  if (hostname !== entry.hostname) return false;
  if (port === entry.port) return true;
  const first = entry.connection.deref();
  return first === undefined || first.closeReason !== undefined;
}

function waitFor(entry: DuplicateEntry): Promise<Uint8Array> {
  entry.waiting ??= Promise.withResolvers();
  return entry.waiting.promise;
}
