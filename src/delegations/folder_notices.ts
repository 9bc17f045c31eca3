import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../backchannel/callback_ops.ts";
import type { CallbackOutcome } from "../backchannel/callback_request.ts";
import type { CallbackRouter } from "../backchannel/router.ts";
import type { Clock } from "../base/clock.ts";
import { EvenShares } from "../base/even_shares.ts";
import { Status } from "../nfs4/constants.ts";
import type { NotifyType } from "../nfs4/notifications.ts";
import type { Client } from "../state/client.ts";
import {
  type Delegation,
  type Notice,
  RECALL_PIECES,
} from "../state/delegations.ts";
import type { Piecework } from "../state/effects.ts";
import type { Session } from "../state/session.ts";
import { referringCalls } from "./referring_calls.ts";

/** How long a notice waits for others, in milliseconds. */
export const BATCH_MS = 50;
/** Notices of one CB_NOTIFY. */
export const BATCH = 100;
/** Notices that a client has not answered. */
export const MAX_UNHEARD = 1_000;
/** The same of all clients, whose parties have even shares. */
export const MAX_UNHEARD_OF_ALL = 16_384;
/** Bytes of a callback besides its notices, at most. */
const FRAME = 1_024;

/** How {@linkcode FolderNotices} tell. */
export interface FolderNoticesOptions {
  /** The way to the clients. */
  readonly router: Pick<CallbackRouter, "sendOver">;
  readonly clock: Clock;
  /** The holder can't be told all: it is to return the delegation. */
  readonly unheard: (delegation: Delegation) => void;
  /** A holder has answered a CB_NOTIFY of these. */
  readonly heard?: ((types: readonly NotifyType[]) => void) | undefined;
}

interface Waiting {
  readonly type: NotifyType;
  /** Not there while the file system looks for attributes. */
  bytes: Uint8Array | undefined;
}

/** What the holder of a folder is yet to hear. */
interface Holder {
  readonly delegation: Delegation;
  /** In the order of the changes. */
  readonly waiting: Waiting[];
  /** Its CB_NOTIFY is on its way. */
  isSending: boolean;
  /** Whether it has waited long enough for others. */
  isDue: boolean;
  cancelTimer: (() => void) | undefined;
}

/**
 * CB_NOTIFY: tells holders of folders what became of them, some changes at a time
 * and in order, for which the next is sent when the one before is answered (RFC
 * 8881 20.4). A holder that can't be told everything is asked to return its folder.
 */
export class FolderNotices {
  readonly #options: FolderNoticesOptions;
  readonly #holders = new Map<Delegation, Holder>();
  /** Holders that wait until a CB_NOTIFY over their session is answered, or for the next sweep. */
  readonly #waitingForRoom = new Map<Session, Set<Holder>>();
  /** Notices that are not answered, of each client. */
  readonly #unheard = new Map<Client, number>();
  /** Those of all clients, by party. */
  readonly #shares = new EvenShares<string>(MAX_UNHEARD_OF_ALL);
  #isClosed = false;

  constructor(options: FolderNoticesOptions) {
    this.#options = options;
  }

  /** Notices that are not answered. */
  get size(): number {
    return this.#shares.size;
  }

  /** The holder of a delegation is to hear of one more change. */
  add(delegation: Delegation, { type, bytes }: Notice): void {
    if (this.#isClosed) return;
    const holder = this.#holderOf(delegation);
    if (this.#hasAll(delegation.client)) return this.#giveUp(holder);
    const isLate = bytes instanceof Promise;
    const waiting: Waiting = { type, bytes: isLate ? undefined : bytes };
    holder.waiting.push(waiting);
    this.#take(delegation.client);
    if (isLate) {
      const isThere = (found: Uint8Array): void => {
        waiting.bytes = found;
        if (holder.isDue) this.#send(holder);
      };
      bytes.then(isThere, () => this.#giveUp(holder));
    }
    if (holder.waiting.length >= BATCH) return this.#send(holder);
    holder.cancelTimer ??= this.#options.clock.schedule(
      () => this.#send(holder),
      BATCH_MS,
    );
  }

  /** What there is goes out at once. */
  flush(delegation: Delegation): void {
    const holder = this.#holders.get(delegation);
    if (holder !== undefined) this.#send(holder);
  }

  /** A delegation has ended: what its holder has not heard goes out before the answer to that. */
  end(delegation: Delegation): void {
    const holder = this.#holders.get(delegation);
    if (holder === undefined) return;
    // There is nothing more to be recalled, whatever becomes of it.
    this.#holders.delete(delegation);
    this.#send(holder);
    this.#forget(holder);
  }

  /** Sends what waits for room, where there is some again. */
  *sendWaiting(): Piecework {
    // One that finds none comes to stand at their end.
    for (const session of [...this.#waitingForRoom.keys()]) {
      while (this.#sendNext(session)) yield RECALL_PIECES;
      yield RECALL_PIECES;
    }
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true;
    for (const holder of this.#holders.values()) this.#forget(holder);
  }

  #holderOf(delegation: Delegation): Holder {
    let holder = this.#holders.get(delegation);
    if (holder === undefined) {
      holder = {
        delegation,
        waiting: [],
        isSending: false,
        isDue: false,
        cancelTimer: undefined,
      };
      this.#holders.set(delegation, holder);
    }
    return holder;
  }

  /** Sends it, or has it wait behind those of its session that found no room. */
  #send(holder: Holder): void {
    holder.cancelTimer?.();
    holder.cancelTimer = undefined;
    holder.isDue = true;
    if (holder.isSending || holder.waiting.length === 0) return;
    const queue = this.#waitingForRoom.get(sessionOf(holder));
    if (queue === undefined) this.#sendNow(holder);
    else queue.add(holder);
  }

  #sendNow(holder: Holder): void {
    const { delegation } = holder;
    const { file, seqid, other } = delegation;
    const session = sessionOf(holder);
    const batch = batchOf(holder.waiting, session.back.maxRequestSize - FRAME);
    if (batch === undefined) return this.#giveUp(holder);
    if (batch.length === 0) return;
    holder.waiting.splice(0, batch.length);
    holder.isSending = true;
    holder.isDue = false;
    this.#options.router.sendOver(session, {
      operations: [
        callbackOperation(CALLBACK_OPERATIONS.CB_NOTIFY, {
          stateid: { seqid, other },
          handle: file.file.handle,
          changes: batch.map(({ bytes }) => bytes!),
        }),
      ],
      referringCalls: () => referringCalls(delegation),
      done: (outcome) => this.#answered(holder, batch, outcome),
    });
  }

  /** There may be room for one that had none; returns whether there was. */
  #sendNext(session: Session): boolean {
    for (const holder of this.#waitingForRoom.get(session) ?? []) {
      this.#leaveQueue(holder);
      this.#sendNow(holder);
      return this.#waitingForRoom.get(session)?.has(holder) !== true;
    }
    return false;
  }

  /** It does not wait for room any more. */
  #leaveQueue(holder: Holder): void {
    const session = sessionOf(holder);
    const queue = this.#waitingForRoom.get(session);
    queue?.delete(holder);
    if (queue?.size === 0) this.#waitingForRoom.delete(session);
  }

  /** The session took none of these: they go out before all later ones of the folder, when another was answered. */
  #waitForRoom(holder: Holder, batch: readonly Waiting[]): void {
    holder.waiting.unshift(...batch);
    holder.isDue = true;
    const session = sessionOf(holder);
    const queue = this.#waitingForRoom.get(session) ?? new Set();
    this.#waitingForRoom.set(session, queue.add(holder));
  }

  #answered(
    holder: Holder,
    batch: readonly Waiting[],
    outcome: CallbackOutcome,
  ): void {
    const { delegation } = holder;
    holder.isSending = false;
    const isOut = this.#holders.get(delegation) === holder;
    if (outcome.kind === "full" && isOut) {
      return this.#waitForRoom(holder, batch);
    }
    this.#give(delegation.client, batch.length);
    const isHeard = wasHeard(outcome);
    if (isHeard) this.#options.heard?.(batch.map(({ type }) => type));
    if (isOut) this.#goOn(holder, isHeard);
    // Only what came from the client says that there is room now.
    const isAnswer = outcome.kind === "answered" || outcome.kind === "refused";
    if (isAnswer) this.#sendNext(sessionOf(holder));
  }

  #goOn(holder: Holder, isHeard: boolean): void {
    if (!isHeard) this.#giveUp(holder);
    else if (holder.waiting.length > 0) this.#send(holder);
    else this.#holders.delete(holder.delegation);
  }

  /** Its holder hears nothing more but that it is to return the folder. */
  #giveUp(holder: Holder): void {
    const { delegation } = holder;
    const isOut = this.#holders.get(delegation) === holder;
    this.#forget(holder);
    if (isOut) this.#options.unheard(delegation);
  }

  #forget(holder: Holder): void {
    const { delegation, waiting } = holder;
    this.#leaveQueue(holder);
    holder.cancelTimer?.();
    this.#holders.delete(delegation);
    this.#give(delegation.client, waiting.length);
    waiting.length = 0;
  }

  /** Whether a client, or its party, has as many that are not answered as it may. */
  #hasAll(client: Client): boolean {
    const unheard = this.#unheard.get(client) ?? 0;
    return unheard >= MAX_UNHEARD || this.#shares.isFull(client.party);
  }

  #take(client: Client): void {
    this.#shares.take(client.party);
    this.#unheard.set(client, (this.#unheard.get(client) ?? 0) + 1);
  }

  #give(client: Client, count: number): void {
    this.#shares.give(client.party, count);
    const left = (this.#unheard.get(client) ?? 0) - count;
    if (left > 0) this.#unheard.set(client, left);
    else this.#unheard.delete(client);
  }
}

/** Over which it is told. */
function sessionOf({ delegation: { notices } }: Holder): Session {
  return notices!.session;
}

/** The first of them that fit and are there; `undefined` where the first never fits. */
function batchOf(
  waiting: readonly Waiting[],
  room: number,
): readonly Waiting[] | undefined {
  let size = 0;
  let count = 0;
  for (; count < Math.min(waiting.length, BATCH); count++) {
    const { bytes } = waiting[count]!;
    if (bytes === undefined) break;
    size += bytes.length;
    if (size <= room) continue;
    if (count === 0) return undefined;
    break;
  }
  return waiting.slice(0, count);
}

function wasHeard(outcome: CallbackOutcome): boolean {
  if (outcome.kind !== "answered") return false;
  switch (outcome.results[0]?.status) {
    case Status.OK:
    // It has seen this very callback before.
    case Status.RETRY_UNCACHED_REP:
    case Status.SEQ_FALSE_RETRY:
      return true;
    default:
      return false;
  }
}
