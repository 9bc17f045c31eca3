import { EvenShares } from "../base/even_shares.ts";
import { STATEID_OTHER_SIZE, type StatusCode } from "../nfs4/constants.ts";
import type { Stateid } from "../nfs4/types.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { Stability } from "../vfs/file_system.ts";
import type { Client } from "./client.ts";
import type { GrantingRequest } from "./delegations.ts";
import type { StateidTable } from "./stateids.ts";

/** How many there may be. */
export interface CopyLimits {
  /** Copies of a client that go on. */
  readonly maxCopiesPerClient: number;
  /** Copies of all clients that go on, and as many that have ended and are unheard. */
  readonly maxCopies: number;
}

/** Tells clients that a copy has ended. The server sets it before clients come. */
export interface CopyNotifier {
  /** Whether the client can be told: else it would wait for nothing. */
  canNotify(client: Client): boolean;
  /** `copy` has ended; must not wait. `heard` is called when its client knows. */
  notify(copy: EndedCopy, heard: () => void): void;
  /** Its client need not know any more. */
  forget(copy: EndedCopy): void;
}

/** What a copy is made of. */
export interface CopyRequest {
  /** Whose it is. */
  readonly client: Client;
  /** What is written to. */
  readonly file: FileRef;
  /** The COPY that asked for it. */
  readonly grantedTo: GrantingRequest;
  /** The write verifier from before its first byte. */
  readonly verifier: Uint8Array;
}

/** How a copy ended. */
export interface CopyEnd {
  readonly status: StatusCode;
  /** How safe what was copied is. */
  readonly stability: Stability;
}

/** A COPY that goes on behind its answer, or has ended: its own stateid (RFC 7862 4.8). */
export class CopyState implements Stateid {
  readonly seqid = 1;
  readonly other: Uint8Array;
  readonly client: Client;
  readonly file: FileRef;
  readonly grantedTo: GrantingRequest;
  readonly verifier: Uint8Array;
  /** Bytes that are there. */
  done = 0;
  /** Set when it has ended. */
  end: CopyEnd | undefined;
  /** Its client wants no more of it, or has gone. */
  isCancelled = false;
  /** Resolved when nothing is written for it any more. */
  readonly stopped: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(other: Uint8Array, request: CopyRequest) {
    this.other = other;
    this.client = request.client;
    this.file = request.file;
    this.grantedTo = request.grantedTo;
    this.verifier = request.verifier;
  }

  /** Whether it has ended. */
  isEnded(): this is EndedCopy {
    return this.end !== undefined;
  }

  /** Whether a stateid names it: of seqid 0 none does (RFC 7862 4.8). */
  isNamed({ seqid, other }: Stateid): boolean {
    if (seqid !== this.seqid) return false;
    for (let i = 0; i < STATEID_OTHER_SIZE; i++) {
      if (other[i] !== this.other[i]) return false;
    }
    return true;
  }
}

/** One that has ended. */
export type EndedCopy = CopyState & { readonly end: CopyEnd };

/** Tells no client anything. */
const noNotifier: CopyNotifier = {
  canNotify: () => false,
  notify: () => {},
  forget: () => {},
};

/**
 * The copies that go on, and those that have ended and whose clients have not heard
 * it yet. Of either the parties have even shares.
 */
export class CopyTable {
  /** Sends CB_OFFLOAD. */
  notifier: CopyNotifier = noNotifier;
  /** Bytes that were copied, by all that have gone on. */
  bytes = 0;
  readonly #stateids: Pick<StateidTable, "issue">;
  readonly #limits: CopyLimits;
  readonly #running = new Set<CopyState>();
  readonly #shares: EvenShares<string>;
  /** The longest ended first. */
  readonly #ended = new Set<EndedCopy>();
  readonly #endedShares: EvenShares<string>;

  constructor(
    stateids: Pick<StateidTable, "issue">,
    limits: CopyLimits,
  ) {
    this.#stateids = stateids;
    this.#limits = limits;
    this.#shares = new EvenShares(limits.maxCopies);
    this.#endedShares = new EvenShares(limits.maxCopies);
  }

  /** How many go on. */
  get running(): number {
    return this.#running.size;
  }

  /** A copy begins; `undefined` where its client, or its party, has as many as it may, or can't be told of the end. */
  begin(request: CopyRequest): CopyState | undefined {
    const { client } = request;
    let own = 0;
    for (const each of this.#running) if (each.client === client) own++;
    const isFull = own >= this.#limits.maxCopiesPerClient ||
      this.#shares.isFull(client.party);
    if (isFull || !this.notifier.canNotify(client)) return undefined;
    const copy = new CopyState(this.#stateids.issue(), request);
    this.#running.add(copy);
    this.#shares.take(client.party);
    return copy;
  }

  /** The copy of a client that a stateid names, to this file. */
  find(
    client: Client | undefined,
    file: FileRef,
    stateid: Stateid,
  ): CopyState | undefined {
    for (const copies of [this.#running, this.#ended]) {
      for (const copy of copies) {
        const isIt = copy.client === client && copy.file.key === file.key &&
          copy.isNamed(stateid) && !copy.isCancelled;
        if (isIt) return copy;
      }
    }
    return undefined;
  }

  /** So many bytes of a copy are there. */
  progress(copy: CopyState, done: number): void {
    this.bytes += done - copy.done;
    copy.done = done;
  }

  /** A copy has ended: its client is told, unless it has gone or wants no more of it. */
  ended(copy: CopyState, end: CopyEnd): void {
    this.#running.delete(copy);
    this.#shares.give(copy.client.party);
    copy.stopped.resolve();
    if (copy.isCancelled) return;
    this.#makeRoom(copy.client.party);
    const told = Object.assign(copy, { end });
    this.#ended.add(told);
    this.#endedShares.take(copy.client.party);
    this.notifier.notify(told, () => this.#forget(told));
  }

  /** The client wants no more of it; resolves when nothing is written for it any more. */
  cancel(copy: CopyState): Promise<void> {
    copy.isCancelled = true;
    if (copy.isEnded()) this.#forget(copy);
    return copy.stopped.promise;
  }

  /** Whether copies of a client go on. */
  areRunning(client: Client): boolean {
    for (const copy of this.#running) if (copy.client === client) return true;
    return false;
  }

  /** The client has gone. */
  dropClient(client: Client): void {
    for (const copies of [this.#running, this.#ended]) {
      for (const copy of copies) if (copy.client === client) this.cancel(copy);
    }
  }

  /** A party that has as many unheard ones as it may loses its oldest. */
  #makeRoom(party: string): void {
    if (!this.#endedShares.isFull(party)) return;
    for (const copy of this.#ended) {
      if (copy.client.party === party) return this.#forget(copy);
    }
  }

  #forget(copy: EndedCopy): void {
    if (!this.#ended.delete(copy)) return;
    this.#endedShares.give(copy.client.party);
    this.notifier.forget(copy);
  }
}
