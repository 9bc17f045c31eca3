import { OWN } from "../base/asker.ts";
import type { Logger } from "../base/log.ts";
import type { CallTurns } from "../rpc/call_turns.ts";
import type { Connection } from "../rpc/handlers.ts";
import type { RandomBytes } from "../base/clock.ts";
import type { Client } from "../state/client.ts";
import type { ServerState } from "../state/server_state.ts";
import type { FileRef } from "../vfs/file_handle.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { Backchannel } from "../backchannel/backchannel.ts";
import { type AllowCallbackAddress, DialOut } from "../backchannel/dial_out.ts";
import { LockNotifications } from "../delegations/lock_notifications.ts";
import { ofLease } from "../backchannel/retry_policy.ts";
import { OffloadReports } from "../delegations/offload_reports.ts";
import { SlotRecalls } from "../delegations/slot_recalls.ts";
import {
  DelegationKeeper,
  type DelegationKeeperOptions,
  type DelegationObserver,
  RETRY_AFTER,
} from "../delegations/delegation_keeper.ts";
import { CallbackRouter } from "../backchannel/router.ts";
import type { SenderOptions } from "../backchannel/sender.ts";

/** What {@linkcode Callbacks} are made of. */
export interface CallbacksOptions {
  /** All state; it gets its delegation policy and its lock notifier here. */
  readonly state: ServerState;
  /** For the first XID of the callbacks on a connection. */
  readonly random: RandomBytes;
  /** For what an operator should know. */
  readonly log: Logger;
  /** Whether delegations are granted. */
  readonly delegations: boolean;
  /** Shares out what clients send over connections that are dialled too. */
  readonly callTurns?: CallTurns | undefined;
  /** Which addresses of NFSv4.0 clients are dialled; their own if left out. */
  readonly allowCallbackAddress?: AllowCallbackAddress | undefined;
  /** Attempts, times and the observer of callbacks. */
  readonly sender?: Omit<SenderOptions, "clock" | "leaseMs" | "log">;
  /** Times of delegations. */
  readonly keeper?: Omit<
    DelegationKeeperOptions,
    "state" | "router" | "observer" | "log"
  >;
  /** Is told of delegations. */
  readonly observer?: DelegationObserver | undefined;
}

/** All that the server says to clients by itself: the one thing that the rest of the server knows of it. */
export class Callbacks {
  /** Back channels of sessions. */
  readonly backchannel: Backchannel;
  /** Callbacks of NFSv4.0. */
  readonly dialOut: DialOut;
  /** Either of them, as a client registered. */
  readonly router: CallbackRouter;
  /** The delegation policy, which grants and recalls. */
  readonly keeper: DelegationKeeper;
  /** Tells of the ends of copies. */
  readonly #offloads: OffloadReports;
  readonly #state: ServerState;

  constructor(options: CallbacksOptions) {
    const { state, random, log } = options;
    const { clock, sessions, lease: { leaseMs } } = state;
    const sender = { ...options.sender, clock, leaseMs, log };
    const regained = (client: Client) => this.#regained(client);
    this.#state = state;
    this.backchannel = new Backchannel({ sessions, random, sender, regained });
    const { allowCallbackAddress: allow, callTurns } = options;
    this.dialOut = new DialOut({
      ...sender,
      random,
      allow,
      callTurns,
      isExpired: (client) => state.lease.isExpired(client),
      regained,
    });
    this.router = new CallbackRouter(this);
    const { keeper, observer } = options;
    this.keeper = new DelegationKeeper({
      ...keeper,
      state,
      router: this.router,
      observer,
      log,
    });
    state.waiting.notifier = new LockNotifications(this.router);
    state.replyLimit.recaller = new SlotRecalls(this.router);
    const retryAfter = ofLease(RETRY_AFTER, leaseMs);
    const { router } = this;
    this.#offloads = new OffloadReports({ router, clock, log, retryAfter });
    state.copies.notifier = this.#offloads;
    if (!options.delegations) return;
    state.observeClients(this.dialOut);
    state.files.policy = this.keeper;
  }

  /** A REPLY came on a connection of a client's. */
  reply(connection: Connection, xid: number, xdr: XdrReader): void {
    this.backchannel.reply(connection, xid, xdr);
  }

  /** A connection is closed, and bound to no session any more. */
  connectionClosed(connection: Connection): void {
    this.backchannel.connectionClosed(connection);
  }

  /** Resolves when no client has a delegation of the file, which takes the lease time at most. */
  recallFile(file: FileRef): Promise<void> {
    return this.keeper.recallFile(file);
  }

  /** Ends waits that have run out; called every second. */
  sweep(): void {
    this.keeper.sweep();
    this.#state.files.effects.begin(this.#offloads.sweep(), OWN.party);
    this.dialOut.sweep();
  }

  /** Gives up every callback, and resolves when none is under way. */
  async close(): Promise<void> {
    this.keeper.close();
    this.#offloads.close();
    await Promise.all([this.backchannel.close(), this.dialOut.close()]);
  }

  /** A client's callbacks have a way again. */
  #regained(client: Client): void {
    this.keeper.regained(client);
    const lost = this.#offloads.pathRegained(client);
    if (lost !== undefined) this.#state.files.effects.begin(lost);
  }

  /** Replies that no callback waited for: late ones and second ones. */
  get unknownReplies(): number {
    return this.backchannel.unknownReplies + this.dialOut.unknownReplies;
  }

  /** Callbacks that wait for a slot. */
  get queueDepth(): number {
    return this.backchannel.queueDepth;
  }

  /** Sessions with a back channel, by whether callbacks get through. */
  get paths(): { readonly up: number; readonly down: number } {
    return this.backchannel.paths;
  }
}
