import { type Awaitable, promised } from "../base/awaitable.ts";
import { calling } from "../base/ongoing_call.ts";
import { leaveParts, UnsoundResult } from "./checks.ts";
import type { CheckedOptions } from "./checked_options.ts";
import { FsError } from "./errors.ts";
import { type Call, targetOf } from "./overdue_calls.ts";
import { PendingCalls, type PendingOutcome } from "./pending_calls.ts";

/** The methods whose calls keep a buffer each. */
const HOLDING_MEMORY: ReadonlySet<string> = new Set(["read", "write"]);

/** The methods that end what was done: they are called, and waited for, when nothing else is. */
const ENDING: ReadonlySet<string> = new Set(["close", "settle", "dispose"]);

/** Milliseconds before a fault of the same kind is said again. */
const SILENCE_MS = 60_000;

/**
 * The calls of one file system, its records' too: whether they are made, how
 * long they are waited for, and what becomes of results that can't be true.
 */
export class CheckedCalls {
  readonly #options: CheckedOptions;
  readonly #pending: PendingCalls;
  /** The faults that were logged, and when; there are few kinds. */
  readonly #said = new Map<string, number>();
  #isEnding = false;
  #hasFailed = false;

  /** `identify` is the file system's own. */
  constructor(
    options: CheckedOptions,
    identify: (node: object) => Uint8Array,
  ) {
    this.#options = options;
    this.#pending = new PendingCalls({
      ...options,
      targetOf: (call) =>
        // What settles, or ends, is of no file.
        ENDING.has(call.method)
          ? undefined
          : this.told("identify", () => targetOf(call, identify), undefined),
      timedOut: (call, calls, after) => this.#timedOut(call, calls, after),
    });
  }

  /** Calls that were given up and still go on. */
  get overdue(): number {
    return this.#pending.overdue.count;
  }

  /** Whether so many are overdue that for some parties nothing more is asked. */
  get areTooMany(): boolean {
    return this.#pending.overdue.areTooMany;
  }

  /** Gives up the calls that take too long. */
  sweep(): void {
    this.#pending.sweep();
  }

  /** See `CheckedFileSystem.hurry`. */
  hurry(patience: number): boolean {
    return this.#pending.hurry(patience, HOLDING_MEMORY);
  }

  /** See `CheckedFileSystem.end`. */
  end(): void {
    this.#isEnding = true;
    this.#pending.end(ENDING);
  }

  /** Whether no call at all would be refused. */
  get mayMakeAll(): boolean {
    return !this.#isEnding && this.#pending.overdue.count === 0;
  }

  /** Throws FsError "busy" where a call is not to be made. */
  admit(call: Call): void {
    if (this.#isEnding) throw new FsError("busy", "the server ends");
    this.admitAnswering(call);
  }

  /** A file system that does not answer is asked no more of what it owes too many answers to. */
  admitAnswering(call: Call): void {
    if (!this.#pending.isVain(call)) return;
    this.#options.observer?.refused?.(call.method);
    throw new FsError("busy", "it does not answer");
  }

  /**
   * Makes a call and looks at what it returns: given up, it does nothing later
   * that it has not begun. `late` is called when no operation waits for it any more.
   */
  called<T>(
    call: Call,
    ask: () => Awaitable<T>,
    wrong: (value: T) => string | undefined,
    late?: () => void,
  ): Awaitable<T> {
    this.admit(call);
    const accept = (value: T) => this.sound(call.method, value, wrong);
    const given = calling(
      ask,
      (work, ongoing) =>
        this.#pending.wait(call, work, { accept, late, ongoing }),
    );
    return given instanceof Promise ? given : accept(given);
  }

  /** What a call that can't leave a line returned, looked at when it is there. */
  checked<T>(
    call: Call,
    given: Awaitable<T>,
    wrong: (value: T) => string | undefined,
  ): Awaitable<T> {
    const accept = (value: T) => this.sound(call.method, value, wrong);
    if (!(given instanceof Promise)) return accept(given);
    return this.#pending.wait(call, given, { accept });
  }

  /** The end of a call that returns nothing, and is made whatever becomes of it. */
  done(call: Call, given: Awaitable<void>): Awaitable<void> {
    const work = promised(given);
    if (work === undefined) return;
    return this.#pending.wait(call, work, DONE);
  }

  /**
   * Whether a call that no operation waits for has returned nothing. A promise
   * is said, and what it rejects with is heard: it would end the process.
   */
  isOver(call: string, given: unknown): boolean {
    const work = promised(given as Awaitable<void>);
    if (work === undefined) return true;
    this.say(call, "a promise");
    work.catch(() => this.say(call, "an error"));
    return false;
  }

  /** A result that can be true; else FsError "io". */
  sound<T>(
    call: string,
    value: T,
    wrong: (value: T) => string | undefined,
  ): T {
    const what = wrong(value);
    if (what === undefined) return value;
    leaveParts(value);
    this.say(call, what);
    throw new UnsoundResult("io", `${call}: ${what}`);
  }

  /** What is asked where nothing could be done about an error; `otherwise` where there is one. */
  told<T>(call: string, ask: () => T, otherwise: T): T {
    try {
      return ask();
    } catch (error) {
      const isSaid = FsError.from(error) instanceof UnsoundResult;
      if (!isSaid) this.say(call, "an error");
      return otherwise;
    }
  }

  /** Its own fault, each kind once in a minute: a client may ask as often as it likes. */
  say(call: string, what: string): void {
    const { name, clock, log, observer } = this.#options;
    observer?.unsound?.(call);
    const kind = `${call} ${what}`;
    const now = clock.now();
    if (now < (this.#said.get(kind) ?? -Infinity) + SILENCE_MS) return;
    this.#said.set(kind, now);
    log.error("a file system returned what it must not", {
      export: name,
      call,
      what,
    });
  }

  /** Why it has failed, `undefined` where it is sound: said once, as is that it is sound again. */
  failed(reason: string | undefined): void {
    const hasFailed = reason !== undefined;
    if (hasFailed === this.#hasFailed) return;
    this.#hasFailed = hasFailed;
    const { name, log } = this.#options;
    if (hasFailed) {
      log.error("a file system has failed", { export: name, reason });
    } else log.info("a file system is served again", { export: name });
  }

  #timedOut(call: string, calls: number, after: number): void {
    const { name, log, observer } = this.#options;
    observer?.timedOut?.(call, calls);
    log.error("a file system does not answer", {
      export: name,
      call,
      calls,
      afterMs: after,
      overdue: this.overdue,
    });
  }
}

const DONE: PendingOutcome<void> = { accept: () => {} };
