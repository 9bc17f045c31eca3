/** A session's back channel without a server around it: connections, a sender, a strict client. */

import { systemClock } from "../../src/base/clock.ts";
import { CallbackChannel } from "../../src/backchannel/callback_channel.ts";
import type {
  CallbackOutcome,
  CallbackRequest,
} from "../../src/backchannel/callback_request.ts";
import {
  CALLBACK_OPERATIONS,
  callbackOperation,
} from "../../src/backchannel/callback_ops.ts";
import type { CallbackTarget } from "../../src/backchannel/callback_wire.ts";
import {
  BackchannelSender,
  type PathVerdict,
  type SenderOptions,
} from "../../src/backchannel/sender.ts";
import { AuthFlavor } from "../../src/rpc/auth.ts";
import { RpcConnection } from "../../src/rpc/connection.ts";
import { connected } from "../../src/rpc/transport.ts";
import { AcceptStatus } from "../../src/rpc/message.ts";
import {
  backChannel,
  CALLBACK_PROGRAM,
  callbackCredential,
  CallbackPeer,
  CallbackSession,
  ClientConnection,
} from "../support/client/mod.ts";

/** A connection from both its ends. */
export interface Joined {
  /** The server's end, as the sender sees it. */
  readonly channel: CallbackChannel;
  /** The client's end. */
  readonly client: ClientConnection;
  /** The server's connection. */
  readonly connection: RpcConnection;
}

/** Numbers of what the observer was told. */
export interface Counted {
  callbacks: number;
  failures: number;
  retries: number;
  durations: number[];
  operations: string[];
}

/** sessionid4 of the session. */
export const SESSION_ID: Uint8Array = Uint8Array.from(
  { length: 16 },
  (_, i) => i + 1,
);
/** The file that is recalled. */
export const HANDLE: Uint8Array = Uint8Array.of(9, 8, 7, 6, 5);
/** The delegation that is recalled. */
export const STATEID = {
  seqid: 1,
  other: Uint8Array.from({ length: 12 }, (_, i) => 0x40 + i),
};

/** A sender whose callbacks go to a strict client over TCP. */
export class CallbackFixture implements AsyncDisposable {
  readonly peer: CallbackPeer = new CallbackPeer();
  readonly session: CallbackSession;
  readonly joined: Joined[] = [];
  readonly verdicts: PathVerdict[] = [];
  readonly counted: Counted = {
    callbacks: 0,
    failures: 0,
    retries: 0,
    durations: [],
    operations: [],
  };
  /** Connections that the sender sees, the preferred one first. */
  channels: CallbackChannel[] = [];
  target: CallbackTarget | undefined = {
    program: CALLBACK_PROGRAM,
    credential: {
      flavor: AuthFlavor.SYS,
      stamp: callbackCredential.stamp,
      machineName: callbackCredential.machine,
      uid: callbackCredential.uid,
      gid: callbackCredential.gid,
      gids: callbackCredential.gids,
    },
    minorVersion: 1,
    callbackIdent: 0,
  };
  /** ca_maxrequestsize of the back channel. */
  maxRequestSize = 4_096;
  sender: BackchannelSender;
  readonly #slots: number;
  readonly #options: Partial<SenderOptions>;
  readonly #listener: Deno.TcpListener;

  /** `slots` of the back channel; the sender's times are milliseconds. */
  constructor(slots: number, options: Partial<SenderOptions> = {}) {
    this.session = new CallbackSession({
      sessionid: SESSION_ID,
      minorVersion: 1,
      program: CALLBACK_PROGRAM,
      security: [{ flavor: "sys", credential: callbackCredential }],
      channel: { ...backChannel, maxrequests: slots },
    });
    this.peer.addSession(this.session);
    this.peer.delegations.hold(HANDLE, {
      type: "read",
      stateid: STATEID,
      recall: false,
      permissions: { type: 0, flag: 0, mask: 0, who: "" },
    });
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#slots = slots;
    this.#options = options;
    this.sender = this.#start(false);
  }

  /** The server starts anew and takes the session over; connections stay, for a test's sake. */
  async restart(): Promise<void> {
    await this.sender.stop();
    this.sender = this.#start(true);
  }

  #start(isRestored: boolean): BackchannelSender {
    const { counted } = this;
    const maxRequestSize = () => this.maxRequestSize;
    return new BackchannelSender({
      id: SESSION_ID,
      slots: this.#slots,
      get maxRequestSize() {
        return maxRequestSize();
      },
      isRestored,
      target: () => this.target,
      channels: () => this.channels,
    }, {
      clock: systemClock,
      replyTimeout: 100,
      backoff: [1, 1],
      judged: (verdict) => void this.verdicts.push(verdict),
      observer: {
        recordCallback: () => counted.callbacks++,
        recordFailure: () => counted.failures++,
        recordRetry: () => counted.retries++,
        observeDuration: (seconds) => counted.durations.push(seconds),
        recordOperation: (name, status) =>
          counted.operations.push(`${name} ${status}`),
      },
      ...this.#options,
    });
  }

  /** One more connection, bound to the back channel. */
  async join(): Promise<Joined> {
    const { port } = this.#listener.addr as Deno.NetAddr;
    const accepting = this.#listener.accept();
    const client = await ClientConnection.connect({ port });
    const made: { channel?: CallbackChannel } = {};
    const connection = new RpcConnection(connected(await accepting), {
      clock: systemClock,
      handlers: {
        call: () => AcceptStatus.PROG_UNAVAIL,
        reply: (_connection, xid, xdr) =>
          void made.channel!.pending.deliver(xid, xdr),
        closed: () => {
          const { channel } = made;
          this.channels = this.channels.filter((each) => each !== channel);
          channel!.closed();
        },
      },
    });
    const channel = new CallbackChannel(
      connection,
      100 * (this.joined.length + 1),
    );
    made.channel = channel;
    connection.run();
    this.peer.attach(client);
    this.session.connections.add(client);
    const joined = { channel, client, connection };
    this.joined.push(joined);
    this.channels.push(channel);
    return joined;
  }

  /** Enqueues a CB_RECALL of the one delegation that there is. */
  recall(
    changes: Partial<CallbackRequest> = {},
  ): Promise<CallbackOutcome> {
    return new Promise((done) => {
      const request = { operations: [recall()], done, ...changes };
      if (!this.sender.enqueue(request)) done({ kind: "full" });
    });
  }

  /** Of the verdicts: whether callbacks were at fault. */
  get faults(): boolean[] {
    return this.verdicts.filter((each) => each !== "silent")
      .map((each) => each === "faulty");
  }

  /** Calls that were sent. */
  get sent(): number {
    return this.counted.retries + 1;
  }

  /** Replies that are waited for, on all connections. */
  get waiting(): number {
    return this.joined.reduce(
      (sum, { channel }) => sum + channel.pending.size,
      0,
    );
  }

  /** Resolves when the client has seen what the sender has sent. */
  async arrived(): Promise<void> {
    while (this.joined.some(({ connection }) => connection.bytesQueued > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (this.waiting > 0) await this.peer.waitForCalls(this.sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sender.stop();
    for (const { connection, client } of this.joined) {
      connection.close("shutdown");
      client.close();
      await connection.ended;
      await client.closed;
    }
    this.#listener.close();
  }
}

/** CB_RECALL of {@linkcode STATEID}. */
export function recall(
  truncate = false,
): CallbackRequest["operations"][number] {
  return callbackOperation(CALLBACK_OPERATIONS.CB_RECALL, {
    stateid: STATEID,
    truncate,
    handle: HANDLE,
  });
}
