import { OWN, workFor } from "../../../base/asker.ts";
import {
  calling,
  GivenUp,
  type OngoingCall,
} from "../../../base/ongoing_call.ts";
import type { Turn } from "../../../base/turn.ts";
import { hostedFileSystem } from "../hosted.ts";
import type {
  Answer,
  Calls,
  FromWorker,
  News,
  Notice,
  SentCall,
  SentOptions,
  SentPast,
  SentStart,
  ToWorker,
} from "./calls.ts";
import { Carrier } from "./carrier.ts";
import { type Caller, Callers } from "./callers.ts";
import { sentFault } from "./faults.ts";
import { Mailbox } from "./mailbox.ts";
import { Outbox } from "./outbox.ts";

/** What a worker has in place of a window. */
export interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
}

/** The worker's end of the way to the server: takes calls, and answers each when it is done. */
export class Answering {
  readonly #outbox: Outbox<Answer | News>;
  #carrier: Carrier | undefined;
  #toldLost = 0;
  readonly #turn: Turn;
  readonly #callers = new Callers();
  readonly #mailbox: Mailbox;
  /** For whom the calls are that come. */
  #caller: Caller = this.#callers.of({ ...OWN, connection: 0 });
  /** Calls that are under way and can be given up. */
  readonly #ongoing = new Map<number, OngoingCall>();

  /** `turn` bounds what is done at once. */
  constructor(scope: WorkerScope, turn: Turn) {
    this.#turn = turn;
    this.#mailbox = new Mailbox(turn, this.#callers);
    this.#outbox = new Outbox((all, transfer) =>
      scope.postMessage(all, transfer)
    );
    scope.onmessage = ({ data }) => {
      for (let i = 0; i < data.length;) {
        i = workFor(this.#caller, () => this.#take(data, i));
      }
    };
  }

  /** Takes what is for the same caller, from the one at `i` on; returns what it came to. */
  #take(all: ToWorker, i: number): number {
    while (i < all.length) {
      const one = all[i++]!;
      if ("call" in one) this.#takeCall(one);
      else if ("party" in one) {
        this.#caller = this.#callers.of(one);
        return i;
      } else if ("givenUp" in one) this.#giveUp(one.givenUp);
      else this.#hear(one);
    }
    return i;
  }

  #takeCall(one: SentCall): void {
    const caller = this.#caller;
    const begin = () => this.#carryOut(one, caller);
    // What was asked for is done before all ends.
    if (one.method === "dispose") this.#mailbox.afterThese(begin);
    else this.#mailbox.take(caller, one.call, begin);
  }

  #giveUp(call: number): void {
    if (this.#mailbox.giveUp(call)) this.#fail(call, new GivenUp());
    else this.#ongoing.get(call)?.giveUp();
  }

  #hear(notice: Notice): void {
    const hear = () => this.#carrier?.hear(notice);
    // Calls that wait may be of nodes that are let go of.
    if ("released" in notice) this.#mailbox.afterThese(hear);
    else hear();
  }

  #carryOut({ call, method, args }: SentCall, caller: Caller): void {
    const fail = (error: unknown) => this.#fail(call, error);
    try {
      const act = (): unknown =>
        method === "start"
          ? this.#start(...args as Parameters<Calls["start"]>)
          : this.#callOf(method)(...args);
      const given = calling(
        act,
        (work, ongoing) => this.#underWay({ call, caller, ongoing }, work),
      );
      if (!(given instanceof Promise)) {
        return this.#answer({ call, value: given });
      }
      given.then((value) => this.#answer({ call, value }), fail);
    } catch (error) {
      fail(error);
    }
  }

  /** What a call comes to that goes on. */
  async #underWay<T>(
    { call, caller, ongoing }: {
      readonly call: number;
      readonly caller: Caller;
      readonly ongoing: OngoingCall | undefined;
    },
    work: Promise<T>,
  ): Promise<T> {
    using _ = this.#callers.going(caller);
    if (ongoing !== undefined) this.#ongoing.set(call, ongoing);
    try {
      return await work;
    } finally {
      this.#ongoing.delete(call);
    }
  }

  #callOf(
    method: Exclude<SentCall["method"], "start">,
  ): (...args: SentCall["args"]) => unknown {
    return this.#carrier!.calls[method] as (
      ...args: SentCall["args"]
    ) => unknown;
  }

  #fail(call: number, error: unknown): void {
    this.#answer({ call, fault: sentFault(error) });
  }

  #answer(answer: Answer): void {
    // Before what it may be the reason of: the answer to a COMMIT.
    const lostWrites = this.#carrier?.lostWrites ?? 0;
    if (lostWrites !== this.#toldLost) {
      this.#outbox.add({ lostWrites: lostWrites - this.#toldLost });
      this.#toldLost = lostWrites;
    }
    this.#outbox.add(answer, bufferOf(answer));
  }

  #start(
    directory: string,
    options: SentOptions,
    past: SentPast,
  ): SentStart {
    const fs = hostedFileSystem(directory, {
      ...options,
      turn: this.#turn,
    });
    const recall = (file: number) => this.#outbox.add({ recall: file });
    const carrier = new Carrier(fs, { past, recall });
    this.#carrier = carrier;
    const { folder, limitations, canGuard, hasXattrs } = fs;
    // A list is read when it is shown, and a worker can't be asked without waiting.
    const limits = { ...fs.limits, accessLists: undefined };
    const root = carrier.root();
    return { limits, folder, limitations, canGuard, hasXattrs, root };
  }
}

/** The content that was read, which is given away. */
function bufferOf(answer: Answer): ArrayBuffer | undefined {
  const { data } = ("value" in answer ? answer.value ?? {} : {}) as {
    data?: Uint8Array<ArrayBuffer>;
  };
  return data?.buffer;
}
