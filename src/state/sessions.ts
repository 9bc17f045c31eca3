import { drawFree } from "../base/draw.ts";
import { SESSIONID_SIZE, Status, type StatusCode } from "../nfs4/constants.ts";
import {
  type ChannelAttributes,
  Direction,
  type DirectionBits,
} from "../nfs4/sessions.ts";
import type { Client } from "./client.ts";
import type { Clock, RandomBytes } from "../base/clock.ts";
import { type EffectQueue, finish, type Piecework } from "./effects.ts";
import type {
  SequenceCounts,
  SessionEnd,
  SessionObserver,
  UnbindReason,
} from "./observers.ts";
import { goesBefore, Session } from "./session.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { SessionStore, SlotStore } from "./session_store.ts";
import { SlotTable, type SlotUsage } from "./slot_table.ts";

/** Options of {@linkcode SessionTable}. */
export interface SessionTableOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Sessions of a client. */
  readonly maxSessionsPerClient: number;
  /** Connections that are bound to a session. */
  readonly maxConnectionsPerSession: number;
  /** Does what is too much for one turn. */
  readonly effects: EffectQueue;
  /** Keeps persistent sessions; there are none if left out. */
  readonly store?: SessionStore | undefined;
}

/** What a session is made of. */
type SessionTerms = Pick<
  Session,
  "minorVersion" | "fore" | "back" | "callback"
>;

/** Connections of a session that are unbound with its end; where there are more, they are in pieces. */
const UNBOUND_AT_ONCE = 64;
/** Connections that a session may have whatever memory there is: one that is broken, and the one in its place. */
const ALWAYS_BOUND = 2;

/** Leaves keys that are small integers, which a Map finds fastest. */
const KEY_MASK = 0x3fff_ffff;

/**
 * All sessions, by id, and the connections bound to them. An id is 128 random
 * bits; 30 of them are the table's key, which no two sessions share.
 */
export class SessionTable {
  /** What SEQUENCE counts. */
  readonly counts: SequenceCounts = {
    total: 0,
    replays: 0,
    errors: new Map(),
  };
  /** Slots and bytes in use. */
  readonly usage: SlotUsage = { slotsInUse: 0, replayCacheBytes: 0 };
  readonly #options: SessionTableOptions;
  readonly #sessions = new Map<number, Session>();
  readonly #byConnection = new Map<Connection, Set<Session>>();
  readonly #observers: SessionObserver[] = [];

  constructor(options: SessionTableOptions) {
    this.#options = options;
  }

  /** Number of sessions. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The sessions of all clients. */
  [Symbol.iterator](): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** Tells `observer` from now on. */
  observe(observer: SessionObserver): void {
    this.#observers.push(observer);
  }

  /** The session whose id is the 16 bytes at `offset`. Makes no object. */
  find(bytes: Uint8Array, offset = 0): Session | undefined {
    const session = this.#sessions.get(keyOf(bytes, offset));
    if (session === undefined) return undefined;
    const { id } = session;
    for (let i = 0; i < SESSIONID_SIZE; i++) {
      if (bytes[offset + i] !== id[i]) return undefined;
    }
    return session;
  }

  /**
   * Makes a session. At the client's limit its longest idle session goes,
   * those without a connection first; NFS4ERR_NOSPC when all are at work, and
   * NFS4ERR_DELAY where its party has all the memory that it may.
   */
  create(
    client: Client,
    options: SessionTerms & { readonly persist?: boolean },
  ): Session | StatusCode {
    if (!this.#makeRoom(client)) return Status.NOSPC;
    if (!client.account.admits()) return Status.DELAY;
    const id = this.#newId();
    const { store } = this.#options;
    const slotStore = options.persist ? store?.slotStore(id) : undefined;
    client.sessionMadeAt = this.#options.clock.now();
    return this.#add({
      ...options,
      id,
      client,
      slots: this.#slotsOf(client, options.fore, { store: slotStore }),
      createdAt: client.sessionMadeAt,
    });
  }

  /** A session of an earlier start of the server goes on, without any connection. */
  restore(
    client: Client,
    options:
      & SessionTerms
      & Pick<Session, "id" | "boundAtCreation" | "hasBackchannel">,
  ): Session {
    const { id, fore } = options;
    const store = this.#options.store?.slotStore(id);
    const isRestored = true;
    const session = this.#add({
      ...options,
      client,
      slots: this.#slotsOf(client, fore, { store, isRestored }),
      createdAt: this.#options.clock.now(),
      isRestored,
    });
    session.boundAtCreation = options.boundAtCreation;
    if (options.hasBackchannel) this.#beginBackchannel(session);
    this.#refresh(client);
    return session;
  }

  /** Ends a session: its replies are forgotten, its connections unbound (RFC 8881 18.37.3). */
  destroy(session: Session, reason: SessionEnd): void {
    if (session.isDestroyed) return;
    session.isDestroyed = true;
    session.slots.release();
    session.client.account.count("session", -1);
    if (session.hasBackchannel) session.client.account.count("backchannel", -1);
    this.#sessions.delete(keyOf(session.id, 0));
    session.client.sessions.delete(session);
    const hasMany = session.connections.size > UNBOUND_AT_ONCE;
    if (!hasMany) finish(this.#unbindAll(session));
    this.#refresh(session.client);
    for (const observer of this.#observers) {
      observer.sessionDestroyed?.(session, reason);
    }
    if (hasMany) this.#options.effects.begin(this.#unbindAll(session));
  }

  *#unbindAll(session: Session): Piecework {
    for (const connection of session.connections.keys()) {
      this.#unbind(session, connection, "session-gone");
      yield 1;
    }
  }

  /**
   * Ends sessions of an earlier start that their client has not used since it
   * made another one, nor since `time`. Linux leaves them like that: it waits for
   * its last answers, and takes them for lost with the server.
   */
  dropAbandoned(client: Client, time = Infinity): void {
    for (const session of [...client.sessions]) {
      const { isRestored, usedAt, slots } = session;
      if (!isRestored || slots.busy > 0) continue;
      if (usedAt > client.sessionMadeAt || usedAt > time) continue;
      this.destroy(session, "evicted-session");
    }
  }

  /**
   * Binds `connection` to the channels of `direction`, besides those that it has;
   * not one that is closed. Where the session has as many as it may, or there is no
   * memory for more, the one that is missed least makes room.
   */
  bind(
    session: Session,
    connection: Connection,
    direction: DirectionBits,
  ): void {
    // What binds it has waited for something, and the connection's end is past:
    // nothing would unbind it again.
    if (connection.closeReason !== undefined) {
      if (direction & Direction.BACK) this.#beginBackchannel(session);
      return this.#refresh(session.client);
    }
    const before = session.connections.get(connection)?.direction ?? 0;
    const after = (before | direction) as DirectionBits;
    if (after === before) {
      if (direction & Direction.BACK) this.backchannelMended(session);
      return;
    }
    if (before === 0) {
      this.#makeRoomToBind(session);
      session.client.account.count("binding", 1);
    }
    this.#attach(session, connection, after);
    if (after & Direction.BACK) this.#beginBackchannel(session);
    // A new way for callbacks: what failed on the old one is no longer true.
    if (direction & Direction.BACK) session.hasBackchannelFault = false;
    for (const observer of this.#observers) {
      observer.connectionBound?.(session, connection, after);
    }
    this.#refresh(session.client);
  }

  /**
   * The client has done something about callbacks that fail: has named another
   * program or credential for them, or bound once more what is bound. What failed
   * before is no longer true. Does nothing where they don't fail.
   */
  backchannelMended(session: Session): void {
    if (session.isPathUp && session.isPathProven) return;
    session.hasBackchannelFault = false;
    for (const observer of this.#observers) {
      observer.backchannelMended?.(session);
    }
    this.#refresh(session.client);
  }

  /** The connection is closed: it is bound to nothing any more (RFC 8881 2.10.3.1). */
  *connectionClosed(connection: Connection): Piecework {
    for (const session of this.#byConnection.get(connection) ?? []) {
      this.#unbind(session, connection, "connection-closed");
      this.#refresh(session.client);
      yield 1;
    }
  }

  /** Callbacks of the session fail (SEQ4_STATUS_BACKCHANNEL_FAULT), or work again. */
  setBackchannelFault(session: Session, fault: boolean): void {
    if (session.isDestroyed || session.hasBackchannelFault === fault) return;
    session.hasBackchannelFault = fault;
    this.#refresh(session.client);
  }

  #makeRoom(client: Client): boolean {
    if (client.sessions.size < this.#options.maxSessionsPerClient) return true;
    let oldest: Session | undefined;
    for (const session of client.sessions) {
      if (session.slots.busy > 0) continue;
      if (oldest === undefined || goesBefore(session, oldest)) oldest = session;
    }
    if (oldest === undefined) return false;
    this.destroy(oldest, "evicted-session");
    return true;
  }

  #slotsOf(
    { account }: Client,
    { maxRequests }: ChannelAttributes,
    origin: {
      readonly store?: SlotStore | undefined;
      readonly isRestored?: boolean;
    },
  ): SlotTable {
    return new SlotTable(maxRequests, this.usage, { ...origin, account });
  }

  #add(options: ConstructorParameters<typeof Session>[0]): Session {
    const session = new Session(options);
    this.#sessions.set(keyOf(session.id, 0), session);
    session.client.sessions.add(session);
    session.client.account.count("session", 1);
    for (const observer of this.#observers) observer.sessionCreated?.(session);
    return session;
  }

  #newId(): Uint8Array {
    const draw = () => this.#options.random(SESSIONID_SIZE);
    return drawFree(draw, (id) => !this.#sessions.has(keyOf(id, 0)));
  }

  #beginBackchannel(session: Session): void {
    if (session.hasBackchannel) return;
    session.hasBackchannel = true;
    session.client.account.count("backchannel", 1);
  }

  #makeRoomToBind(session: Session): void {
    const { size } = session.connections;
    const hasRoom = size < this.#options.maxConnectionsPerSession &&
      (size < ALWAYS_BOUND || session.client.account.admits());
    if (!hasRoom) this.#unbind(session, session.leastMissed()!, "gave-way");
  }

  #attach(
    session: Session,
    connection: Connection,
    direction: DirectionBits,
  ): void {
    session.attach(connection, direction);
    const sessions = this.#byConnection.get(connection);
    if (sessions !== undefined) sessions.add(session);
    else this.#byConnection.set(connection, new Set([session]));
  }

  #unbind(
    session: Session,
    connection: Connection,
    reason: UnbindReason,
  ): void {
    const binding = session.detach(connection);
    if (binding === undefined) return;
    session.client.account.count("binding", -1);
    const sessions = this.#byConnection.get(connection);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byConnection.delete(connection);
    const { direction } = binding;
    for (const observer of this.#observers) {
      observer.connectionUnbound?.(session, connection, { direction, reason });
    }
  }

  /**
   * What SEQUENCE says about the backchannels of a client (RFC 8881 18.46.3),
   * and which client must know.
   */
  #refresh(client: Client): void {
    let wanted = false;
    let up = false;
    for (const session of client.sessions) {
      wanted ||= session.hasBackchannel;
      up ||= session.isPathUp;
    }
    for (const session of client.sessions) {
      session.refreshStatus(wanted && !up);
      this.#report(session);
    }
  }

  #report(session: Session): void {
    const up = session.isPathUp;
    if (session.isReportedUp === up) return;
    session.isReportedUp = up;
    for (const observer of this.#observers) {
      if (up) observer.backchannelRegained?.(session);
      else observer.backchannelLost?.(session);
    }
  }
}

function keyOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!) & KEY_MASK;
}
