import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";

/** Hears of what a file system does wrong; `call` is the method's name. */
export interface FileSystemObserver {
  /** Calls of it have taken too long. */
  timedOut?(call: string, calls: number): void;
  /** A call was not made, as it owes too many answers. */
  refused?(call: string): void;
  /** It has returned what it must not. */
  unsound?(call: string): void;
}

/** Options of `CheckedFileSystem`. */
export interface CheckedOptions {
  /** What the log calls it: the path of its export. */
  readonly name: string;
  /** Milliseconds that a call may take. */
  readonly timeout: number;
  /** Overdue calls at once, which the parties share out; for one with its share nothing more is asked of it. */
  readonly maxOverdue: number;
  /** Operations at once, where they stand in line. */
  readonly maxUnderWay: number;
  /** What the time of a call goes by. */
  readonly clock: Clock;
  /** Where its faults are said. */
  readonly log: Logger;
  /** Is told of its faults. */
  readonly observer?: FileSystemObserver | undefined;
}
