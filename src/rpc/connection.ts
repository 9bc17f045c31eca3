import { workFor } from "../base/asker.ts";
import { type Logger, silentLogger } from "../base/log.ts";
import { XdrError } from "../xdr/error.ts";
import { XdrReader } from "../xdr/reader.ts";
import type { XdrWriter } from "../xdr/writer.ts";
import type { BudgetShare } from "./buffer_budget.ts";
import type { CallShare } from "./call_turns.ts";
import { CallsInFlight } from "./calls_in_flight.ts";
import { Changes } from "./changes.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import type { CloseReason, Connection, RpcHandlers } from "./handlers.ts";
import { linger } from "./linger.ts";
import { MessageType } from "./message.ts";
import { Outbox } from "./outbox.ts";
import { partyOf } from "./party.ts";
import { WriterPool } from "./pools.ts";
import { RecordError, RecordFramer } from "./record_framer.ts";
import type { Connected, Endpoint, Secure, Transport } from "./transport.ts";
import { isTransportError } from "./transport_error.ts";

/**
 * One RPC connection, the same from both ends: calls and replies arrive on it,
 * replies and calls leave on it, through one {@linkcode Outbox}.
 *
 * A call answered at once costs no promise: all the replies to what one read
 * brought leave in one write. A call that waits keeps its part of the receive
 * buffer and its writer, and others overtake it.
 */
export class RpcConnection implements Connection {
  /** The other end. */
  readonly peer: Endpoint;
  /** This end. */
  readonly local: Endpoint;
  /** {@inheritDoc Connection.party} */
  readonly party: string;

  readonly #options: ConnectionOptions;
  readonly #handlers: RpcHandlers;
  readonly #logger: Logger;
  readonly #framer: RecordFramer;
  readonly #outbox: Outbox;
  readonly #inFlight: CallsInFlight;
  readonly #maxCalls: number;
  readonly #maxPending: number;
  readonly #share: BudgetShare | undefined;
  readonly #calls: CallShare | undefined;
  /** Of load or state. */
  readonly #changes = new Changes();
  readonly #silent = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #transport: Transport;
  /** Makes another transport of it, when it is there. */
  #secure: Secure | undefined;
  #records = 0;
  #received = 0;
  #isDraining = false;
  #closeReason: CloseReason | undefined;
  #isHalfClosed = false;

  /** Wraps a connected transport; {@linkcode RpcConnection.run} makes it live. */
  constructor(
    { transport, peer, local }: Connected,
    options: ConnectionOptions,
  ) {
    this.#transport = transport;
    this.peer = peer;
    this.local = local;
    this.party = options.party ?? partyOf(peer);
    this.#options = options;
    this.#handlers = options.handlers;
    this.#logger = options.logger ?? silentLogger;
    this.#maxCalls = options.maxCalls ?? 1024;
    this.#maxPending = options.maxPending ?? 16 * 1024 * 1024;
    this.#share = options.budget?.join(this.party, () => this.#changes.note());
    this.#calls = options.callTurns?.join(this.party);
    this.#framer = new RecordFramer({
      maxRecord: options.maxRecord,
      pool: options.buffers,
    });
    const { observer } = options;
    this.#outbox = new Outbox({
      transport,
      observer,
      writers: options.writers ?? new WriterPool(),
      progress: () => {
        this.#share?.hold(this.bytesHeld);
        this.#changes.note();
      },
      failed: (error) => this.#failed(error),
    });
    this.#inFlight = new CallsInFlight(this, options, {
      framer: this.#framer,
      outbox: this.#outbox,
      resized: () => this.#share?.hold(this.bytesHeld),
      answered: () => this.#changes.note(),
      failed: (error) => this.#failed(error),
    });
  }

  /** Whether a call whose header is in order has come. */
  get isEstablished(): boolean {
    return this.#inFlight.isEstablished;
  }

  /** Why it was closed; undefined while it is open. */
  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  /** Calls whose handler has not finished. */
  get callsInFlight(): number {
    return this.#inFlight.count;
  }

  /** Records that came since the beginning. */
  get records(): number {
    return this.#records;
  }

  /** Whether part of a record has come. */
  get isReceiving(): boolean {
    return this.#framer.isReceiving;
  }

  /** Whether no call is in flight and nothing waits to be taken. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** Bytes of replies and calls that the peer has not taken. */
  get bytesQueued(): number {
    return this.#outbox.queued;
  }

  /** Bytes that the peer took since the beginning. */
  get bytesSent(): number {
    return this.#outbox.sent;
  }

  /** Bytes that came from the peer since the beginning. */
  get bytesReceived(): number {
    return this.#received;
  }

  /** Bytes in hand: what was received and is not done with, and what the peer has not taken. */
  get bytesHeld(): number {
    return this.receiveMemory + this.#outbox.memory + this.#inFlight.bytes;
  }

  /** {@inheritDoc Connection.hasRoom} */
  hasRoom(bytes: number): boolean {
    return this.#share?.hasRoom(bytes) ?? true;
  }

  /** Bytes of memory that the receiving side holds. */
  get receiveMemory(): number {
    return this.#framer.capacity + this.#framer.pinned;
  }

  /**
   * Serves the connection, to be called once. Resolves when it is closed, no
   * call is in flight and nothing is being written; never rejects.
   */
  run(): Promise<void> {
    // What goes on after the connection keeps for whom it does: not the connection.
    const { party } = this;
    return workFor({ party }, () => this.#run());
  }

  async #run(): Promise<void> {
    try {
      await this.#read();
      this.#isHalfClosed = true;
      // The peer may have closed its half only: it still gets its answers.
      while (this.#closeReason === undefined && this.#isBusy) {
        await this.#changes.next();
      }
      this.close(this.#isDraining ? "shutdown" : "peer");
    } catch (error) {
      this.#failed(error);
    }
    this.#framer.release();
    this.#share?.hold(this.bytesHeld);
    while (!this.#outbox.isIdle) await this.#changes.next();
    this.#silent.resolve();
    while (this.#inFlight.count > 0) await this.#changes.next();
    this.#share?.end();
    this.#ended.resolve();
  }

  /** What {@linkcode RpcConnection.run} returned, for code that did not call it. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** {@inheritDoc Connection.isHalfClosed} */
  get isHalfClosed(): boolean {
    return this.#isHalfClosed || this.#closeReason !== undefined;
  }

  /** {@inheritDoc Connection.hasAnswered} */
  get hasAnswered(): boolean {
    return this.#inFlight.hasAnswered;
  }

  /** {@inheritDoc Connection.sendCall} */
  sendCall(write: (message: XdrWriter) => void): boolean {
    if (this.#isDraining || this.#outbox.queued > this.#maxPending) {
      return false;
    }
    return this.#outbox.send(write);
  }

  /** {@inheritDoc Connection.upgrade} */
  upgrade(secure: Secure): void {
    this.#secure = secure;
  }

  /** Closes at once; calls in flight are finished but not answered. */
  close(reason: CloseReason): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#outbox.close();
    this.#share?.hold(this.bytesHeld);
    try {
      this.#transport.close();
    } catch {
      // The runtime closed it after a failure.
    }
    try {
      this.#handlers.closed(this, reason);
    } catch (error) {
      this.#logger.error("closing a connection failed", { error });
    }
    this.#options.observer?.connectionClosed?.(reason);
    this.#changes.note();
  }

  /**
   * Takes no more calls, answers those in flight and closes; when `signal`
   * aborts, it closes at once. Resolves when no read or write is under way;
   * never rejects.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isDraining = true;
    this.#changes.note();
    const abort = () => this.close("shutdown");
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    while (this.#closeReason === undefined && this.#isBusy) {
      await this.#changes.next();
    }
    if (this.#closeReason === undefined) {
      const { clock } = this.#options;
      await linger(this.#transport, { clock, silent: this.#silent.promise });
    }
    this.close("shutdown");
    signal.removeEventListener("abort", abort);
    await this.#silent.promise;
  }

  get #isBusy(): boolean {
    return this.#inFlight.count > 0 || !this.#outbox.isIdle;
  }

  get #isOverloaded(): boolean {
    const pending = this.#outbox.queued + this.#inFlight.bytes +
      this.#framer.pinned;
    if (this.#inFlight.count >= this.#maxCalls || pending > this.#maxPending) {
      return true;
    }
    const share = this.#share;
    if (share === undefined) return false;
    share.hold(this.bytesHeld);
    return !share.admits(pending === 0 && this.#framer.isSmall, pending);
  }

  async #read(): Promise<void> {
    const { observer, turn } = this.#options;
    const calls = this.#calls;
    const framer = this.#framer;
    for (;;) {
      while (this.#isOverloaded && this.#isOpen) await this.#changes.next();
      const space = framer.space();
      // A buffer that grew counts before it is full.
      this.#share?.hold(this.bytesHeld);
      const length = await this.#transport.read(space);
      if (length === null || this.#closeReason !== undefined) return;
      observer?.bytesReceived?.(length);
      this.#received += length;
      calls?.came(length < space.length);
      // What comes while draining is not executed: the peer will ask elsewhere.
      if (this.#isDraining) {
        await calls?.beginRead();
        continue;
      }
      const { records } = this;
      framer.received(length);
      for (;;) {
        if (this.#isOverloaded) {
          this.#outbox.flush();
          while (this.#isOverloaded && this.#isOpen) await this.#changes.next();
        }
        if (!this.#isOpen || !framer.next()) break;
        const others = calls?.begin();
        if (others !== undefined) await this.#while(others);
        // A hundred long calls may have come at once, on this connection or on
        // as many. A peer that sends one at a time, alone, is not slowed down.
        if (turn?.isOver) {
          this.#outbox.flush();
          await this.#while(turn.next(this));
        }
        if (!this.#isOpen) break;
        this.#record();
        if (this.#secure !== undefined) await this.#upgrade(this.#secure);
      }
      if (this.#records === records && this.#isOpen) {
        const others = calls?.beginRead();
        if (others !== undefined) await this.#while(others);
      }
      calls?.end();
      this.#outbox.flush();
    }
  }

  async #upgrade(secure: Secure): Promise<void> {
    this.#secure = undefined;
    // RFC 9289 4.1: the peer awaits the answer, then the handshake begins.
    if (this.#framer.isReceiving) {
      throw new RecordError("bytes behind a call that changes the transport");
    }
    this.#outbox.flush();
    while (this.#isBusy && this.#isOpen) await this.#changes.next();
    if (!this.#isOpen) return;
    const transport = await secure(this.#transport);
    // Closed meanwhile, when only the transport before was there to be closed.
    if (this.#closeReason !== undefined) return transport.close();
    this.#transport = this.#outbox.transport = transport;
  }

  /** Waits while others have their turns, for as long as there is something to be done after. */
  async #while(others: Promise<void>): Promise<void> {
    let isOver = false;
    others.then(() => {
      isOver = true;
      this.#changes.note();
    });
    while (!isOver && this.#isOpen) await this.#changes.next();
  }

  get #isOpen(): boolean {
    return this.#closeReason === undefined && !this.#isDraining;
  }

  #record(): void {
    this.#records++;
    const { bytes, start, end, view } = this.#framer;
    const xdr = new XdrReader(bytes, start, end, view);
    const xid = xdr.uint32();
    const type = xdr.uint32();
    if (type === MessageType.CALL) this.#inFlight.carryOut(xid, xdr);
    else if (type === MessageType.REPLY) this.#reply(xid, xdr);
    else throw new XdrError(`message type ${type}`);
  }

  #reply(xid: number, xdr: XdrReader): void {
    try {
      this.#handlers.reply(this, xid, xdr);
    } catch (error) {
      const fields = { peer: this.peer.hostname, error };
      if (error instanceof XdrError) {
        this.#logger.warn("a reply was not understood", fields);
      } else this.#logger.error("a reply could not be taken", fields);
    }
  }

  #failed(error: unknown): void {
    if (this.#closeReason !== undefined) return;
    const peer = this.peer.hostname;
    if (error instanceof XdrError || error instanceof RecordError) {
      this.#logger.warn("a peer does not speak RPC", { peer, error });
      this.close("protocol");
    } else if (isTransportError(error)) {
      this.close("transport");
    } else {
      this.#logger.error("a connection failed", { peer, error });
      this.close("internal");
    }
  }
}
