import { FsError, type FsErrorCode } from "../../../vfs/errors.ts";

/** What was thrown, so that it crosses between threads with its meaning. */
export interface SentFault {
  /** Of what the file system threw on purpose; else it is a fault of ours, or one line for the user. */
  readonly code?: FsErrorCode;
  readonly message: string;
  readonly stack?: string | undefined;
}

/** What was thrown, to be sent. */
export function sentFault(error: unknown): SentFault {
  const told = FsError.from(error);
  if (told !== undefined) {
    const { code, message } = told;
    return { code, message: message.slice(`${code}: `.length) };
  }
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  return { message, stack };
}

/** What is thrown on this side for it. */
export function receivedFault({ code, message, stack }: SentFault): Error {
  if (code !== undefined) return new FsError(code, message || undefined);
  const error = new Error(message);
  // Where it was thrown, and not where it has arrived.
  if (stack !== undefined) error.stack = stack;
  return error;
}
