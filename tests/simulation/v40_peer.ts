/** A client of NFSv4.0: a clientid, and owners whose requests are numbered. */

import { Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  type CompoundReply,
  op,
  type Request,
  sameBytes,
  statusName,
} from "../support/client/mod.ts";
import {
  type Answer,
  Lost,
  Peer,
  type SendOptions,
  type Surroundings,
} from "./peer.ts";

/** The server does not know the clientid, or what it gave to it. */
const FORGOTTEN: ReadonlySet<number> = new Set([
  Status.EXPIRED,
  Status.STALE_CLIENTID,
  Status.STALE_STATEID,
  Status.BAD_STATEID,
]);

/** The client. */
export class V40Peer extends Peer {
  readonly minorVersion = 0;

  constructor(around: Surroundings, name: string) {
    super(around, name, false);
  }

  protected async exchange(
    ops: readonly Request[],
    options: SendOptions,
  ): Promise<Answer> {
    const { generation } = this;
    const answer = await this.#call(ops, options);
    if (answer === undefined) {
      await this.forgotten(() => this.generation !== generation);
      throw new Lost();
    }
    const { reply, sentAt } = answer;
    if (options.renews && reply.status === Status.OK) {
      this.around.book.renewed(this.lease, sentAt);
    }
    return answer;
  }

  async renew(): Promise<void> {
    const ops = [op.renew(this.clientid)];
    const { reply } = await this.send(ops, { harmless: true, renews: true });
    this.insist(
      reply.status === Status.OK,
      `RENEW answered ${statusName(reply.status)}`,
    );
  }

  /** There is no way to say goodbye. */
  async leave(): Promise<void> {
    await this.ready();
    this.around.book.lost(this.lease);
  }

  protected async introduce(): Promise<void> {
    while (true) {
      const answer = await this.#register();
      if (answer === undefined) continue;
      this.around.book.renewed(this.lease, answer.sentAt);
      return;
    }
  }

  protected async comeBack(): Promise<void> {
    const former = this.clientid;
    const answer = await this.#register();
    if (answer === undefined) throw new Lost();
    this.generation++;
    // A clientid that is still good: nothing of it was lost.
    this.insist(this.clientid !== former, "forgotten, but known");
    this.settleHolds();
    await this.reclaimAll(async (ops, options) => {
      const answer = await this.#call(ops, options);
      if (answer === undefined) throw new Lost();
      return answer;
    });
    this.around.book.renewed(this.lease, answer.sentAt);
  }

  /** Undefined when the answer to SETCLIENTID was overtaken by another one. */
  async #register(): Promise<Answer | undefined> {
    const set = await this.#untilAnswered(op.setclientid({
      verifier: this.verifier,
      id: bytesOf(this.name),
      program: 0x40000000,
      netid: "tcp",
      address: "127.0.0.1.0.9",
      ident: 1,
    }));
    const { clientid, verifier } = set.reply.get("SETCLIENTID");
    const confirm = op.setclientidConfirm(clientid, verifier);
    const answer = await this.#untilAnswered(confirm);
    const { status } = answer.reply;
    const fine = status === Status.OK || status === Status.STALE_CLIENTID;
    this.insist(fine, `SETCLIENTID_CONFIRM answered ${statusName(status)}`);
    if (status !== Status.OK) return undefined;
    this.clientid = clientid;
    return answer;
  }

  #untilAnswered(request: Request): Promise<Answer> {
    return this.caller.call({ minorVersion: 0, ops: [request] }, {
      patience: "reconnect",
      isRepetition: () => true,
    });
  }

  /** Undefined when the server has forgotten the client. */
  async #call(
    ops: readonly Request[],
    { sequenced, harmless, fragile, tentative }: SendOptions,
  ): Promise<Answer | undefined> {
    const answer = await this.caller.call({ minorVersion: 0, ops }, {
      patience: sequenced || harmless ? "reconnect" : "once",
      isSingle: fragile,
      isRepetition: harmless ? () => true : isRepetition,
    });
    const { status } = answer.reply;
    const isCancelled = tentative && status === Status.BAD_STATEID;
    return FORGOTTEN.has(status) && !isCancelled ? undefined : answer;
  }
}

/** RFC 7530 9.1.7: the same answer, or its time is over. */
function isRepetition(first: CompoundReply, later: CompoundReply): boolean {
  return sameBytes(first.bytes, later.bytes) ||
    later.status === Status.BAD_SEQID || FORGOTTEN.has(later.status) ||
    FORGOTTEN.has(first.status);
}
