import {
  type LogFields,
  type Logger,
  silentLogger,
} from "../../src/base/log.ts";

/** A logger, and the errors that it was told. */
export function heardErrors(): {
  readonly log: Logger;
  readonly errors: readonly unknown[];
} {
  const errors: unknown[] = [];
  const error = (_message: string, fields?: LogFields) =>
    void errors.push(fields?.error);
  return { log: { ...silentLogger, error }, errors };
}
