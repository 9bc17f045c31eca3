import type { Awaitable } from "../base/awaitable.ts";
import { nextTurn } from "../base/turn.ts";
import type { Export } from "../vfs/exports.ts";
import type { CompoundContext } from "./context.ts";

/**
 * Has `act` ask the export's file system for something: at once, or, where many
 * operations are under way in one that has them wait, in its party's turn.
 */
export function inLine<T>(
  { connection, services: { turn } }: Pick<
    CompoundContext,
    "connection" | "services"
  >,
  { underWay }: Export,
  act: () => Awaitable<T>,
): Awaitable<T> {
  if (underWay === undefined) return act();
  const leave = () => underWay.leave(connection);
  const begin = (): Awaitable<T> => {
    let done: Awaitable<T>;
    try {
      done = act();
    } catch (error) {
      leave();
      throw error;
    }
    if (done instanceof Promise) done.then(leave, leave);
    else leave();
    return done;
  };
  const entered = underWay.enter(connection);
  if (entered === undefined) return begin();
  // Each that is done at once lets the next in, and there may be thousands.
  return entered.then(() => turn?.next(connection) ?? nextTurn()).then(begin);
}
