import { type Steps, wait } from "../base/awaitable.ts";
import { FsError } from "../vfs/errors.ts";
import type { CompoundContext } from "./context.ts";

/**
 * Lets others have their turns where this one is over. Throws FsError "busy" where
 * the connection was closed meanwhile, and no change has begun.
 */
export function* takeTurns(context: CompoundContext): Steps<void> {
  const { connection, services: { turn } } = context;
  if (!turn?.isOver) return;
  yield* wait(turn.next(connection));
  if (context.isMoot) throw new FsError("busy", "the connection is closed");
}
