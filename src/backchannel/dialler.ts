import type { Clock, RandomBytes } from "../base/clock.ts";
import type { Jobs } from "../base/jobs.ts";
import { connect } from "../rpc/client.ts";
import type { CallTurns } from "../rpc/call_turns.ts";
import type { RpcHandlers } from "../rpc/handlers.ts";
import { AcceptStatus } from "../rpc/message.ts";
import { isTransportError } from "../rpc/transport_error.ts";
import { CallbackChannel, CallbackTransportError } from "./callback_channel.ts";
import { DialPlaces } from "./dial_places.ts";
import type { V40CallbackPath } from "./v40_callback_path.ts";

/** What {@linkcode Dialler} works with. */
export interface DiallerOptions {
  readonly clock: Clock;
  /** Where the XIDs of a connection begin. */
  readonly random: RandomBytes;
  /** Connections at once. */
  readonly maxConnections: number;
  /** Wait for the end of each connection. */
  readonly jobs: Jobs;
  /** What a client sends is taken in turns with all that others do; at once if left out. */
  readonly callTurns?: CallTurns | undefined;
}

/** Bytes of a record that is read from a client that was dialled, and of answers to it that it has not taken. */
export const MAX_REPLY = 64 * 1024;

/** The server has as many connections as it may dial, and all are in use. */
export class NoPlace extends Error {}

/** Makes the connections of {@linkcode V40CallbackPath}s, one for all that want it at once. */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #places: DialPlaces;

  /** Replies that came late, twice or uncalled for. */
  unknownReplies = 0;

  constructor(options: DiallerOptions) {
    this.#options = options;
    const { maxConnections } = options;
    this.#places = new DialPlaces(
      maxConnections,
      Math.ceil(maxConnections / 2),
    );
  }

  /** Connections that are there, or being made. */
  get connections(): number {
    return this.#places.taken;
  }

  /**
   * The channel of the path's connection, which is made where there is none.
   * Rejects with {@linkcode CallbackTransportError} where that fails,
   * {@linkcode NoPlace} where there may be no more, and errors of our own.
   */
  open(path: V40CallbackPath, signal: AbortSignal): Promise<CallbackChannel> {
    if (path.channel !== undefined) return Promise.resolve(path.channel);
    path.opening ??= this.#dial(path, signal)
      .finally(() => path.opening = undefined);
    return path.opening;
  }

  async #dial(
    path: V40CallbackPath,
    signal: AbortSignal,
  ): Promise<CallbackChannel> {
    const { clock, random, jobs, callTurns } = this.#options;
    const place = this.#places.take(path);
    if (place === undefined) throw new NoPlace();
    let channel: CallbackChannel | undefined;
    const handlers: RpcHandlers = {
      // What is dialled is a client: it has nothing to ask for here.
      call: () => AcceptStatus.PROG_UNAVAIL,
      reply: (_connection, xid, xdr) => {
        if (!channel?.pending.deliver(xid, xdr)) this.unknownReplies++;
      },
      closed: () => {
        place.release();
        // Where it gave way, the path may have another by now.
        if (path.channel === channel) {
          path.connection = path.channel = undefined;
        }
        channel?.closed();
      },
    };
    const given = AbortSignal.any([signal, path.ending.signal]);
    try {
      const connection = await connect({
        ...path.address,
        handlers,
        clock,
        signal: given,
        callTurns,
        maxRecord: MAX_REPLY,
        // No budget counts these connections: little must be held by each.
        maxPending: MAX_REPLY,
      });
      jobs.begin(() => connection.ended);
      if (path.isEnded) connection.close("shutdown");
      if (connection.closeReason !== undefined) {
        throw new CallbackTransportError("it is closed already");
      }
      const bytes = random(4);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      channel = new CallbackChannel(connection, view.getUint32(0));
      path.connection = connection;
      return path.channel = channel;
    } catch (error) {
      place.release();
      if (!given.aborted && !isTransportError(error)) throw error;
      throw new CallbackTransportError((error as Error).message);
    }
  }
}
