import { askedBy } from "../base/asker.ts";
import type { Clock } from "../base/clock.ts";
import type { OngoingCall } from "../base/ongoing_call.ts";
import { FsError } from "./errors.ts";
import { type Call, type OverdueCall, OverdueCalls } from "./overdue_calls.ts";

/** Options of {@linkcode PendingCalls}. */
export interface PendingCallsOptions {
  /** Milliseconds that a call may take. */
  readonly timeout: number;
  /** Overdue calls at once, which the parties share out: see {@linkcode OverdueCalls}. */
  readonly maxOverdue: number;
  /** What their time goes by. */
  readonly clock: Clock;
  /** Tells what a call is of from all else that its method may be asked of; `undefined` where that can't be told. */
  readonly targetOf: (call: Call) => string | undefined;
  /** Hears how many calls of a method were given up at once, after how many milliseconds. */
  readonly timedOut?: (method: string, calls: number, after: number) => void;
}

/** A call that has returned a promise, and nothing since. */
interface PendingCall {
  readonly method: string;
  readonly since: number;
  /** Has the operation that waits for it go on without it. */
  giveUp(reason: string): void;
}

/** What becomes of a call that waits. */
export interface PendingOutcome<T> {
  /** Its value, as it is to be believed; may throw. */
  readonly accept: (value: T) => T;
  /** It came when no operation waited for it any more. */
  readonly late?: ((value: T) => void) | undefined;
  /** Hears when it is given up. */
  readonly ongoing?: OngoingCall | undefined;
}

/**
 * The calls that one file system has not answered. No call has a timer of its
 * own: a sweep gives up those that take too long, and the operations that
 * waited are told FsError "busy". The calls themselves go on, for nothing can
 * end a promise, unless they stand in a line of ours.
 */
export class PendingCalls {
  readonly #options: PendingCallsOptions;
  /** The oldest first. */
  readonly #waiting = new Set<PendingCall>();
  /** Those that were given up and still go on. */
  readonly overdue: OverdueCalls;

  constructor(options: PendingCallsOptions) {
    this.#options = options;
    this.overdue = new OverdueCalls(options.maxOverdue);
  }

  /** Whether so many of its party's, or of what it is of, are overdue that a call is not to be made. */
  isVain(call: Call): boolean {
    if (this.overdue.count === 0) return false;
    return this.overdue.isFull(askedBy().party) ||
      this.overdue.isHung(this.#options.targetOf(call));
  }

  /** What a call comes to, for as long as that is worth waiting for. */
  wait<T>(
    asked: Call,
    work: Promise<T>,
    { accept, late, ongoing }: PendingOutcome<T>,
  ): Promise<T> {
    const { method } = asked;
    const { party } = askedBy();
    return new Promise((resolve, reject) => {
      let overdue: OverdueCall | undefined;
      const call: PendingCall = {
        method,
        since: this.#options.clock.now(),
        giveUp: (reason) => {
          overdue = { party, target: this.#options.targetOf(asked) };
          this.overdue.add(overdue);
          reject(new FsError("busy", `${method} ${reason}`));
          ongoing?.giveUp();
        },
      };
      const end = (): void => {
        if (overdue !== undefined) this.overdue.delete(overdue);
        else this.#waiting.delete(call);
      };
      work.then((value) => {
        end();
        if (overdue !== undefined) return late?.(value);
        try {
          resolve(accept(value));
        } catch (error) {
          reject(error);
        }
      }, (error) => {
        end();
        reject(error);
      });
      this.#waiting.add(call);
    });
  }

  /** Gives up what takes too long. */
  sweep(): void {
    this.#giveUp(this.#options.timeout, () => true);
  }

  /**
   * Gives up calls of `methods` after `patience` milliseconds already; returns
   * whether there were any.
   */
  hurry(patience: number, methods: ReadonlySet<string>): boolean {
    return this.#giveUp(patience, ({ method }) => methods.has(method));
  }

  /** Gives up all calls but those of `methods`; they are not at fault, so it is not reported. */
  end(methods: ReadonlySet<string>): void {
    for (const call of this.#waiting) {
      if (methods.has(call.method)) continue;
      this.#waiting.delete(call);
      call.giveUp("was given up: the server ends");
    }
  }

  #giveUp(patience: number, applies: (call: PendingCall) => boolean): boolean {
    const { clock, timedOut } = this.#options;
    const latest = clock.now() - patience;
    const counts = new Map<string, number>();
    for (const call of this.#waiting) {
      if (call.since > latest) break;
      if (!applies(call)) continue;
      this.#waiting.delete(call);
      call.giveUp("takes too long");
      counts.set(call.method, (counts.get(call.method) ?? 0) + 1);
    }
    for (const [method, calls] of counts) timedOut?.(method, calls, patience);
    return counts.size > 0;
  }
}
