import { type Steps, wait } from "../../base/awaitable.ts";
import { nextTurn } from "../../base/turn.ts";
import type { ChangeInfo } from "../file_system.ts";

/** Parts that are set or removed before others have their turns. */
const AT_ONCE = 8;

/** A few requests of hardly any bytes may be about megabytes of parts: others have their turns between some of them. */
export function* othersAct(part: number): Steps<void> {
  if (part > 0 && part % AT_ONCE === 0) yield* wait(nextTurn());
}

/** Two changes of one file, one after the other. */
export function joined(
  first: ChangeInfo,
  second: ChangeInfo | undefined,
): ChangeInfo {
  if (second === undefined) return first;
  const atomic = first.atomic && second.atomic &&
    first.after === second.before;
  return { atomic, before: first.before, after: second.after };
}
