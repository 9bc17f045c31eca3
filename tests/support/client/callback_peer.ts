/**
 * The strict other end of the backchannel: answers what Linux answers, refuses
 * what Linux refuses, notes every byte that a server should not have sent, and
 * misbehaves on demand.
 */

import { Status } from "../../../src/nfs4/constants.ts";
import { XdrReader } from "../../../src/xdr/reader.ts";
import { answer, type Behaviour } from "./callback_behaviour.ts";
import type {
  CallbackCall,
  CallbackOperationHandler,
  CallbackPeerOptions,
  CallbackReturn,
  Draft,
} from "./callback_call.ts";
import { deliver, isExecuted, send } from "./callback_delivery.ts";
import { carryOut } from "./callback_execution.ts";
import {
  acceptedReply,
  deniedReply,
  refuseHeader,
  successReply,
} from "./callback_rpc.ts";
import type { CallbackSession } from "./callback_session.ts";
import {
  type CallbackCompound,
  type CallbackHeader,
  type CallbackName,
  CallbackOp,
  type CallbackOperation,
  type CallbackResult,
  type CallbackSequence,
  encodeCallbackResult,
  readCallbackCompound,
  readCallbackHeader,
  type Recall,
} from "./callback_wire.ts";
import type { ClientConnection } from "./connection.ts";
import { DelegationBook } from "./delegation_book.ts";
import type { ReceivedRecord } from "./framing.ts";
import { hex, messageOf, statusName } from "./names.ts";
import { AuthStat, expectEnd } from "./rpc.ts";
import { noteError } from "../seen_errors.ts";

/** The callback service of one client, for any number of sessions and connections. */
export class CallbackPeer {
  /** Everything seen, in order of arrival. */
  readonly calls: CallbackCall[] = [];
  /** The delegations that the client holds. */
  readonly delegations: DelegationBook = new DelegationBook();
  readonly #options: CallbackPeerOptions;
  readonly #sessions = new Map<string, CallbackSession>();
  readonly #handlers = new Map<CallbackName, CallbackOperationHandler>();
  readonly #upcoming: Behaviour[] = [];
  readonly #unreadable: string[] = [];
  #always: Behaviour = answer;
  #onNull: Behaviour = answer;
  #watchers = new Set<() => void>();

  constructor(options: CallbackPeerOptions = {}) {
    this.#options = options;
  }

  /** Takes the CALLs of a connection. */
  attach(connection: ClientConnection): void {
    connection.onCall = (record) =>
      this.accept(record, {
        connection,
        send: (bytes) => connection.send(bytes),
        close: () => connection.close(),
      });
  }

  /** Expects callbacks for a session. */
  addSession(session: CallbackSession): void {
    this.#sessions.set(hex(session.sessionid), session);
  }

  /** Answers BADSESSION to callbacks for it from now on. */
  removeSession(sessionid: Uint8Array): void {
    this.#sessions.delete(hex(sessionid));
  }

  /** What the next CB_COMPOUNDs are done to, one after the other. */
  next(...behaviours: readonly Behaviour[]): void {
    this.#upcoming.push(...behaviours);
  }

  /** What CB_COMPOUNDs are done to when `next` has nothing more to say. */
  always(behaviour: Behaviour): void {
    this.#always = behaviour;
  }

  /** What CB_NULLs are done to. */
  onNull(behaviour: Behaviour): void {
    this.#onNull = behaviour;
  }

  /** Answers an operation in the test's own way. */
  handle(op: CallbackName, handler: CallbackOperationHandler): void {
    this.#handlers.set(op, handler);
  }

  /** All faults of the server so far. */
  get violations(): readonly string[] {
    return [
      ...this.#unreadable,
      ...this.calls.flatMap((call) => call.violations),
    ];
  }

  /** Throws if the server did anything wrong. */
  assertClean(): void {
    const { violations } = this;
    if (violations.length > 0) {
      throw new Error(`callbacks at fault: ${violations.join("; ")}`);
    }
  }

  /** The CB_RECALLs seen, retries left out. */
  get recalls(): readonly Recall[] {
    return this.calls.filter((call) => !call.isRetry)
      .flatMap((call) => call.compound?.ops ?? [])
      .flatMap((op) => op.op === "RECALL" ? [op.args] : []);
  }

  /** Waits until so many calls have arrived; `timeoutMs` fails the test, not the call. */
  async waitForCalls(
    count: number,
    timeoutMs = 5000,
  ): Promise<readonly CallbackCall[]> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (this.calls.length >= count) resolve();
    };
    const timer = setTimeout(
      () =>
        reject(
          new Error(`${this.calls.length} of ${count} callbacks arrived`),
        ),
      timeoutMs,
    );
    this.#watchers.add(look);
    try {
      look();
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
    return this.calls;
  }

  /** Looks at a CALL and answers it. */
  accept(record: ReceivedRecord, channel: CallbackReturn): void {
    const xdr = new XdrReader(record.bytes);
    let header: CallbackHeader;
    try {
      header = readCallbackHeader(xdr);
    } catch (error) {
      this.#unreadable.push(`unreadable header: ${messageOf(error)}`);
      channel.close();
      return;
    }
    const draft: Draft = {
      record,
      channel,
      header,
      compound: undefined,
      violations: [],
      isRetry: false,
      isAboveTarget: false,
      status: undefined,
    };
    if (record.fragments !== 1) {
      draft.violations.push(`callback in ${record.fragments} fragments`);
    }
    this.#judge(draft, xdr);
    this.#note(draft);
  }

  #note(draft: Draft): void {
    const { channel, ...call } = draft;
    this.calls.push({ ...call, connection: channel.connection });
    for (const look of [...this.#watchers]) look();
  }

  #programs(): Set<number> {
    const programs = new Set<number>();
    if (this.#options.v40) programs.add(this.#options.v40.program);
    for (const session of this.#sessions.values()) {
      programs.add(session.program);
    }
    return programs;
  }

  #judge(draft: Draft, xdr: XdrReader): void {
    const { header } = draft;
    const refusal = refuseHeader(header, {
      programs: this.#programs(),
      takesNone: this.#options.credentials === "none",
    });
    if (refusal) {
      return this.#fault(draft, refusal.violation, refusal.reply);
    }
    const argsAt = xdr.position;
    try {
      if (header.procedure === 0) {
        expectEnd(xdr, "CB_NULL");
        return deliver(draft, {
          behaviour: this.#onNull,
          bytes: successReply(header.xid),
        });
      }
      draft.compound = readCallbackCompound(xdr);
    } catch (error) {
      const violation = `unreadable arguments: ${messageOf(error)}`;
      return this.#fault(draft, violation, acceptedReply(header.xid, 4));
    }
    const { compound } = draft;
    if (compound.tag.length > 0) draft.violations.push("tag is not empty");
    if (compound.minorVersion === 0) this.#judgeV40(draft, compound);
    else this.#judgeV41(draft, compound, draft.record.bytes.slice(argsAt));
  }

  #judgeV40(draft: Draft, compound: CallbackCompound): void {
    const { v40 } = this.#options;
    if (!v40) return this.#refuse(draft, Status.MINOR_VERS_MISMATCH);
    // Linux finds the client by callback_ident and denies the credential without one.
    if (compound.ident !== v40.ident) {
      return this.#fault(
        draft,
        `callback_ident ${compound.ident} where ${v40.ident} was given`,
        deniedReply(draft.header.xid, AuthStat.BADCRED),
      );
    }
    if (draft.header.program !== v40.program) {
      draft.violations.push(`program ${draft.header.program}`);
    }
    for (const { op } of compound.ops) {
      if (op !== "RECALL" && op !== "GETATTR") {
        draft.violations.push(`CB_${op} in NFSv4.0`);
      }
    }
    this.#run(draft, compound, undefined, undefined);
  }

  #judgeV41(
    draft: Draft,
    compound: CallbackCompound,
    args: Uint8Array,
  ): void {
    const first = compound.ops[0];
    if (first?.op !== "SEQUENCE") {
      // RFC 8881 20.9.3: CB_SEQUENCE is the first operation.
      return this.#refuse(draft, Status.OP_NOT_IN_SESSION, first);
    }
    const session = this.#sessions.get(hex(first.args.sessionid));
    if (!session) {
      return this.#refuse(draft, Status.BADSESSION, first);
    }
    const { header } = draft;
    const { connection } = draft.channel;
    if (connection && !session.connections.has(connection)) {
      draft.violations.push("connection is not bound to the back channel");
      return this.#refuse(draft, Status.BADSESSION, first);
    }
    if (header.program !== session.program) {
      const violation = `program ${header.program}, not the session's`;
      return this.#fault(draft, violation, acceptedReply(header.xid, 1));
    }
    const badCredential = session.refuseCredential(
      header.credential,
      this.#options.credentials ?? "whole",
    );
    if (badCredential) {
      const denied = deniedReply(header.xid, AuthStat.BADCRED);
      return this.#fault(draft, badCredential, denied);
    }
    // RFC 8881 19.2.3: the session's minor version, and no callback_ident.
    if (compound.minorVersion !== session.minorVersion) {
      return this.#refuse(draft, Status.MINOR_VERS_MISMATCH);
    }
    if (compound.ident !== 0) {
      draft.violations.push(`callback_ident ${compound.ident} on a session`);
    }
    this.#judgeSequence(draft, compound, { session, first, args });
  }

  #judgeSequence(
    draft: Draft,
    compound: CallbackCompound,
    { session, first, args }: {
      readonly session: CallbackSession;
      readonly first: CallbackOperation & { readonly op: "SEQUENCE" };
      readonly args: Uint8Array;
    },
  ): void {
    const { channel } = session;
    if (draft.record.bytes.length > channel.maxrequestsize) {
      return this.#refuse(draft, Status.REQ_TOO_BIG, first);
    }
    if (compound.ops.length > channel.maxoperations) {
      return this.#refuse(draft, Status.TOO_MANY_OPS, first);
    }
    if (first.args.slotid > session.targetHighestSlotid) {
      draft.isAboveTarget = true;
    }
    const verdict = session.judge(first.args, args);
    if (verdict.kind === "refuse") {
      if (verdict.violation) draft.violations.push(verdict.violation);
      draft.isRetry = verdict.status === Status.DELAY;
      return this.#answerStatus(draft, verdict.status, first);
    }
    if (verdict.kind === "replay") {
      draft.isRetry = true;
      const bytes = successReply(draft.header.xid, verdict.reply);
      draft.status = new XdrReader(verdict.reply).uint32();
      return deliver(draft, { behaviour: this.#behaviour(), bytes });
    }
    // RFC 8881 2.10.6.3: the reply that the callback refers to comes first.
    for (const list of first.args.referringCalls) {
      const referred = this.#sessions.get(hex(list.sessionid));
      if (!referred) {
        draft.violations.push("referring call of an unknown session");
      }
      for (const call of list.calls) {
        if (referred?.awaits(call.slotid, call.sequenceid)) {
          return this.#answerStatus(draft, Status.DELAY, first);
        }
      }
    }
    this.#run(draft, compound, session, { sequence: first.args, args });
  }

  #run(
    draft: Draft,
    compound: CallbackCompound,
    session: CallbackSession | undefined,
    slot: { sequence: CallbackSequence; args: Uint8Array } | undefined,
  ): void {
    const behaviour = this.#behaviour();
    const failing = behaviour.kind === "status" ? behaviour : undefined;
    const failingAt = failing
      ? compound.ops.findIndex(({ op }) =>
        failing.op ? op === failing.op : op !== "SEQUENCE"
      )
      : -1;
    const executed = isExecuted(behaviour) && !(failingAt === 0 && session);
    if (behaviour.kind === "target" && session) {
      session.targetHighestSlotid = behaviour.highestSlotid;
    }
    if (executed && slot) session?.begin(slot.sequence, slot.args);
    const results: CallbackResult[] = [];
    for (const [index, op] of compound.ops.entries()) {
      const result = index === failingAt
        ? { number: CallbackOp[op.op], status: failing!.status }
        : this.#handlers.get(op.op)?.(op) ??
          carryOut(op, { index, session, delegations: this.delegations });
      results.push(result);
      if (result.status !== Status.OK) break;
    }
    const status = results.at(-1)?.status ?? Status.OK;
    draft.status = status;
    const { op } = compound.ops[results.length - 1]!;
    noteError(`CB_${op}`, compound.minorVersion, statusName(status));
    const body = encodeCallbackResult(compound.tag, status, results);
    if (executed && slot) session?.finish(slot.sequence, body);
    const release = () => slot && session?.release(slot.sequence);
    deliver(draft, {
      behaviour,
      bytes: successReply(draft.header.xid, body),
      release,
    });
  }

  /** A status in place of the whole work, and a fault of the server. */
  #refuse(draft: Draft, status: number, first?: CallbackOperation): void {
    draft.violations.push(`refused with ${statusName(status)}`);
    this.#answerStatus(draft, status, first);
  }

  #answerStatus(
    draft: Draft,
    status: number,
    first?: CallbackOperation,
  ): void {
    draft.status = status;
    if (first) noteError(`CB_${first.op}`, 1, statusName(status));
    const results = first ? [{ number: CallbackOp[first.op], status }] : [];
    const tag = draft.compound?.tag ?? new Uint8Array();
    const body = encodeCallbackResult(tag, status, results);
    send(draft.channel, successReply(draft.header.xid, body));
  }

  #fault(draft: Draft, violation: string, bytes: Uint8Array): void {
    draft.violations.push(violation);
    send(draft.channel, bytes);
  }

  #behaviour(): Behaviour {
    return this.#upcoming.shift() ?? this.#always;
  }
}
