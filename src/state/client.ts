import { Status, type StatusCode } from "../nfs4/constants.ts";
import { ClientStates } from "./client_states.ts";
import type { Session } from "./session.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { Endpoint } from "../rpc/transport.ts";
import type { StateAccount } from "./state_budget.ts";

/** Where a client of NFSv4.0 takes callbacks (RFC 7530 16.33). */
export interface CallbackLocation {
  /** RPC program of callbacks. */
  readonly program: number;
  /** Transport of the address: "tcp", "tcp6". */
  readonly netid: string;
  /** Universal address, as the client wrote it. */
  readonly address: string;
  /** What callbacks echo as callback_ident. */
  readonly ident: number;
  /** Address that the client itself came from. */
  readonly peer: string;
  /** Where it reached the server, which calls no client there. */
  readonly local: Endpoint;
}

/** What SETCLIENTID left to be confirmed, or was confirmed, of NFSv4.0. */
export interface Registration40 {
  /** setclientid_confirm, 8 bytes. */
  readonly confirm: Uint8Array;
  /** Where callbacks go. */
  readonly callback: CallbackLocation;
}

/** CREATE_SESSION's own reply cache of one slot (RFC 8881 18.36.4). */
export interface CreateSessionSlot {
  /** csa_sequence of the last request. */
  sequence: number;
  /** The nfsstat4 that it was answered. */
  status: StatusCode;
  /** CREATE_SESSION4resok of a success, which begins with the id of the session. */
  result: Uint8Array | undefined;
}

/** A client as the server knows it, of NFSv4.0 (SETCLIENTID) or later (EXCHANGE_ID). */
export class Client {
  /** clientid4. */
  readonly id: bigint;
  /** 0, or 1 for NFSv4.1 and 4.2: fixed by how it registered. */
  readonly protocol: 0 | 1;
  /** nfs_client_id4.id or co_ownerid. */
  readonly owner: Uint8Array;
  /** Verifier of the client's incarnation, 8 bytes. */
  readonly verifier: Uint8Array;
  /** Key of the principal that registered it (see principal.ts). */
  readonly principal: string;
  /** Of whom it is, among whom memory is shared out (`partyOf`). */
  readonly party: string;
  /** What it holds counts there. */
  readonly account: StateAccount;
  /** Whether SETCLIENTID_CONFIRM or CREATE_SESSION has come. */
  isConfirmed = false;
  /** Whether the server has forgotten it: expired, replaced or destroyed. */
  isGone = false;
  /** Clock time in milliseconds of the last renewal of its lease; while unconfirmed, of its registration. */
  renewedAt: number;
  /** Its requests that are being carried out and have to wait: its lease waits for them. */
  requestsUnderWay = 0;
  /** Whether it sent RECLAIM_COMPLETE for all file systems. */
  isReclaimComplete = false;
  /** Whether it has had a persistent session: its clientid survives a restart of the server (NFSv4.1). */
  isPersistent = false;
  /** Clock time in milliseconds at which it made its last session (NFSv4.1). */
  sessionMadeAt = -Infinity;
  /** Its sessions (NFSv4.1). */
  readonly sessions = new Set<Session>();
  /** Its opens, locks and delegations. */
  readonly states = new ClientStates();
  /** CREATE_SESSION's reply cache (NFSv4.1). */
  readonly createSession: CreateSessionSlot = {
    // RFC 8881 18.36.4: eir_sequenceid - 1, with a contrived answer.
    sequence: 0,
    status: Status.SEQ_MISORDERED,
    result: undefined,
  };
  /** The callback that it registered (NFSv4.0). */
  registration: Registration40 | undefined;
  /** A new callback that SETCLIENTID_CONFIRM has not confirmed yet (NFSv4.0), and since when. */
  update: (Registration40 & { readonly since: number }) | undefined;
  #connection: WeakRef<Connection> | undefined;
  /** The callback address did not answer; RENEW says so while it holds delegations (NFSv4.0). */
  isCallbackPathDown = false;
  /** Clock time of the first RENEW since then that said so (NFSv4.0). */
  toldPathDownAt: number | undefined;
  /** Clock time of the last RENEW that did not (NFSv4.0). */
  renewedUnawareAt = -Infinity;
  /**
   * SEQ4_STATUS_* about its state (RFC 8881 18.46.3): revoked state, reclaim
   * needed. Its backchannels have their own, see `Session.statusFlags`.
   */
  statusFlags = 0;

  constructor(
    options: Pick<
      Client,
      | "id"
      | "protocol"
      | "owner"
      | "verifier"
      | "principal"
      | "party"
      | "account"
      | "renewedAt"
    >,
  ) {
    this.id = options.id;
    this.protocol = options.protocol;
    this.owner = options.owner;
    this.verifier = options.verifier;
    this.principal = options.principal;
    this.party = options.party;
    this.account = options.account;
    this.renewedAt = options.renewedAt;
  }

  /** Whether its callback address answers, as far as is known (NFSv4.0). */
  noteCallbackPath(isUp: boolean): void {
    this.isCallbackPathDown = !isUp;
    if (isUp) this.toldPathDownAt = undefined;
  }

  /** The connection on which it named itself last (NFSv4.0): not kept when it is closed, with its buffers. */
  get connection(): Connection | undefined {
    return this.#connection?.deref();
  }

  /** Notes a request on a connection by which it names itself. */
  cameOn(connection: Connection): void {
    if (this.connection === connection) return;
    this.#connection = new WeakRef(connection);
  }

  /**
   * Whether it has anything to lose: sessions count (RFC 8881 2.4.2), so that
   * no stranger can take its place.
   */
  get hasState(): boolean {
    return this.sessions.size > 0 || !this.states.isEmpty;
  }
}
