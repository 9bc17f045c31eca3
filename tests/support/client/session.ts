/** A session in the client's hands: slots, sequence ids, retries (RFC 8881 2.10.6). */

import type { CallbackSession } from "./callback_session.ts";
import { type CompoundReply, ProtocolViolation } from "./compound.ts";
import type { ClientConnection } from "./connection.ts";
import { sameBytes } from "./names.ts";
import { op } from "./op.ts";
import { type OpenedFile, type OpenFileOptions, openRequests } from "./open.ts";
import type { CallbackSecurity, ChannelAttributes } from "./ops_session.ts";
import type { Component, Request } from "./request.ts";
import type { OkResult } from "./results.ts";
import type { CompoundOptions, Expectation } from "./sender.ts";
import type { SessionClient } from "./session_client.ts";

/** How a COMPOUND goes through the session. */
export interface SessionCompoundOptions extends CompoundOptions {
  /** A slot of the test's choice; any free one by default. */
  readonly slotid?: number;
  /** sa_sequenceid; the next of the slot by default. */
  readonly sequenceid?: number;
  readonly highestSlotid?: number;
  /** sa_cachethis; asked for unless told otherwise. */
  readonly cacheThis?: boolean;
  readonly connection?: ClientConnection;
}

/** What a session is made of. */
interface SessionParts {
  readonly created: OkResult<"CREATE_SESSION">;
  readonly connection: ClientConnection;
  readonly callback: CallbackSession;
}

/** A COMPOUND that holds slot and sequence id, to be sent once or again. */
export interface PreparedCompound {
  readonly slotid: number;
  readonly sequenceid: number;
  /** Sends it under a new XID, on another connection if one is named. */
  send(connection?: ClientConnection): Promise<CompoundReply>;
}

/** A session. Cutting it off is disposing of it; `destroy` says DESTROY_SESSION. */
export class Session implements AsyncDisposable {
  readonly client: SessionClient;
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly flags: number;
  /** Channels as the server granted them. */
  readonly fore: ChannelAttributes;
  readonly back: ChannelAttributes;
  /** The back channel's end. */
  readonly callback: CallbackSession;
  /** The connection that is used where none is named. */
  connection: ClientConnection;
  /** sr_status_flags of the last SEQUENCE. */
  statusFlags = 0;
  /** sr_target_highest_slotid of the last SEQUENCE. */
  targetHighestSlotid: number;
  /** Sequence id that the slot was last used with. */
  readonly sequenceids: number[];
  readonly #free: number[];
  readonly #waiters: ((slotid: number) => void)[] = [];
  readonly #outstanding = new Set<string>();

  constructor(client: SessionClient, parts: SessionParts) {
    const { created } = parts;
    this.client = client;
    this.id = created.sessionid;
    this.flags = created.flags;
    this.fore = created.fore;
    this.back = created.back;
    this.callback = parts.callback;
    this.connection = parts.connection;
    const slots = created.fore.maxrequests;
    this.sequenceids = new Array<number>(slots).fill(0);
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.targetHighestSlotid = slots - 1;
  }

  /** Sends operations behind a SEQUENCE and checks how they end. */
  async compound(
    ops: readonly Request[],
    options: SessionCompoundOptions = {},
  ): Promise<CompoundReply> {
    if (options.slotid !== undefined) {
      return this.prepare(ops, { ...options, slotid: options.slotid }).send();
    }
    const slotid = this.#free.pop() ??
      await new Promise<number>((take) => this.#waiters.push(take));
    const prepared = this.prepare(ops, { ...options, slotid });
    try {
      return await prepared.send();
    } finally {
      // Unanswered, its sequence id is uncertain: nobody else gets the slot.
      if (!this.isOutstanding(slotid, prepared.sequenceid)) {
        const waiter = this.#waiters.shift();
        if (waiter) waiter(slotid);
        else this.#free.push(slotid);
      }
    }
  }

  /** As `compound`, for a status that is not NFS4_OK. */
  expectStatus(
    expect: Expectation,
    ops: readonly Request[],
    options: SessionCompoundOptions = {},
  ): Promise<CompoundReply> {
    return this.compound(ops, { ...options, expect });
  }

  /** Fixes slot and sequence id; sending it again is a retry. */
  prepare(
    ops: readonly Request[],
    options: SessionCompoundOptions & { readonly slotid: number },
  ): PreparedCompound {
    const { slotid } = options;
    const sequenceid = options.sequenceid ??
      ((this.sequenceids[slotid] ?? 0) + 1) >>> 0;
    const sequence = op.sequence({
      sessionid: this.id,
      sequenceid,
      slotid,
      highestSlotid: options.highestSlotid ??
        Math.max(slotid, this.sequenceids.length - 1),
      cacheThis: options.cacheThis ?? true,
    });
    const all: readonly Request[] = [sequence, ...ops];
    const key = slotKey(slotid, sequenceid);
    const learn = (reply: CompoundReply) => {
      this.#outstanding.delete(key);
      this.#learn(reply, { ops: all, slotid, sequenceid });
    };
    return {
      slotid,
      sequenceid,
      send: (connection = options.connection ?? this.connection) => {
        this.#outstanding.add(key);
        return this.client.compound(all, { ...options, connection, learn });
      },
    };
  }

  /** Whether a request was sent and has no answer yet. */
  isOutstanding(slotid: number, sequenceid: number): boolean {
    return this.#outstanding.has(slotKey(slotid, sequenceid));
  }

  /** BIND_CONN_TO_SESSION; callbacks on the connection are expected if it says so. */
  async bind(
    connection: ClientConnection,
    direction: number,
    options: CompoundOptions = {},
  ): Promise<OkResult<"BIND_CONN_TO_SESSION">> {
    const learn = (reply: CompoundReply) => {
      if (!reply.has("BIND_CONN_TO_SESSION")) return;
      const bound = reply.get("BIND_CONN_TO_SESSION");
      if (bound.direction & 2) this.callback.connections.add(connection);
      else this.callback.connections.delete(connection);
    };
    const reply = await this.client.compound(
      [op.bindConnToSession(this.id, direction)],
      { ...options, connection, learn },
    );
    return reply.get("BIND_CONN_TO_SESSION");
  }

  /** BACKCHANNEL_CTL; callbacks are held to the new values from its answer on. */
  async backchannelCtl(
    program: number,
    security: readonly CallbackSecurity[],
    options: SessionCompoundOptions = {},
  ): Promise<CompoundReply> {
    const reply = await this.compound(
      [op.backchannelCtl(program, security)],
      options,
    );
    if (reply.has("BACKCHANNEL_CTL")) {
      this.callback.program = program;
      this.callback.security = security;
    }
    return reply;
  }

  /** Opens a file by its path from the root. */
  async open(
    path: readonly Component[],
    options: OpenFileOptions & SessionCompoundOptions = {},
  ): Promise<OpenedFile> {
    const reply = await this.compound(
      openRequests(path, { ...options, clientid: this.client.clientid }),
      options,
    );
    return { ...reply.get("OPEN"), ...reply.get("GETFH") };
  }

  /** DESTROY_SESSION, outside of the session. */
  async destroy(options: CompoundOptions = {}): Promise<CompoundReply> {
    const reply = await this.client.compound(
      [op.destroySession(this.id)],
      { connection: this.connection, ...options },
    );
    if (reply.has("DESTROY_SESSION")) {
      this.client.callbacks.removeSession(this.id);
    }
    return reply;
  }

  /** Cuts the client's connections. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.client[Symbol.asyncDispose]();
  }

  #learn(
    reply: CompoundReply,
    request: {
      readonly ops: readonly Request[];
      readonly slotid: number;
      readonly sequenceid: number;
    },
  ): void {
    const { ops, slotid, sequenceid } = request;
    // RFC 8881 18.46.3: a SEQUENCE that fails leaves the slot as it was.
    if (!reply.has("SEQUENCE")) return;
    const result = reply.get("SEQUENCE");
    if (
      !sameBytes(result.sessionid, this.id) || result.slotid !== slotid ||
      result.sequenceid !== sequenceid
    ) {
      throw new ProtocolViolation("SEQUENCE answers another request");
    }
    this.sequenceids[slotid] = sequenceid;
    this.statusFlags = result.statusFlags;
    this.targetHighestSlotid = result.targetHighestSlotid;
    this.client.callbacks.delegations.learn(reply, ops);
  }
}

function slotKey(slotid: number, sequenceid: number): string {
  return `${slotid}:${sequenceid}`;
}
