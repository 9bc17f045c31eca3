import type { BufferBudget } from "../rpc/buffer_budget.ts";
import type { StateBudget } from "../state/state_budget.ts";
import { type HasSharing, type Shared, sharing } from "../vfs/sharing.ts";
import {
  LEAST_STATE_BYTES,
  leastBufferBytes,
  type ServerLimits,
} from "./limits.ts";

/**
 * The budgets of a server that were left out: their defaults are for a process,
 * and several servers in one have an equal part each.
 */
export function sharedBudgets(
  limits: ServerLimits,
  { given, state, buffers }: {
    readonly given: Partial<ServerLimits> | undefined;
    readonly state: StateBudget;
    readonly buffers: BufferBudget;
  },
): readonly HasSharing[] {
  const { maxStateBytes, maxBufferBytes } = given ?? {};
  const shared: HasSharing[] = [];
  if (maxStateBytes === undefined) {
    shared.push(part("state", state, LEAST_STATE_BYTES));
  }
  if (maxBufferBytes === undefined) {
    shared.push(part("buffers", buffers, leastBufferBytes(limits)));
  }
  return shared;
}

function part(
  of: Shared,
  budget: { limit: number },
  least: number,
): HasSharing {
  const whole = budget.limit;
  const among = (count: number) => {
    budget.limit = Math.max(least, Math.floor(whole / count));
  };
  return { [sharing]: { of, among } };
}
