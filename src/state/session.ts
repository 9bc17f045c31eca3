import type { CallCredential } from "../rpc/call_credential.ts";
import type { MinorVersion } from "../nfs4/constants.ts";
import {
  type ChannelAttributes,
  Direction,
  type DirectionBits,
  SequenceFlag,
} from "../nfs4/sessions.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { Client } from "./client.ts";
import type { SlotTable } from "./slot_table.ts";

/** How callbacks of a session are called and signed: one value, replaced as a whole (RFC 8881 18.33). */
export interface CallbackPath {
  /** RPC program (csa_cb_program, bca_cb_program). */
  readonly program: number;
  /** Credential of each CB_COMPOUND. */
  readonly credential: CallCredential;
}

/** A connection's part in a session. */
export interface Binding {
  /** The channels that it carries: fore, back or both. */
  readonly direction: DirectionBits;
  /** Grows with each request on the connection: the one with the highest was active last. */
  activity: number;
}

/** A session of NFSv4.1 or 4.2 (RFC 8881 2.10). */
export class Session {
  /** sessionid4: 16 random bytes. */
  readonly id: Uint8Array;
  /** Whose it is. */
  readonly client: Client;
  /** Minor version of its CREATE_SESSION, which its callbacks carry. */
  readonly minorVersion: MinorVersion;
  /** What was granted of the fore channel. */
  readonly fore: ChannelAttributes;
  /** What was granted of the backchannel. */
  readonly back: ChannelAttributes;
  /** Slots of the fore channel. */
  readonly slots: SlotTable;
  /** Bound connections (RFC 8881 2.10.3.1). */
  readonly connections = new Map<Connection, Binding>();
  /** Whether it was taken over from an earlier start of the server. */
  readonly isRestored: boolean;
  /** Clock time in milliseconds of its creation. */
  readonly createdAt: number;
  /** Clock time in milliseconds of the last SEQUENCE. */
  usedAt: number;
  /** How callbacks are sent; undefined when the client allows no way that the server knows. */
  callback: CallbackPath | undefined;
  /** Channels that the connection of CREATE_SESSION was bound to. */
  boundAtCreation: DirectionBits = Direction.FORE;
  /** Whether a connection was ever bound to its backchannel: it has one, live or down. */
  hasBackchannel = false;
  /** Whether callbacks are trusted to arrive: from the binding of a connection on, until CB_NULL or a callback is left without an answer. */
  isPathProven = false;
  /** Callbacks fail although there is a connection (SEQ4_STATUS_BACKCHANNEL_FAULT). */
  hasBackchannelFault = false;
  /** Whether observers were last told that its backchannel works. For `SessionTable`. */
  isReportedUp = false;
  /** SEQ4_STATUS_* about its backchannel and its client's (RFC 8881 18.46.3). */
  statusFlags = 0;
  /** Whether it is gone. */
  isDestroyed = false;
  /** Connections of its backchannel. */
  #backConnections = 0;
  #activity = 0;
  #last: Connection | undefined;
  #lastBinding: Binding | undefined;

  constructor(
    options:
      & Pick<
        Session,
        | "id"
        | "client"
        | "minorVersion"
        | "fore"
        | "back"
        | "slots"
        | "createdAt"
        | "callback"
      >
      & { readonly isRestored?: boolean },
  ) {
    this.id = options.id;
    this.client = options.client;
    this.minorVersion = options.minorVersion;
    this.fore = options.fore;
    this.back = options.back;
    this.slots = options.slots;
    this.createdAt = options.createdAt;
    this.usedAt = options.createdAt;
    this.callback = options.callback;
    this.isRestored = options.isRestored ?? false;
  }

  /** Whether it survives a restart of the server (RFC 8881 2.10.6.5). */
  get isPersistent(): boolean {
    return this.slots.store !== undefined;
  }

  /** Whether a connection can be bound to its backchannel: the client's offer takes callbacks. */
  get canCallBack(): boolean {
    return this.callback !== undefined && this.back.maxRequests > 0;
  }

  /** Whether callbacks have a way to the client that is not known to be broken. */
  get isPathUp(): boolean {
    return !this.hasBackchannelFault && this.hasBackConnection;
  }

  /** Whether a connection is bound to its backchannel. */
  get hasBackConnection(): boolean {
    return this.#backConnections > 0;
  }

  /**
   * Connections of the backchannel, the one with the latest request first: it
   * is the most likely to be alive.
   */
  backConnections(): Connection[] {
    return [...this.connections]
      .filter(([, { direction }]) => direction & Direction.BACK)
      .sort(([, a], [, b]) => b.activity - a.activity)
      .map(([connection]) => connection);
  }

  /**
   * The connection that is missed least when it is no longer bound: the longest
   * without a request, of those that carry no callbacks where there is one. The
   * next SEQUENCE on it binds it again.
   */
  leastMissed(): Connection | undefined {
    let least: Connection | undefined;
    let lowest: Binding | undefined;
    for (const [connection, binding] of this.connections) {
      if (lowest !== undefined && !isMissedLess(binding, lowest)) continue;
      least = connection;
      lowest = binding;
    }
    return least;
  }

  /** Notes a request on `connection`; false when it is not bound. */
  touch(connection: Connection): boolean {
    if (this.#last !== connection) {
      const binding = this.connections.get(connection);
      if (binding === undefined) return false;
      this.#last = connection;
      this.#lastBinding = binding;
    }
    this.#lastBinding!.activity = ++this.#activity;
    return true;
  }

  /** Binds a connection to these channels. For `SessionTable`. */
  attach(connection: Connection, direction: DirectionBits): void {
    this.detach(connection);
    const activity = ++this.#activity;
    this.connections.set(connection, { direction, activity });
    if (direction & Direction.BACK) this.#backConnections++;
  }

  /** Forgets a connection; the binding that it had. For `SessionTable`. */
  detach(connection: Connection): Binding | undefined {
    const binding = this.connections.get(connection);
    if (binding === undefined) return undefined;
    this.connections.delete(connection);
    if (binding.direction & Direction.BACK) this.#backConnections--;
    if (this.#last === connection) this.#last = this.#lastBinding = undefined;
    return binding;
  }

  /** Recomputes {@linkcode Session.statusFlags}. For `SessionTable`. */
  refreshStatus(clientPathDown: boolean): void {
    let flags = clientPathDown ? SequenceFlag.CB_PATH_DOWN : 0;
    if (this.hasBackchannel && !this.hasBackConnection) {
      flags |= SequenceFlag.CB_PATH_DOWN_SESSION;
    }
    if (this.hasBackchannelFault) flags |= SequenceFlag.BACKCHANNEL_FAULT;
    this.statusFlags = flags;
  }
}

/** Whether `a` is the first to end: one without a connection, then the longest unused. */
export function goesBefore(a: Session, b: Session): boolean {
  const [aBound, bBound] = [a.connections.size > 0, b.connections.size > 0];
  return aBound === bBound ? a.usedAt < b.usedAt : !aBound;
}

function isMissedLess(a: Binding, b: Binding): boolean {
  const [aCarries, bCarries] = [
    a.direction & Direction.BACK,
    b.direction & Direction.BACK,
  ];
  return aCarries === bCarries ? a.activity < b.activity : aCarries < bCarries;
}
