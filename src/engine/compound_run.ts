import type { Awaitable } from "../base/awaitable.ts";
import { nextTurn } from "../base/turn.ts";
import { Op, Status, type StatusCode } from "../nfs4/constants.ts";
import type { RpcCall } from "../rpc/message.ts";
import type {
  DuplicateEntry,
  DuplicateRequests,
} from "../state/duplicate_requests.ts";
import { type CompoundContext, RESULT_HEADER } from "./context.ts";
import { runEffects } from "./effects.ts";
import { statusOfFailure } from "./failure.ts";
import { checkChanges } from "./files/changing.ts";
import { inLine } from "./in_line.ts";
import { ILLEGAL, OPERATIONS } from "./op_table.ts";
import { carryOut, type OperationRow } from "./operation.ts";
import { ReliedReply } from "./relied_reply.ts";
import { rely, relyOnLosses } from "./rely.ts";

/** Milliseconds after which the next operation of a COMPOUND waits until others had a turn. */
export const LONGEST_TURN = 3;
/**
 * Operations behind a change that need not wait for others all the same: Linux sends
 * no more behind what it creates, opens, links or writes.
 */
const BEHIND_CHANGE = 4;
/** Each so many operations are timed, brief or not: many of them take long. */
const ALWAYS_TIMED = 8;

/** What tells an NFSv4.0 request from others when it comes again. */
export interface Origin {
  readonly call: RpcCall;
  /** Offset of its arguments in the request. */
  readonly argumentsAt: number;
  readonly duplicates: DuplicateRequests;
}

/** The operations of one COMPOUND, one after the other, until one of them fails. */
export class CompoundRun {
  readonly #call: RpcCall;
  readonly #context: CompoundContext;
  readonly #start: number;
  readonly #countAt: number;
  #row: OperationRow = ILLEGAL;
  #status: StatusCode = Status.OK;
  #resultAt = 0;
  /** Whether an operation of it had to wait, for whatever. */
  #hasWaited = false;
  /** Clock time at which the last one ended that was timed, or the first began. */
  #startedAt: number;
  /** Clock time since when no other work had a turn. */
  #turnBegan: number;
  /** Operations that did not wait for others, because of what those before them have changed. */
  #undivided = 0;
  /** NFSv4.0: set where answers are kept. */
  origin: Origin | undefined;
  #kept: DuplicateEntry | undefined;

  /** `countAt`: where the reply says how many results there are. */
  constructor(
    context: CompoundContext,
    { call, countAt }: { readonly call: RpcCall; readonly countAt: number },
  ) {
    this.#call = call;
    this.#context = context;
    this.#start = context.replyStart;
    this.#countAt = countAt;
    this.#startedAt = this.#turnBegan = context.startedAt;
  }

  /** Carries them out, and ends the reply; synchronous as long as they are. */
  run(): Awaitable<void> {
    const tooMany = this.#tooMany();
    if (tooMany !== Status.OK) {
      this.#context.reply.patchUint32(this.#start, tooMany);
      return;
    }
    while (this.#hasNext()) {
      const outcome = this.#next();
      if (outcome instanceof Promise) return this.#resume(outcome);
      this.#complete(outcome);
    }
    this.#end();
  }

  /** Goes on after an operation that has to wait. */
  async #resume(waiting: Promise<StatusCode>): Promise<void> {
    let outcome: Awaitable<StatusCode> = waiting;
    while (true) {
      if (outcome instanceof Promise) {
        try {
          outcome = await outcome;
        } catch (error) {
          outcome = statusOfFailure(this.#context, this.#row.name, error);
        }
        // What only looks has changed nothing while it waited.
        if (this.#row.changes === "nothing") {
          this.#context.slot?.countChangesAnew();
        }
        this.#complete(outcome, true);
        this.#turnBegan = this.#startedAt;
      } else this.#complete(outcome);
      if (!this.#hasNext()) break;
      outcome = this.#next();
    }
    this.#end();
  }

  #hasNext(): boolean {
    const { operationIndex, operationCount, replay } = this.#context;
    return operationIndex < operationCount && this.#status === Status.OK &&
      // RFC 8881 2.10.6.1.3: a retry is answered from the cache, as a whole.
      replay === undefined;
  }

  #tooMany(): StatusCode {
    const { minorVersion, operationCount, services } = this.#context;
    if (operationCount <= services.limits.maxOperations) return Status.OK;
    // In a session it is SEQUENCE that answers (RFC 8881 18.46.3), but no
    // client negotiated more than the server's own limit.
    return minorVersion === 0 ? Status.RESOURCE : Status.TOO_MANY_OPS;
  }

  /** Starts the next operation, which waits for others where those before it took long. */
  #next(): Awaitable<StatusCode> {
    const { slot, connection, services: { turn } } = this.#context;
    const isLong = this.#startedAt - this.#turnBegan >= LONGEST_TURN;
    // RFC 8881 2.10.6.5: what is changed may be durable in the next turn, and a
    // crash before the answer is there would be the end of the session. Few do
    // so much behind a change; those are noted, and it is theirs to risk.
    const isUndivided = slot?.hasChanges && this.#undivided < BEHIND_CHANGE;
    if (!isLong || isUndivided) {
      if (isLong) this.#undivided++;
      return this.#begin();
    }
    this.#keep();
    slot?.saveBegun(false);
    this.#context.waits();
    const goOn = this.#context.whileOthersAct();
    // All that wait share the slice of the next turn, however many requests it is for.
    return (turn?.next(connection) ?? nextTurn()).then(() => {
      goOn();
      slot?.countChangesAnew();
      return this.#begin();
    });
  }

  /** Decodes and starts the next operation. */
  #begin(): Awaitable<StatusCode> {
    const context = this.#context;
    const { reply, request } = context;
    this.#resultAt = reply.position;
    this.#row = ILLEGAL;
    reply.uint32(Op.ILLEGAL);
    reply.uint32(Status.OK);
    // RFC 8881 18.52.3: what stands for no operation has no other status.
    if (request.remaining < 4) return Status.OP_ILLEGAL;
    try {
      const row = OPERATIONS[request.uint32()];
      if (row === undefined || row.since > context.minorVersion) {
        return Status.OP_ILLEGAL;
      }
      this.#row = row;
      reply.patchUint32(this.#resultAt, row.number);
      const order = this.#order(row);
      if (order !== Status.OK) return order;
      const args = row.operation.decode(request, context.minorVersion);
      if (!row.versions.includes(context.minorVersion)) return Status.NOTSUPP;
      if (context.isUncachedRetry) return Status.RETRY_UNCACHED_REP;
      if (row.needsFilehandle && context.current === undefined) {
        return Status.NOFILEHANDLE;
      }
      const writable = checkChanges(context, row.changes);
      if (writable !== Status.OK) return writable;
      const { maxReply = RESULT_HEADER } = row;
      if (context.replyRoom < maxReply - RESULT_HEADER) {
        return context.replyLimitStatus;
      }
      // What reads of files is what takes long, and may always be DELAY.
      const isAct = row.changes !== "nothing" && row.number !== Op.SEQUENCE;
      if (isAct) context.hasActed = true;
      else if (row.usesFiles && context.isMoot) return Status.DELAY;
      if (row.isOnce) this.#keep();
      if (row.usesFiles || row.usesRecords) {
        rely(context, { row, at: this.#resultAt - this.#start });
      }
      const { slot } = context;
      const isChange = row.changes !== "nothing";
      // A change may need those before it on disk first (`Extents.prepare`).
      const mayCommit = isChange && slot?.hasChanges;
      if (this.#hasWaited || mayCommit) slot?.saveBegun(isChange);
      const outcome = this.#carryOut(row, args);
      if (outcome instanceof Promise) {
        context.operationWaits();
        // It may come again meanwhile, and change what this one is about to.
        this.#keep();
        if (!this.#hasWaited) slot?.saveBegun(isChange);
        this.#hasWaited = true;
      }
      return outcome;
    } catch (error) {
      return statusOfFailure(this.#context, this.#row.name, error);
    }
  }

  #carryOut(
    { operation, usesFiles, standsInLineByCall }: OperationRow,
    args: unknown,
  ): Awaitable<StatusCode> {
    const context = this.#context;
    const isInLine = usesFiles && !standsInLineByCall;
    if (!isInLine || context.file.export.underWay === undefined) {
      return carryOut(operation, context, args);
    }
    const act = () =>
      context.isMoot ? Status.DELAY : carryOut(operation, context, args);
    return inLine(context, context.file.export, act);
  }

  /** From here on the COMPOUND must not be carried out again, also while it waits for what stands before its change. */
  #keep(): void {
    if (this.origin === undefined || this.#kept !== undefined) return;
    const { call, argumentsAt, duplicates } = this.origin;
    const { connection } = this.#context;
    this.#kept = duplicates.begin(call, connection, argumentsAt);
  }

  /** The order rules of NFSv4.1 (RFC 8881 2.10.6.4, 18.46.3). */
  #order(row: OperationRow): StatusCode {
    const { minorVersion, operationIndex, operationCount, session } =
      this.#context;
    if (minorVersion === 0) return Status.OK;
    if (row.number === Op.SEQUENCE) {
      return operationIndex === 0 ? Status.OK : Status.SEQUENCE_POS;
    }
    if (session !== undefined) return Status.OK;
    if (!row.sessionless) return Status.OP_NOT_IN_SESSION;
    return operationCount === 1 ? Status.OK : Status.NOT_ONLY_OP;
  }

  /** Ends the operation's result; what has waited is timed. */
  #complete(outcome: StatusCode, hasWaited = false): void {
    const context = this.#context;
    const { reply, services } = context;
    context.operationEnded();
    let status = outcome;
    if (status === Status.OK && context.replyRoom < 0) {
      status = context.replyLimitStatus;
    }
    if (status !== Status.OK) {
      reply.truncate(this.#resultAt + RESULT_HEADER);
      this.#row.operation.encodeFailure?.(context, status);
      reply.patchUint32(this.#resultAt + 4, status);
    }
    if (status === Status.OK) {
      const at = this.#resultAt - this.#start;
      relyOnLosses(context, { row: this.#row, at });
    }
    this.#status = status;
    const index = ++context.operationIndex;
    let milliseconds: number | undefined;
    if (hasWaited || !this.#row.isBrief || index % ALWAYS_TIMED === 0) {
      const now = services.clock.now();
      milliseconds = now - this.#startedAt;
      this.#startedAt = now;
    }
    services.observer?.operation(this.#row, context, { status, milliseconds });
  }

  #end(): void {
    const context = this.#context;
    const { services, reply, replay, operationIndex, slot } = context;
    context.ended();
    if (replay !== undefined) {
      reply.truncate(this.#start);
      reply.raw(replay);
    } else {
      reply.patchUint32(this.#start, this.#status);
      reply.patchUint32(this.#countAt, operationIndex);
      const answer = reply.subarray(this.#start);
      slot?.finish(answer);
      if (this.#status === Status.OK) context.forgetSettled();
      if (context.relied !== undefined) {
        this.#call.reliance = new ReliedReply({
          context,
          answer: this.#kept && answer.slice(),
          finish: (answer) => this.#finishKept(answer),
        });
      } else {
        this.#finishKept(answer);
        context.certain();
      }
    }
    if (context.isRequestInUse) this.#call.isInUse = true;
    runEffects(services);
  }

  #finishKept(answer: Uint8Array): void {
    if (this.#kept === undefined) return;
    const { hasChanged } = this.#context;
    this.origin!.duplicates.finish(this.#kept, answer, { hasChanged });
  }
}
