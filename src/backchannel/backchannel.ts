import type { Client } from "../state/client.ts";
import type { RandomBytes } from "../state/clock.ts";
import type { SessionObserver } from "../state/observers.ts";
import type { ConnectionRef, Session } from "../state/session.ts";
import type { SessionTable } from "../state/sessions.ts";
import { Direction, type DirectionBits } from "../nfs4/sessions.ts";
import type { RpcConnection } from "../rpc/connection.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { CallbackChannel } from "./callback_channel.ts";
import type { CallbackRequest, SenderSession } from "./callback_request.ts";
import type { CallbackTarget } from "./callback_wire.ts";
import { BackchannelSender, type SenderOptions } from "./sender.ts";

const REPLY_TIMEOUT = 10_000;

/** What {@linkcode Backchannel} is made of. */
export interface BackchannelOptions {
  /** The sessions; it listens to them. */
  readonly sessions: SessionTable;
  /** Where the XIDs of a connection begin. */
  readonly random: RandomBytes;
  /** Times, limits and metrics of each sender. */
  readonly sender?: SenderOptions;
  /** Called when a client's callbacks have a way again, after none or a new one. */
  readonly regained?: (client: Client) => void;
}

/**
 * The back channels of all sessions of NFSv4.1 and 4.2: a sender for each, from
 * its first back-bound connection to its end, and a channel for each connection,
 * which sessions share.
 */
export class Backchannel implements SessionObserver {
  readonly #options: BackchannelOptions;
  readonly #senders = new Map<Session, BackchannelSender>();
  readonly #channels = new Map<ConnectionRef, CallbackChannel>();
  readonly #tasks = new Set<Promise<void>>();

  /** Replies that came late, twice or uncalled for. */
  unknownReplies = 0;

  constructor(options: BackchannelOptions) {
    this.#options = options;
    options.sessions.observe(this);
  }

  /** The sessions that have a sender, by whether callbacks can get through. */
  get paths(): { readonly up: number; readonly down: number } {
    let up = 0;
    for (const session of this.#senders.keys()) if (session.pathUp) up++;
    return { up, down: this.#senders.size - up };
  }

  /** Callbacks that wait for a slot, of all sessions. */
  get queueDepth(): number {
    let depth = 0;
    for (const sender of this.#senders.values()) depth += sender.queueDepth;
    return depth;
  }

  /** Hands a callback to the session's sender; false when it can take none. */
  enqueue(session: Session, request: CallbackRequest): boolean {
    return this.#senders.get(session)?.enqueue(request) ?? false;
  }

  /** A REPLY came on a connection. */
  reply(connection: ConnectionRef, xid: number, xdr: XdrReader): void {
    if (!this.#channels.get(connection)?.pending.deliver(xid, xdr)) {
      this.unknownReplies++;
    }
  }

  /** A connection is closed: who waits for a reply on it tries elsewhere. */
  connectionClosed(connection: ConnectionRef): void {
    const channel = this.#channels.get(connection);
    this.#channels.delete(connection);
    channel?.closed();
  }

  /** {@inheritDoc SessionObserver.connectionBound} */
  connectionBound(
    session: Session,
    connection: ConnectionRef,
    direction: DirectionBits,
  ): void {
    if (!(direction & Direction.BACK)) return;
    this.#channelOf(connection);
    const sender = this.#senders.get(session) ?? this.#start(session);
    sender.pathRegained();
    this.#prove(session, connection);
  }

  /** {@inheritDoc SessionObserver.sessionDestroyed} */
  sessionDestroyed(session: Session): void {
    const sender = this.#senders.get(session);
    if (sender === undefined) return;
    this.#senders.delete(session);
    this.#track(sender.stop());
  }

  /** Ends all senders; resolves when nothing is left. */
  async close(): Promise<void> {
    for (const session of [...this.#senders.keys()]) {
      this.sessionDestroyed(session);
    }
    for (const connection of [...this.#channels.keys()]) {
      this.connectionClosed(connection);
    }
    await Promise.all(this.#tasks);
  }

  #channelOf(connection: ConnectionRef): CallbackChannel {
    let channel = this.#channels.get(connection);
    if (channel === undefined) {
      const random = this.#options.random(4);
      const firstXid = new DataView(random.buffer).getUint32(0);
      channel = new CallbackChannel(connection as RpcConnection, firstXid);
      this.#channels.set(connection, channel);
    }
    return channel;
  }

  #start(session: Session): BackchannelSender {
    const { sessions } = this.#options;
    const path: SenderSession = {
      id: session.id,
      slots: session.back.maxRequests,
      target: () => targetOf(session),
      channels: () =>
        session.backConnections().map((each) => this.#channelOf(each)),
    };
    const sender = new BackchannelSender(path, {
      ...this.#options.sender,
      faulty: (fault) => sessions.setBackchannelFault(session, fault),
    });
    this.#senders.set(session, sender);
    return sender;
  }

  /** A CB_NULL that is answered proves the path: only then are delegations granted. */
  #prove(session: Session, connection: ConnectionRef): void {
    const target = targetOf(session);
    if (target === undefined) return;
    const { replyTimeout = REPLY_TIMEOUT } = this.#options.sender ?? {};
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), replyTimeout);
    const proved = this.#channelOf(connection).probe(target, timeout.signal)
      .then((answered) => {
        if (!answered || session.destroyed) return;
        session.pathProven = true;
        this.#options.regained?.(session.client);
      })
      // A connection that ended says so itself, to its sessions.
      .catch(() => {})
      .finally(() => clearTimeout(timer));
    this.#track(proved);
  }

  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    task.finally(() => this.#tasks.delete(task));
  }
}

/** To whom the session's next callback goes; `undefined` when the client allows none. */
function targetOf(session: Session): CallbackTarget | undefined {
  const { callback, minorVersion } = session;
  // RFC 8881 20.2.3: callback_ident means nothing on a session.
  return callback && { ...callback, minorVersion, callbackIdent: 0 };
}
