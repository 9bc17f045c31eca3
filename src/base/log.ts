/**
 * The one front of the project's logging; nothing else imports `@std/log`, so
 * that it can be replaced here.
 *
 * @module
 */

import {
  BaseHandler,
  Logger as StdLogger,
  LogLevels,
  LogRecord,
} from "@std/log";
import { leave } from "./awaitable.ts";
import { LineQueue } from "./line_queue.ts";
import { dropTraces } from "./out_of_room.ts";
import { printable } from "./printable.ts";
import { systemWallClock } from "./wall_clock.ts";

/** Facts that belong to a message, by name. */
export type LogFields = Record<string, unknown>;

/** Writes messages of four levels. */
export interface Logger {
  /**
   * The least level that is written, where the logger says so. At `"debug"` the
   * server logs each operation, which it does for no other logger.
   */
  readonly level?: LogLevel | undefined;
  /** Detail for an operator who looks for a fault. */
  debug(message: string, fields?: LogFields): void;
  /** Start, stop, and state that was lost. */
  info(message: string, fields?: LogFields): void;
  /** A client's fault. */
  warn(message: string, fields?: LogFields): void;
  /** Our own fault. */
  error(message: string, fields?: LogFields): void;
  /** Lines that were left out, as their reader did not take them in time; counted in a metric. */
  readonly dropped?: number | undefined;
  /** Resolves when all lines are written, or after `timeoutMs`; where lines may wait. */
  flush?(timeoutMs: number): Promise<void>;
}

/**
 * Where an error was thrown, to be logged beside the error: for one that is
 * a mistake of a program. It is looked at when the line is written, and not before
 * {@linkcode unfailing} has looked at the error.
 */
export class Trace {
  readonly #thrown: unknown;

  /** Of what was thrown. */
  constructor(thrown: unknown) {
    this.#thrown = thrown;
  }

  /** The lines below the message, in one; empty for what is no error. */
  toString(): string {
    if (!(this.#thrown instanceof Error)) return "";
    const lines = `${this.#thrown.stack}`.split("\n");
    const frames = lines.map((line) => line.trim()).filter(isFrame);
    return frames.slice(0, MOST_FRAMES).join(", ");
  }
}

/** The levels, least severe first; a logger writes its own and those after. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** The forms of a line. */
export const LOG_FORMATS = ["text", "json"] as const;

/** One of {@link LOG_FORMATS}. */
export type LogFormat = typeof LOG_FORMATS[number];

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /** The least level that is written; `"info"` if left out. */
  level?: LogLevel | undefined;
  /** Form of a line; `"text"` if left out. */
  format?: LogFormat | undefined;
  /**
   * Takes each line, without its newline. If left out lines go to standard
   * error without the server waiting for its reader: 1 MiB of them are kept, of
   * more it is said afterwards how many were left out.
   */
  write?: ((line: string) => void) | undefined;
  /** Time of a line, in ms since 1970; the system's if left out. */
  clock?: (() => number) | undefined;
}

/**
 * Makes a logger that writes one line a message.
 *
 * Text is `TIME LEVEL message name=value ...`; JSON is one object with `time`,
 * `level`, `message` and the fields. Neither lets a value start a new line.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = "info", format = "text", clock = systemWallClock } = options;
  const formatLine = format === "json" ? jsonLine : textLine;
  const lineOf = (record: LogRecord): string =>
    formatLine(record, new Date(clock()).toISOString());
  const { write } = options;
  if (write !== undefined) return levelsOf(level, lineOf, write);
  const queue = new LineQueue(Deno.stderr, {
    leftOut: (count) => lineOf(leftOutRecord(count)),
  });
  return {
    ...levelsOf(level, lineOf, (line) => queue.write(line)),
    flush: (timeoutMs) => queue.flush(timeoutMs),
    get dropped() {
      return queue.dropped;
    },
  };
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/**
 * A logger that was given, of which nothing is believed: what it throws, or
 * rejects with, is ignored. A sink that fails can't be told of anywhere, and must
 * not end what it was to tell of.
 */
export function unfailing(logger: Logger): Logger {
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act();
    } catch {
      return undefined;
    }
  };
  const write = (level: LogLevel, message: string, fields?: LogFields) =>
    void attempt(() => {
      for (const field of Object.values(fields ?? {})) dropTraces(field);
      leave(logger[level](message, fields));
    });
  return {
    level: attempt(() => logger.level),
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    get dropped() {
      const dropped: unknown = attempt(() => logger.dropped);
      return typeof dropped === "number" && dropped >= 0 ? dropped : undefined;
    },
  };
}

const STD_LEVEL = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
} as const;

const NAME = "nfs4";

/** Letters of a value that a line has at most: an author's error may be megabytes long. */
const MOST_LETTERS = 4096;

/** Lines of a trace: those in which an author finds the mistake. */
const MOST_FRAMES = 6;

class LineHandler extends BaseHandler {
  readonly #write: (line: string) => void;

  constructor(
    formatter: (record: LogRecord) => string,
    write: (line: string) => void,
  ) {
    super("DEBUG", { formatter });
    this.#write = write;
  }

  override log(line: string): void {
    this.#write(line);
  }
}

/** The four methods of a logger whose lines go to `write`. */
function levelsOf(
  level: LogLevel,
  lineOf: (record: LogRecord) => string,
  write: (line: string) => void,
): Logger {
  const handlers = [new LineHandler(lineOf, write)];
  const std = new StdLogger(NAME, STD_LEVEL[level], { handlers });
  return {
    level,
    debug: (message, fields) => void std.debug(message, fields),
    info: (message, fields) => void std.info(message, fields),
    warn: (message, fields) => void std.warn(message, fields),
    error: (message, fields) => void std.error(message, fields),
  };
}

function leftOutRecord(count: number): LogRecord {
  return new LogRecord({
    msg: "left out lines that nobody read in time",
    args: [{ count }],
    level: LogLevels.WARN,
    loggerName: NAME,
  });
}

function fieldsOf(record: LogRecord): LogFields {
  return (record.args[0] ?? {}) as LogFields;
}

function jsonLine(record: LogRecord, time: string): string {
  const head = {
    time,
    level: record.levelName.toLowerCase(),
    message: record.msg,
  };
  // The head comes last as well, so that no field can pose as it.
  const fields = fieldsOf(record);
  const lineOf = (fields: LogFields): string =>
    printable(JSON.stringify({ ...head, ...fields, ...head }, plain));
  try {
    return lineOf(fields);
  } catch {
    const shown = Object.entries(fields).map(([name, value]) =>
      [name, textOf(value)] as const
    );
    return lineOf(Object.fromEntries(shown));
  }
}

/** Makes values printable that JSON has no word for, or that are too long for a line. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Trace) return cut(value.toString());
  if (value instanceof Error) return cut(`${value.name}: ${value.message}`);
  return typeof value === "string" ? cut(value) : value;
}

function isFrame(line: string): boolean {
  return line.startsWith("at ");
}

function cut(text: string): string {
  return text.length > MOST_LETTERS
    ? `${text.slice(0, MOST_LETTERS)}… (${text.length} letters)`
    : text;
}

function textLine(record: LogRecord, time: string): string {
  let line = `${time} ${record.levelName.padEnd(5)} ${printable(record.msg)}`;
  for (const [name, value] of Object.entries(fieldsOf(record))) {
    if (value !== undefined) line += ` ${name}=${textValue(value)}`;
  }
  return line;
}

function textValue(value: unknown): string {
  const text = textOf(value);
  return /^[\w.:/@+\-]+$/.test(text) ? text : printable(JSON.stringify(text));
}

/** Whatever was thrown may come here: what contains itself, or throws when it is looked at. */
function textOf(value: unknown): string {
  try {
    const shown = plain("", value);
    if (typeof shown === "string") return shown;
    return JSON.stringify(shown, plain) ?? String(shown);
  } catch {
    return "(not to be shown)";
  }
}
