import type { StatusCode } from "../nfs4/constants.ts";
import type { DirectionBits } from "../nfs4/sessions.ts";
import type { Client } from "./client.ts";
import type { Session } from "./session.ts";
import type { Connection } from "../rpc/handlers.ts";

/** Why a client is forgotten. */
export type ClientEnd =
  /** DESTROY_CLIENTID. */
  | "destroyed"
  /** Another incarnation, or another principal where nothing was held. */
  | "replaced"
  /** Its lease ran out, and another client wanted what it held, or it stayed away too long. */
  | "expired"
  /** The server was full. */
  | "evicted";

/**
 * Why a session is gone: with its client, by DESTROY_SESSION, evicted for a newer
 * one, or because its answers could not be kept over a restart.
 */
export type SessionEnd =
  | ClientEnd
  | "destroyed-session"
  | "evicted-session"
  | "lost-session";

/** Why a connection is no longer bound to a session: it or the session ended, or it made room for another. */
export type UnbindReason = "connection-closed" | "session-gone" | "gave-way";

/** Is told what becomes of clients: `src/recovery` and `src/metrics` listen. */
export interface ClientObserver {
  /** It may hold state from now on. */
  clientConfirmed?(client: Client): void;
  /** Global RECLAIM_COMPLETE (RFC 8881 18.51). */
  clientReclaimed?(client: Client): void;
  /** A delegation was taken from it (RFC 8881 8.4.3). */
  stateRevoked?(client: Client): void;
  /** NFSv4.0: SETCLIENTID_CONFIRM confirmed where its callbacks go, for the first time or anew. */
  callbackConfirmed?(client: Client): void;
  /** It was confirmed, and its state is gone. */
  clientGone?(client: Client, reason: ClientEnd): void;
}

/** Is told what becomes of sessions and their connections: `src/backchannel` and `src/metrics` listen. */
export interface SessionObserver {
  /** CREATE_SESSION made it, or it was taken over; no connection is bound yet. */
  sessionCreated?(session: Session): void;
  /** Its connections are unbound already, where there are many in pieces from now on. */
  sessionDestroyed?(session: Session, reason: SessionEnd): void;
  /** A connection was bound, or bound to another channel as well; `direction` is what it has now. */
  connectionBound?(
    session: Session,
    connection: Connection,
    direction: DirectionBits,
  ): void;
  /** Its client has done something about callbacks that fail; a connection may be bound or not. */
  backchannelMended?(session: Session): void;
  /** A connection is no longer bound; `direction` is what it had. */
  connectionUnbound?(
    session: Session,
    connection: Connection,
    end: { readonly direction: DirectionBits; readonly reason: UnbindReason },
  ): void;
  /** The last connection of the backchannel is gone, or callbacks fail. */
  backchannelLost?(session: Session): void;
  /** There is a connection for callbacks, for the first time or again. */
  backchannelRegained?(session: Session): void;
}

/** What SEQUENCE has counted since the start; read when metrics are collected. */
export interface SequenceCounts {
  /** SEQUENCE operations, failed ones included. */
  total: number;
  /** Answers from the reply cache. */
  replays: number;
  /** Failed ones by status. */
  readonly errors: Map<StatusCode, number>;
}
