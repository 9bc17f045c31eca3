/** A client of NFSv4.1: a session with slots, over one or two connections. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  BindDirection,
  type ChannelAttributes,
  type CompoundReply,
  hex,
  op,
  type Request,
  sameBytes,
  SequenceStatus,
  SessionFlag,
  statusName,
} from "../support/client/mod.ts";
import {
  BackChannel,
  CALLBACK_PROGRAM,
  CALLBACK_SECURITY,
} from "./back_channel.ts";
import type { CallOptions } from "./caller.ts";
import {
  type Answer,
  Lost,
  Peer,
  type SendOptions,
  type Surroundings,
} from "./peer.ts";
import { SLOTS } from "./server.ts";

interface SlotUse {
  sequence: number;
  busy: boolean;
}

interface SessionUse {
  readonly id: Uint8Array;
  readonly slots: readonly SlotUse[];
}

const CHANNEL: ChannelAttributes = {
  headerpadsize: 0,
  maxrequestsize: 65_536,
  maxresponsesize: 65_536,
  maxresponsesize_cached: 2_048,
  maxoperations: 16,
  maxrequests: SLOTS,
  rdma_ird: [],
};

/** What the only operation of a sessionless COMPOUND may be answered with, once it was answered. */
const ANY_REPETITION: CallOptions = {
  patience: "resend",
  isRepetition: () => true,
};

/** The client. */
export class SessionPeer extends Peer {
  readonly minorVersion = 1;
  #session: SessionUse | undefined;
  readonly #backChannel: BackChannel;
  #isChanging = false;
  /** The back channel has no connection. */
  #isUnreachable = false;
  /** A delegation was revoked. */
  #isBereft = false;
  /** A session may have been made that nobody uses. */
  #hasStray = false;

  constructor(around: Surroundings, name: string) {
    super(around, name, true);
    this.#backChannel = new BackChannel(
      around.world,
      (filehandle) => this.delegations.recall(filehandle),
    );
    this.caller.onCall = (message, link) =>
      this.#backChannel.receive(message, link);
  }

  protected async exchange(
    ops: readonly Request[],
    options: SendOptions,
  ): Promise<Answer> {
    const session = this.#session!;
    const answer = await this.#inSession(session, ops, options);
    if (answer === undefined) {
      await this.forgotten(() => this.#session !== session);
      throw new Lost();
    }
    this.around.book.renewed(this.lease, answer.sentAt);
    this.#heed(answer.reply);
    return answer;
  }

  async renew(): Promise<void> {
    await this.send([], { uncached: true });
    if (this.#isUnreachable) {
      this.#isUnreachable = false;
      const { id } = this.#session!;
      const bind = op.bindConnToSession(id, BindDirection.BACK_OR_BOTH);
      await this.#alone(bind);
    }
    if (this.#isBereft) {
      this.#isBereft = false;
      await this.delegations.free();
    }
  }

  /** What SEQUENCE says besides. */
  #heed(reply: CompoundReply): void {
    const { statusFlags } = reply.get("SEQUENCE");
    const has = (flag: number) => (statusFlags & flag) !== 0;
    if (has(SequenceStatus.CB_PATH_DOWN_SESSION)) this.#isUnreachable = true;
    if (has(SequenceStatus.RECALLABLE_STATE_REVOKED)) this.#isBereft = true;
  }

  /** Goes on in another session; the old one ends once nothing is out in it. */
  async changeSession(): Promise<void> {
    await this.ready();
    if (this.#isChanging || this.isLeaving) return;
    this.#isChanging = true;
    try {
      await this.#change(this.#session!);
    } finally {
      this.#isChanging = false;
    }
  }

  async #change(old: SessionUse): Promise<void> {
    const [clientid, sequence] = await this.#exchangeId();
    if (clientid !== this.clientid || this.#session !== old) return;
    const created = await this.#createSession(clientid, sequence);
    if (created === undefined) return;
    if (this.#session !== old) {
      this.#hasStray = true;
      return;
    }
    this.#session = created.session;
    this.around.world.count("sessions changed");
    await this.#idle(old);
    await this.#destroySession(old.id);
  }

  async leave(): Promise<void> {
    await this.delegations.returnAll();
    this.isLeaving = true;
    let session: SessionUse | undefined;
    do {
      await this.ready();
      session = this.#session!;
      while (this.#isChanging) await this.around.world.pause(50, 200);
      await this.#idle(session);
      // What was out may have found that the session is gone.
      await this.ready();
    } while (session !== this.#session);
    await this.#destroySession(session.id);
    const { reply } = await this.#alone(op.destroyClientid(this.clientid));
    const { status } = reply;
    const fine = status === Status.OK || status === Status.STALE_CLIENTID ||
      (status === Status.CLIENTID_BUSY && this.#hasStray);
    this.insist(fine, `DESTROY_CLIENTID answered ${statusName(status)}`);
    this.around.book.lost(this.lease);
  }

  protected async introduce(): Promise<void> {
    const { session, sentAt } = await this.#register();
    await this.#completeReclaim(session);
    this.around.book.renewed(this.lease, sentAt);
    this.#session = session;
  }

  protected async comeBack(): Promise<void> {
    const former = this.clientid;
    const before = this.#session;
    const { session, sentAt } = await this.#register();
    if (this.clientid !== former) {
      this.generation++;
      this.settleHolds();
      const flags = await this.#flags(session);
      if ((flags & SequenceStatus.RESTART_RECLAIM_NEEDED) !== 0) {
        await this.reclaimAll(async (ops) => {
          const answer = await this.#inSession(session, ops, {});
          if (answer === undefined) throw new Lost();
          return answer;
        });
      } else {
        const isFair = this.files.size === 0 || !this.mustBeLetReclaim();
        this.insist(isFair, "not told to reclaim");
        this.loseAll();
      }
      await this.#completeReclaim(session);
    }
    this.around.book.renewed(this.lease, sentAt);
    const hasChanged = this.#session !== before;
    this.#session = session;
    this.#hasStray ||= hasChanged || this.#isChanging;
  }

  /** Until there is a session. */
  async #register(): Promise<
    { readonly session: SessionUse; readonly sentAt: number }
  > {
    while (true) {
      const [clientid, sequence] = await this.#exchangeId();
      const created = await this.#createSession(clientid, sequence);
      if (created === undefined) continue;
      this.clientid = clientid;
      return created;
    }
  }

  async #exchangeId(): Promise<readonly [bigint, number]> {
    const owner = new TextEncoder().encode(this.name);
    const exchange = op.exchangeId({ owner, verifier: this.verifier });
    const { reply } = await this.#alone(exchange);
    const { clientid, sequence } = reply.get("EXCHANGE_ID");
    return [clientid, sequence];
  }

  /** Undefined when it has to begin with EXCHANGE_ID again. */
  async #createSession(clientid: bigint, sequence: number): Promise<
    { readonly session: SessionUse; readonly sentAt: number } | undefined
  > {
    const request = op.createSession({
      clientid,
      sequence,
      flags: SessionFlag.CONN_BACK_CHAN,
      fore: CHANNEL,
      back: CHANNEL,
      program: CALLBACK_PROGRAM,
      security: CALLBACK_SECURITY,
    });
    const { reply, sentAt } = await this.#alone(request, {
      patience: "resend",
      isRepetition: (first, later) =>
        sameBytes(first.bytes, later.bytes) || later.status !== Status.OK ||
        first.status !== Status.OK,
    });
    if (reply.status !== Status.OK) {
      const fine = reply.status === Status.STALE_CLIENTID ||
        reply.status === Status.SEQ_MISORDERED;
      this.insist(fine, `CREATE_SESSION ${statusName(reply.status)}`);
      return undefined;
    }
    const { sessionid, fore, back } = reply.get("CREATE_SESSION");
    this.insist(fore.maxrequests === SLOTS, `${fore.maxrequests} slots`);
    const slots = Array.from(
      { length: SLOTS },
      () => ({ sequence: 0, busy: false }),
    );
    this.#backChannel.open(
      sessionid,
      back,
      (slotid, sequenceid) =>
        slots[slotid]!.busy && slots[slotid]!.sequence === sequenceid,
    );
    return { session: { id: sessionid, slots }, sentAt };
  }

  /** Nothing is out in the session any more. */
  async #idle({ slots }: SessionUse): Promise<void> {
    while (slots.some(({ busy }) => busy)) {
      await this.around.world.pause(50, 200);
      this.caller.assertAlive();
    }
  }

  /** RFC 8881 18.37.3: on a connection that is bound to it, which any can become. */
  async #destroySession(id: Uint8Array): Promise<void> {
    while (true) {
      await this.#alone(op.bindConnToSession(id, 1));
      const { reply } = await this.#alone(op.destroySession(id));
      if (reply.status === Status.OK || reply.status === Status.BADSESSION) {
        return;
      }
      this.insist(
        reply.status === Status.CONN_NOT_BOUND_TO_SESSION ||
          reply.status === Status.DELAY,
        `DESTROY_SESSION answered ${statusName(reply.status)}`,
      );
    }
  }

  async #flags(session: SessionUse): Promise<number> {
    const answer = await this.#inSession(session, [], { uncached: true });
    if (answer === undefined) throw new Lost();
    return answer.reply.get("SEQUENCE").statusFlags;
  }

  async #completeReclaim(session: SessionUse): Promise<void> {
    const answer = await this.#inSession(session, [op.reclaimComplete()], {});
    if (answer === undefined) throw new Lost();
    const { status } = answer.reply;
    this.insist(
      status === Status.OK,
      `RECLAIM_COMPLETE answered ${statusName(status)}`,
    );
  }

  /** A COMPOUND without a session, of one operation. */
  #alone(
    request: Request,
    options: CallOptions = ANY_REPETITION,
  ): Promise<Answer> {
    return this.caller.call({ minorVersion: 1, ops: [request] }, options);
  }

  async #takeSlot({ slots }: SessionUse): Promise<SlotUse> {
    const { world } = this.around;
    while (slots.every(({ busy }) => busy)) {
      await world.pause(5, 50);
      this.caller.assertAlive();
    }
    const slot = world.random.pick(slots.filter(({ busy }) => !busy));
    slot.busy = true;
    return slot;
  }

  /** Undefined when the session is gone. */
  async #inSession(
    session: SessionUse,
    ops: readonly Request[],
    options: SendOptions,
  ): Promise<Answer | undefined> {
    const slot = await this.#takeSlot(session);
    slot.sequence = (slot.sequence + 1) >>> 0;
    const slotid = session.slots.indexOf(slot);
    const cacheThis = options.uncached !== true;
    const sequence = op.sequence({
      sessionid: session.id,
      sequenceid: slot.sequence,
      slotid,
      highestSlotid: SLOTS - 1,
      cacheThis,
    });
    const compound = { minorVersion: 1, ops: [sequence, ...ops] };
    const answer = await this.caller.call(compound, {
      patience: "resend",
      isLater: isBusy,
      isRepetition: (first, later) => isRepetition(first, later, cacheThis),
    });
    slot.busy = false;
    const { reply } = answer;
    this.#backChannel.learn(reply, compound.ops);
    const first = reply.results[0]!;
    if (first.status === Status.BADSESSION) return undefined;
    this.insist(
      first.status === Status.OK,
      `SEQUENCE of slot ${slotid}, ${slot.sequence}: ${reply.describe()}`,
    );
    const result = reply.get("SEQUENCE");
    this.insist(
      hex(result.sessionid) === hex(session.id) && result.slotid === slotid &&
        result.sequenceid === slot.sequence,
      "the answer to another request",
    );
    return answer;
  }
}

/** The request is being carried out; it is not SEQUENCE's to be late otherwise. */
function isBusy({ results }: CompoundReply): boolean {
  return results.length === 1 && results[0]!.name === "SEQUENCE" &&
    results[0]!.status === Status.DELAY;
}

/** RFC 8881 2.10.6.1.3: the same answer, or SEQUENCE says that it is too late for one. */
function isRepetition(
  first: CompoundReply,
  later: CompoundReply,
  cached: boolean,
): boolean {
  const status = later.results[0]!.status;
  if (status !== Status.OK) {
    return status === Status.DELAY || status === Status.SEQ_MISORDERED ||
      status === Status.BADSESSION;
  }
  if (first.results[0]!.status !== Status.OK) return true;
  if (cached) return sameBytes(first.bytes, later.bytes);
  return later.results.length === 1 ||
    later.status === Status.RETRY_UNCACHED_REP ||
    first.status === Status.RETRY_UNCACHED_REP ||
    sameBytes(first.bytes, later.bytes);
}
