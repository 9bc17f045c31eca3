import type { Client } from "../state/client.ts";
import type { RandomBytes } from "../base/clock.ts";
import type { SessionObserver } from "../state/observers.ts";
import type { Session } from "../state/session.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { SessionTable } from "../state/sessions.ts";
import { Direction, type DirectionBits } from "../nfs4/sessions.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { CallbackChannel, isPeers } from "./callback_channel.ts";
import type { CallbackRequest, SenderSession } from "./callback_request.ts";
import type { CallbackTarget } from "./callback_wire.ts";
import { type RetryPolicy, retryPolicyOf } from "./retry_policy.ts";
import {
  BackchannelSender,
  type PathVerdict,
  type SenderOptions,
} from "./sender.ts";
import { Jobs } from "../base/jobs.ts";

/** What {@linkcode Backchannel} is made of. */
export interface BackchannelOptions {
  /** The sessions; it listens to them. */
  readonly sessions: SessionTable;
  /** Where the XIDs of a connection begin. */
  readonly random: RandomBytes;
  /** Times, limits and metrics of each sender. */
  readonly sender: SenderOptions;
  /** Called when a client's callbacks have a way, for the first time or a new one. */
  readonly regained?: (client: Client) => void;
}

/**
 * The back channels of all sessions of NFSv4.1 and 4.2: a sender for each, from
 * its first back-bound connection to its end, and a channel for each connection,
 * which sessions share.
 */
export class Backchannel implements SessionObserver {
  readonly #options: BackchannelOptions;
  readonly #policy: RetryPolicy;
  readonly #senders = new Map<Session, BackchannelSender>();
  readonly #channels = new Map<Connection, CallbackChannel>();
  /** CB_NULLs that are not answered yet, one a session: what they take is part of its cost. */
  readonly #proofs = new Map<Session, AbortController>();
  readonly #jobs: Jobs;

  /** Replies that came late, twice or uncalled for. */
  unknownReplies = 0;

  constructor(options: BackchannelOptions) {
    this.#options = options;
    this.#policy = retryPolicyOf(options.sender);
    this.#jobs = new Jobs({ name: "a callback", log: this.#policy.log });
    options.sessions.observe(this);
  }

  /** The sessions that have a sender, by whether callbacks can get through. */
  get paths(): { readonly up: number; readonly down: number } {
    let up = 0;
    for (const session of this.#senders.keys()) if (session.isPathUp) up++;
    return { up, down: this.#senders.size - up };
  }

  /** Callbacks that wait for a slot, of all sessions. */
  get queueDepth(): number {
    let depth = 0;
    for (const sender of this.#senders.values()) depth += sender.queueDepth;
    return depth;
  }

  /** What is held at this moment; all 0 when there are no sessions. */
  get held(): {
    readonly senders: number;
    readonly channels: number;
    readonly jobs: number;
    readonly pendingReplies: number;
    readonly callbacks: number;
  } {
    let pendingReplies = 0;
    for (const { pending } of this.#channels.values()) {
      pendingReplies += pending.size;
    }
    let callbacks = 0;
    for (const { queueDepth, inFlight } of this.#senders.values()) {
      callbacks += queueDepth + inFlight;
    }
    return {
      senders: this.#senders.size,
      channels: this.#channels.size,
      jobs: this.#jobs.size,
      pendingReplies,
      callbacks,
    };
  }

  /** Hands a callback to the session's sender; false when it can take none. */
  enqueue(session: Session, request: CallbackRequest): boolean {
    return this.#senders.get(session)?.enqueue(request) ?? false;
  }

  /** A REPLY came on a connection. */
  reply(connection: Connection, xid: number, xdr: XdrReader): void {
    if (!this.#channels.get(connection)?.pending.deliver(xid, xdr)) {
      this.unknownReplies++;
    }
  }

  /** A connection is closed: a callback that waits for a reply on it tries elsewhere. */
  connectionClosed(connection: Connection): void {
    const channel = this.#channels.get(connection);
    this.#channels.delete(connection);
    channel?.closed();
  }

  /** {@inheritDoc SessionObserver.connectionBound} */
  connectionBound(
    session: Session,
    connection: Connection,
    direction: DirectionBits,
  ): void {
    if (!(direction & Direction.BACK) || this.#jobs.signal.aborted) return;
    this.#open(connection);
    if (!this.#senders.has(session)) this.#start(session);
    this.#trust(session, connection);
  }

  /** {@inheritDoc SessionObserver.backchannelMended} */
  backchannelMended(session: Session): void {
    const [connection] = session.backConnections();
    if (connection !== undefined) this.#trust(session, connection);
  }

  /** {@inheritDoc SessionObserver.backchannelLost} */
  backchannelLost(session: Session): void {
    // Trust ends with the last connection, and begins anew with the next that is
    // bound. Where callbacks fail, the session's fault stands for that until one
    // is answered.
    if (!session.hasBackConnection) session.isPathProven = false;
  }

  /** {@inheritDoc SessionObserver.sessionDestroyed} */
  sessionDestroyed(session: Session): void {
    this.#endProof(session);
    const sender = this.#senders.get(session);
    if (sender === undefined) return;
    this.#senders.delete(session);
    this.#jobs.begin(() => sender.stop());
  }

  /** Ends all senders; resolves when nothing is left. */
  async close(): Promise<void> {
    for (const session of [...this.#senders.keys()]) {
      this.sessionDestroyed(session);
    }
    for (const connection of [...this.#channels.keys()]) {
      this.connectionClosed(connection);
    }
    await this.#jobs.stop();
  }

  #open(connection: Connection): void {
    if (this.#channels.has(connection)) return;
    const random = this.#options.random(4);
    const firstXid = new DataView(random.buffer).getUint32(0);
    this.#channels.set(connection, new CallbackChannel(connection, firstXid));
  }

  /** The client has just spoken of the connection: callbacks may go over it. */
  #trust(session: Session, connection: Connection): void {
    const sender = this.#senders.get(session);
    if (sender === undefined) return;
    sender.pathRegained();
    // Good until CB_NULL or a callback fails, or the first OPEN, which is faster
    // than CB_NULL, would get no delegation.
    if (targetOf(session) !== undefined) session.isPathProven = true;
    this.#jobs.begin(() => this.#prove(session, connection));
  }

  #start(session: Session): void {
    const path: SenderSession = {
      id: session.id,
      slots: session.back.maxRequests,
      maxRequestSize: session.back.maxRequestSize,
      isRestored: session.isRestored,
      target: () => targetOf(session),
      // None of a connection that is closed, and not unbound from all yet.
      channels: () =>
        session.backConnections()
          .flatMap((each) => this.#channels.get(each) ?? []),
    };
    const sender = new BackchannelSender(path, {
      ...this.#options.sender,
      judged: (verdict) => this.#judge(session, verdict),
    });
    this.#senders.set(session, sender);
  }

  #judge(session: Session, verdict: PathVerdict): void {
    const { sessions, regained } = this.#options;
    if (session.isDestroyed) return;
    const isRegained = verdict === "works" && !session.isPathProven &&
      session.hasBackConnection;
    if (verdict === "silent") session.isPathProven = false;
    else sessions.setBackchannelFault(session, verdict === "faulty");
    if (!isRegained) return;
    session.isPathProven = true;
    regained?.(session.client);
  }

  #endProof(session: Session): void {
    const proof = this.#proofs.get(session);
    this.#proofs.delete(session);
    proof?.abort();
  }

  /** A CB_NULL that is answered proves the path, and one that is not disproves it. */
  async #prove(session: Session, connection: Connection): Promise<void> {
    // The answer that tells the client of the binding is to leave first.
    await Promise.resolve();
    const target = targetOf(session);
    const channel = this.#channels.get(connection);
    if (target === undefined || channel === undefined) return;
    // Nothing would end it.
    if (session.isDestroyed) return;
    const { replyTimeout, clock } = this.#policy;
    // The connection that was bound last tells more than those before it.
    this.#endProof(session);
    const proof = new AbortController();
    this.#proofs.set(session, proof);
    const isCurrent = () => this.#proofs.get(session) === proof;
    const cancel = clock.schedule(() => proof.abort(), replyTimeout);
    let isAnswered: boolean;
    try {
      isAnswered = await channel.probe(target, proof.signal);
    } catch (error) {
      // A connection that ends tells its sessions by itself: another one may be good.
      if (isCurrent() && this.#channels.has(connection)) {
        session.isPathProven = false;
      }
      if (isPeers(error)) return;
      throw error;
    } finally {
      cancel();
      if (isCurrent()) this.#proofs.delete(session);
    }
    if (session.isDestroyed || !session.hasBackConnection) return;
    session.isPathProven = isAnswered;
    if (isAnswered) this.#options.regained?.(session.client);
  }
}

/** Where the session's next callback goes; `undefined` when the client allows none. */
function targetOf(session: Session): CallbackTarget | undefined {
  const { callback, minorVersion } = session;
  // RFC 8881 20.2.3: callback_ident means nothing on a session.
  return callback && { ...callback, minorVersion, callbackIdent: 0 };
}
