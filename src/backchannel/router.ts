import type { Client } from "../state/client.ts";
import type { Session } from "../state/session.ts";
import type { Backchannel } from "./backchannel.ts";
import type { CallbackOutcome, CallbackRequest } from "./callback_request.ts";
import type { DialOut } from "./dial_out.ts";

/** A callback on its way. */
export interface Routed {
  /** There may be a new way: tries it, unless the callback was answered. */
  tryAnew(): void;
}

/**
 * Sends callbacks the way that a client registered: over the back channel of any
 * of its sessions, or to the address that an NFSv4.0 client gave.
 */
export class CallbackRouter {
  readonly #backchannel: Pick<Backchannel, "enqueue">;
  readonly #dialOut: Pick<DialOut, "send" | "isUp">;

  constructor(
    ways: {
      readonly backchannel: Pick<Backchannel, "enqueue">;
      readonly dialOut: Pick<DialOut, "send" | "isUp">;
    },
  ) {
    this.#backchannel = ways.backchannel;
    this.#dialOut = ways.dialOut;
  }

  /** Whether callbacks are trusted to reach the client, and have a way. */
  isProven(client: Client): boolean {
    if (client.protocol === 0) return this.#dialOut.isUp(client);
    for (const session of client.sessions) {
      if (session.isPathProven && session.isPathUp) return true;
    }
    return false;
  }

  /** Sends a callback over this session and no other; `request.done` is called once, possibly at once. */
  sendOver(session: Session, request: CallbackRequest): void {
    if (this.#backchannel.enqueue(session, request)) return;
    request.done(
      session.isPathUp
        ? { kind: "full" }
        : { kind: "failed", reason: "the session has no back channel" },
    );
  }

  /** Sends a callback; `request.done` is called once, possibly at once. */
  send(client: Client, request: CallbackRequest): Routed {
    if (client.protocol === 0) {
      this.#dialOut.send(client, request);
      return { tryAnew: () => {} };
    }
    const route = new SessionRoute(client, request, this.#backchannel);
    route.start();
    return route;
  }
}

/**
 * A callback that goes to one session of its client after the other, those with
 * a proven path first, and of them the one that was used last: to the next as
 * soon as one does not answer at once, be it this callback or one before it.
 * Callbacks may arrive twice by that, so they must be such as do no harm.
 */
class SessionRoute implements Routed {
  readonly #client: Client;
  readonly #request: CallbackRequest;
  readonly #backchannel: Pick<Backchannel, "enqueue">;
  readonly #tried = new Set<Session>();
  #underWay = 0;
  #isOver = false;

  constructor(
    client: Client,
    request: CallbackRequest,
    backchannel: Pick<Backchannel, "enqueue">,
  ) {
    this.#client = client;
    this.#request = request;
    this.#backchannel = backchannel;
  }

  start(): void {
    const full = !this.#next();
    if (this.#underWay > 0) return;
    this.#finish(
      full && this.#tried.size > 0
        ? { kind: "full" }
        : { kind: "failed", reason: "no session has a back channel" },
    );
  }

  tryAnew(): void {
    if (!this.#isOver) this.#next();
  }

  /** Hands it to a session that has not had it; false when there is none. */
  #next(): boolean {
    const live = [...this.#client.sessions]
      .filter((session) => session.isPathUp && !this.#tried.has(session))
      .sort((a, b) =>
        Number(b.isPathProven) - Number(a.isPathProven) || b.usedAt - a.usedAt
      );
    for (const session of live) {
      this.#tried.add(session);
      if (this.#hand(session)) return true;
    }
    return false;
  }

  #hand(session: Session): boolean {
    const { operations, referringCalls, wanted } = this.#request;
    const accepted = this.#backchannel.enqueue(session, {
      operations,
      referringCalls,
      wanted: () => !this.#isOver && wanted?.() !== false,
      unanswered: () => this.tryAnew(),
      done: (outcome) => this.#ended(outcome),
    });
    if (accepted) this.#underWay++;
    return accepted;
  }

  #ended(outcome: CallbackOutcome): void {
    this.#underWay--;
    if (this.#isOver) return;
    if (outcome.kind === "answered") return this.#finish(outcome);
    if (!this.#next() && this.#underWay === 0) this.#finish(outcome);
  }

  #finish(outcome: CallbackOutcome): void {
    this.#isOver = true;
    this.#request.done(outcome);
  }
}
