import { type Logger, silentLogger } from "../base/log.ts";
import { XdrError } from "../xdr/error.ts";
import type { XdrReader } from "../xdr/reader.ts";
import { isDenial, RPC_MISMATCH } from "./auth.ts";
import { SMALL_REPLY } from "./buffer_budget.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { servedFlavors } from "./flavors.ts";
import type { Connection } from "./handlers.ts";
import {
  AcceptStatus,
  decodeCall,
  encodeAccepted,
  encodeDenied,
  patchAccepted,
  type RpcCall,
} from "./message.ts";
import type { DetachedRecord, Outbox } from "./outbox.ts";
import type { RecordFramer } from "./record_framer.ts";
import { CallSecurity, resultsAt } from "./security.ts";

/** The connection's other parts, and what it is told. */
export interface CallSurroundings {
  /** Where the calls come from. */
  readonly framer: RecordFramer;
  /** Where the replies leave. */
  readonly outbox: Outbox;
  /** {@linkcode CallsInFlight.bytes} is another number now. */
  readonly resized: () => void;
  /** A call that had to wait is done with. */
  readonly answered: () => void;
  /** A reply could not be put together. */
  readonly failed: (error: unknown) => void;
}

/** Carries out the calls that come on a connection, and answers them. */
export class CallsInFlight {
  readonly #connection: Connection;
  readonly #options: ConnectionOptions;
  readonly #logger: Logger;
  readonly #security: CallSecurity;
  readonly #surroundings: CallSurroundings;
  #count = 0;
  #bytes = 0;
  #isEstablished = false;
  #hasAnswered = true;

  /** None has come yet. */
  constructor(
    connection: Connection,
    options: ConnectionOptions,
    surroundings: CallSurroundings,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#security = new CallSecurity(options.flavors ?? servedFlavors());
    this.#surroundings = surroundings;
  }

  /** Calls whose handler has not finished. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory of the replies that they write. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a call whose header is in order has come. */
  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  /** {@inheritDoc Connection.hasAnswered} */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Carries out one, of which `xdr` is behind the message type. */
  carryOut(xid: number, xdr: XdrReader): void {
    const call = decodeCall(xdr, xid, this.#security);
    const { outbox } = this.#surroundings;
    const { handlers, observer } = this.#options;
    this.#hasAnswered = this.#count === 0 && outbox.queued === 0;
    const results = outbox.begin();
    if (isDenial(call)) {
      encodeDenied(results, xid, call);
      outbox.end();
      observer?.callRefused?.(call === RPC_MISMATCH ? "rpc_mismatch" : "auth");
      return;
    }
    if (!this.#isEstablished) {
      this.#isEstablished = true;
      this.#options.established?.();
    }
    encodeAccepted(results, call);
    let status: AcceptStatus | Promise<AcceptStatus>;
    try {
      status = call.answer === undefined
        ? handlers.call(call, results, this.#connection)
        : call.answer(results, this.#connection);
    } catch (error) {
      status = this.#refusal(call, error);
    }
    if (status === AcceptStatus.SUCCESS) outbox.end(call);
    else if (status === AcceptStatus.DROP) outbox.drop();
    else if (status instanceof Promise) this.#later(call, status);
    else {
      patchAccepted(results, resultsAt(outbox.recordAt, call.seal), status);
      outbox.end();
    }
  }

  /** Answers a call that waits; never rejects. */
  async #later(call: RpcCall, answer: Promise<AcceptStatus>): Promise<void> {
    const { framer, outbox, resized, answered, failed } = this.#surroundings;
    const record = outbox.detach();
    const buffer = framer.pin();
    const { writer, at } = record;
    let counted = 0;
    const count = (bytes: number): void => {
      this.#bytes += bytes - counted;
      counted = bytes;
      resized();
    };
    const countWriter = () =>
      count(Math.max(writer.capacity - at, SMALL_REPLY));
    countWriter();
    writer.resized = countWriter;
    this.#count++;
    let status: AcceptStatus;
    try {
      status = await answer;
    } catch (error) {
      status = this.#refusal(call, error);
    }
    this.#count--;
    writer.resized = undefined;
    count(0);
    if (call.isInUse) framer.abandon(buffer);
    else framer.unpin(buffer);
    try {
      this.#answer(record, call, status);
    } catch (error) {
      failed(error);
    }
    answered();
  }

  #answer(record: DetachedRecord, call: RpcCall, status: AcceptStatus): void {
    const { outbox } = this.#surroundings;
    if (status === AcceptStatus.DROP) outbox.discard(record);
    else if (status === AcceptStatus.SUCCESS) outbox.attach(record, call);
    else {
      const { writer, at } = record;
      patchAccepted(writer, resultsAt(at, call.seal), status);
      outbox.attach(record);
    }
  }

  #refusal(call: RpcCall, error: unknown): AcceptStatus {
    const { observer } = this.#options;
    if (error instanceof XdrError) {
      observer?.callRefused?.("garbage_args");
      return AcceptStatus.GARBAGE_ARGS;
    }
    const { program, procedure } = call;
    this.#logger.error("a call failed", { program, procedure, error });
    observer?.callRefused?.("system_err");
    return AcceptStatus.SYSTEM_ERR;
  }
}
