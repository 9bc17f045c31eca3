/**
 * What this project needs of `@std/log`, with its signatures: loggers that
 * hand records to handlers. `src/base/log.ts` is the one place that imports it.
 *
 * @module
 */

/** Levels by name; a higher number is more severe. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** Number of a level. */
export type LogLevel = typeof LogLevels[LevelName];
/** Name of a level. */
export type LevelName = keyof typeof LogLevels;

/** What a {@link LogRecord} is made of. */
export interface LogRecordOptions {
  /** The message. */
  msg: string;
  /** Further values. */
  args: unknown[];
  /** The level. */
  level: LogLevel;
  /** The logger's name. */
  loggerName: string;
}

/** One message on its way to the handlers. */
export class LogRecord {
  /** The message. */
  readonly msg: string;
  /** Further values. */
  readonly args: unknown[];
  /** When it was made. */
  readonly datetime: Date;
  /** The level. */
  readonly level: number;
  /** The level's name. */
  readonly levelName: string;
  /** The logger's name. */
  readonly loggerName: string;

  /** A record of now. */
  constructor(options: LogRecordOptions) {
    this.msg = options.msg;
    this.args = [...options.args];
    this.datetime = new Date();
    this.level = options.level;
    this.loggerName = options.loggerName;
    const found = Object.entries(LogLevels).find(([, n]) => n === this.level);
    if (found === undefined) throw new Error(`no log level ${this.level}`);
    this.levelName = found[0];
  }
}

/** Makes a line of a record. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** Options of a handler. */
export interface BaseHandlerOptions {
  /** Makes the line; the level's name and the message if left out. */
  formatter?: FormatterFunction;
}

/** Formats records of its level and above, and passes them to {@link log}. */
export abstract class BaseHandler {
  /** The least level that is passed on. */
  readonly level: LogLevel;
  /** Makes the line. */
  formatter: FormatterFunction;

  /** A handler for `levelName` and above. */
  constructor(levelName: LevelName, options?: BaseHandlerOptions) {
    this.level = LogLevels[levelName];
    this.formatter = options?.formatter ??
      ((record) => `${record.levelName} ${record.msg}`);
  }

  /** Takes a record. */
  handle(logRecord: LogRecord): void {
    if (this.level <= logRecord.level) this.log(this.formatter(logRecord));
  }

  /** Puts the line where it belongs. */
  abstract log(msg: string): void;
}

/** Options of a logger. */
export interface LoggerOptions {
  /** Where its records go. */
  handlers?: BaseHandler[];
}

/** Makes records of its level and above, and hands them to its handlers. */
export class Logger {
  /** Where its records go. */
  handlers: BaseHandler[];
  /** The least level that is logged. */
  readonly level: LogLevel;
  /** Its name. */
  readonly loggerName: string;

  /** A logger for `levelName` and above. */
  constructor(
    loggerName: string,
    levelName: LevelName,
    options: LoggerOptions = {},
  ) {
    this.loggerName = loggerName;
    this.level = LogLevels[levelName];
    this.handlers = options.handlers ?? [];
  }

  /** Logs at level DEBUG. */
  debug(msg: string, ...args: unknown[]): string {
    return this.#record(LogLevels.DEBUG, { msg, args });
  }

  /** Logs at level INFO. */
  info(msg: string, ...args: unknown[]): string {
    return this.#record(LogLevels.INFO, { msg, args });
  }

  /** Logs at level WARN. */
  warn(msg: string, ...args: unknown[]): string {
    return this.#record(LogLevels.WARN, { msg, args });
  }

  /** Logs at level ERROR. */
  error(msg: string, ...args: unknown[]): string {
    return this.#record(LogLevels.ERROR, { msg, args });
  }

  #record(level: LogLevel, said: { msg: string; args: unknown[] }): string {
    if (this.level <= level) {
      const { loggerName } = this;
      const record = new LogRecord({ ...said, level, loggerName });
      for (const handler of this.handlers) handler.handle(record);
    }
    return said.msg;
  }
}
