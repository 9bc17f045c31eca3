import type { ChangeInfo } from "../file_system.ts";

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
