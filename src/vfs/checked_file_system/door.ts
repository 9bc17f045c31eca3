import { type Awaitable, leave } from "../../base/awaitable.ts";
import type { SharedPlaces } from "../../base/shared_places.ts";
import { abandoned } from "../abandoned.ts";
import { CheckedCalls } from "../checked_calls.ts";
import type { CheckedOptions } from "../checked_options.ts";
import { CheckedRecords } from "../checked_records.ts";
import { isSound, wrongIdentity, wrongNode, wrongStatus } from "../checks.ts";
import type {
  FileSystem,
  FileSystemLimits,
  FileSystemStatus,
  HostFolder,
  ServerRecords,
  Trust,
} from "../file_system.ts";
import { LooksInLine } from "../looks_in_line.ts";
import { operationsUnderWay, standsInLine } from "../under_way.ts";

/**
 * What the parts of a checked file system have in common: the calls of the file
 * system behind it, and what is asked of it as a whole.
 */
export abstract class CheckedDoor {
  readonly limits: FileSystemLimits | undefined;
  readonly trust: Trust | undefined;
  readonly records: ServerRecords | undefined;
  readonly folder: HostFolder | undefined;
  /** The file system itself. */
  readonly inner: FileSystem;
  /** The operations in it that wait; `undefined` where only long ones do, which it sees to by itself. */
  readonly underWay: SharedPlaces | undefined;
  protected readonly calls: CheckedCalls;
  protected readonly looks: LooksInLine;
  /** Whether it is a back end of ours, whose results need no second look. */
  protected readonly isSound: boolean;
  /** Whether it is one of those in the server's own thread: its calls are in no line of ours. */
  readonly #isHere: boolean;

  constructor(inner: FileSystem, options: CheckedOptions) {
    this.inner = inner;
    this.limits = inner.limits;
    this.trust = inner.trust;
    this.folder = inner.folder;
    this.isSound = isSound(inner);
    this.calls = new CheckedCalls(options, (node) => this.identify(node));
    this.looks = new LooksInLine(inner, this.calls);
    this.#isHere = this.isSound && !(standsInLine in inner);
    if (!this.#isHere) {
      this.underWay = operationsUnderWay(options.maxUnderWay);
    }
    const { records } = inner;
    this.records = records === undefined || this.isSound
      ? records
      : new CheckedRecords(records, this.calls);
  }

  /** Whether a look is to be made without more ado, see {@linkcode LooksInLine}. */
  protected get isAtHand(): boolean {
    return this.#isHere && this.calls.mayMakeAll;
  }

  /** Calls that were given up and still go on. */
  get overdue(): number {
    return this.calls.overdue;
  }

  /**
   * Others wait for the memory that its reads and writes hold: gives up those
   * that take longer than `patience` milliseconds, and returns whether there were
   * any. They do no harm when they are sent again.
   */
  hurry(patience: number): boolean {
    return this.calls.hurry(patience);
  }

  /**
   * The server ends: from now on nothing is asked of it but to end what was
   * done, and operations that wait for anything else are told FsError "busy".
   */
  end(): void {
    this.calls.end();
  }

  /** It is not waited for any longer: what can end without its host ends at once. */
  abandon(): void {
    abandoned(this.inner);
  }

  root(): object {
    return this.calls.sound("root", this.inner.root(), wrongNode);
  }

  identify(node: object): Uint8Array {
    return this.calls.sound(
      "identify",
      this.inner.identify(node),
      wrongIdentity,
    );
  }

  resolve(identity: Uint8Array): Awaitable<object> {
    const call = { method: "resolve", identity };
    const ask = () => this.inner.resolve(identity);
    return this.calls.called(call, ask, wrongNode);
  }

  status(): Awaitable<FileSystemStatus> {
    const ask = () => this.inner.status!();
    return this.calls.called({ method: "status" }, ask, wrongStatus);
  }

  dispose(): Awaitable<void> {
    return this.calls.done({ method: "dispose" }, this.inner.dispose!());
  }

  /** What `ask` gives, to be disposed of; `undefined` where that is nothing of the kind. */
  protected given(
    call: "guard" | "guardFolder" | "preserveUnlinked",
    ask: () => Disposable | undefined,
  ): Disposable | undefined {
    const given = this.calls.told(call, ask, undefined);
    if (given === undefined) return undefined;
    if (typeof given?.[Symbol.dispose] === "function") {
      // It is an end that others wait for.
      const release = () => given[Symbol.dispose]();
      const end = () => void this.calls.isOver(call, release());
      return {
        [Symbol.dispose]: () => this.calls.told(call, end, undefined),
      };
    }
    leave(given);
    this.calls.say(call, "no Disposable");
    return undefined;
  }
}
