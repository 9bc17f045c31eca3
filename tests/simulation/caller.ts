/**
 * A client's way to the server: calls go out on one of its connections, are sent
 * again when no answer comes, and every answer that ever comes is held against
 * the one that was taken.
 */

import { XdrReader } from "../../src/xdr/reader.ts";
import {
  type CompoundReply,
  type CompoundRequest,
  encodeCall,
  messageOf,
  MessageType,
  readCompound,
  readReply,
  rootCredential,
  writeCompound,
} from "../support/client/mod.ts";
import type { ClientLease } from "./holds.ts";
import type { Link, LinkOwner, Network } from "./network.ts";
import { Abandoned, type World } from "./world.ts";

/** No answer came, and the request must not be sent again: nobody knows. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
}

/** How a request is treated. */
export interface CallOptions {
  /**
   * What to do without an answer: send it again, on the same connection or on
   * a new one; on a new one only (RFC 7530 3.1.1); or give up.
   */
  readonly patience: "resend" | "reconnect" | "once";
  /** The network must not duplicate it. */
  readonly isSingle?: boolean | undefined;
  /** Answers that say "later": the request is sent again. */
  readonly isLater?: ((reply: CompoundReply) => boolean) | undefined;
  /** Whether an answer that came after the first one is in order. */
  readonly isRepetition: (
    first: CompoundReply,
    later: CompoundReply,
  ) => boolean;
}

/** A request that is or was out. */
interface Call extends CallOptions {
  readonly compound: CompoundRequest;
  answer: CompoundReply | undefined;
  /** Continues whoever waits. */
  wake: (() => void) | undefined;
}

/** Connections of a client of 4.1; one of 4.0 has one. */
const MOST_LINKS = 2;

/** The client's end of its connections. */
export class Caller implements LinkOwner {
  readonly #world: World;
  readonly #network: Network;
  readonly #lease: ClientLease;
  readonly #mostLinks: number;
  readonly #calls = new Map<number, Call>();
  #links: Link[] = [];
  #xid: number;
  #isGone = false;
  /** Takes the server's calls. */
  onCall: (message: Uint8Array, link: Link) => void = () => {};
  /** Virtual time until which nothing is sent. */
  #silentUntil = 0;

  constructor(
    network: Network,
    lease: ClientLease,
    options: { readonly trunked: boolean },
  ) {
    this.#world = network.world;
    this.#network = network;
    this.#lease = lease;
    this.#mostLinks = options.trunked ? MOST_LINKS : 1;
    this.#xid = this.#world.random.uint32();
  }

  /** {@inheritDoc LinkOwner.host} */
  get host(): string {
    return this.#lease.client;
  }

  /** The server has heard of this client. */
  set heardAt(time: number) {
    this.#lease.heardAt = time;
  }

  /** {@inheritDoc LinkOwner.heardAt} */
  get heardAt(): number {
    return this.#lease.heardAt;
  }

  /** Its connections. */
  get links(): readonly Link[] {
    return this.#links;
  }

  /** Throws {@linkcode Abandoned} when the client has crashed. */
  assertAlive(): void {
    if (this.#isGone) throw new Abandoned();
  }

  /** The client crashes: nobody waits for anything any more. */
  crash(): void {
    this.#isGone = true;
    for (const link of this.#links) link.cut();
    for (const { wake } of this.#calls.values()) wake?.();
  }

  /** Says nothing for a while. */
  fallSilent(milliseconds: number): void {
    const until = this.#world.now + milliseconds;
    this.#silentUntil = Math.max(this.#silentUntil, until);
  }

  /** Waits until the client speaks again, where it has fallen silent. */
  async awake(): Promise<void> {
    while (this.#world.now < this.#silentUntil) {
      await this.#world.clock.sleep(this.#silentUntil - this.#world.now);
      this.assertAlive();
    }
  }

  /** Sends a COMPOUND until it is answered; `sentAt` is when it was first sent. */
  async call(
    compound: CompoundRequest,
    options: CallOptions,
  ): Promise<{ readonly reply: CompoundReply; readonly sentAt: number }> {
    this.assertAlive();
    const sentAt = this.#world.now;
    const call: Call = {
      ...options,
      compound,
      answer: undefined,
      wake: undefined,
    };
    let xid = this.#newXid(call);
    this.#send(xid, call);
    while (true) {
      await this.#answered(call);
      this.assertAlive();
      if (call.answer !== undefined) return { reply: call.answer, sentAt };
      // Without a session a retry may come too late: 4.0 falls silent behind it.
      if (options.patience === "resend") await this.awake();
      if (call.answer !== undefined) return { reply: call.answer, sentAt };
      this.#world.count("resent requests");
      if (options.patience !== "resend" || this.#world.random.oneIn(2)) {
        this.cutOne();
      }
      if (options.patience === "once") throw new Unanswered();
      if (this.#world.random.oneIn(2)) xid = this.#newXid(call);
      this.#send(xid, call);
    }
  }

  /** A message came. */
  receive(message: Uint8Array, link: Link): void {
    const xdr = new XdrReader(message);
    const call = this.#calls.get(xdr.uint32());
    if (xdr.uint32() === MessageType.CALL) return this.onCall(message, link);
    try {
      this.#world.insist(call !== undefined, () => "reply to no request");
      const outcome = readReply(xdr);
      this.#world.insist(outcome.kind === "success", () => outcome.kind);
      this.#take(call, readCompound(outcome.body, call.compound));
    } catch (error) {
      this.#world.blame(messageOf(error));
    }
  }

  /** One of the connections breaks. */
  cutOne(): void {
    if (this.#links.length === 0) return;
    const link = this.#world.random.pick(this.#links);
    // What a client of 4.0 sent before must not arrive behind what it sends anew.
    if (this.#mostLinks === 1) link.drop();
    else link.cut();
  }

  #take(call: Call, reply: CompoundReply): void {
    const { answer } = call;
    if (answer !== undefined) {
      this.#world.insist(
        call.isRepetition(answer, reply),
        () =>
          `another answer: first ${answer.describe()}, then ${reply.describe()}`,
      );
    } else if (call.isLater?.(reply)) {
      this.#world.count("requests found busy");
    } else {
      this.#world.note(() => `${this.#lease.client}: ${reply.describe()}`);
      call.answer = reply;
      call.wake?.();
    }
  }

  /** Waits for the answer, or until it is time to send it again. */
  async #answered(call: Call): Promise<void> {
    if (call.answer !== undefined) return;
    const { clock } = this.#world;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.schedule(resolve, this.#world.between(400, 2000));
    call.wake = resolve;
    await promise;
    cancel();
    call.wake = undefined;
  }

  #newXid(call: Call): number {
    this.#xid = (this.#xid + 1) >>> 0;
    this.#calls.set(this.#xid, call);
    return this.#xid;
  }

  #send(xid: number, call: Call): void {
    const header = { xid, program: 100003, version: 4, procedure: 1 };
    const message = encodeCall(
      { ...header, credential: rootCredential },
      (xdr) => writeCompound(xdr, call.compound),
    );
    const mayRepeat = call.patience !== "once" && !call.isSingle;
    this.#link().send(message, { mayRepeat });
  }

  #link(): Link {
    this.#links = this.#links.filter((link) => link.isOpen);
    const { random } = this.#world;
    const isFull = this.#links.length >= this.#mostLinks;
    if (this.#links.length > 0 && (isFull || !random.oneIn(4))) {
      return random.pick(this.#links);
    }
    const link = this.#network.connect(this);
    this.#links.push(link);
    return link;
  }
}
