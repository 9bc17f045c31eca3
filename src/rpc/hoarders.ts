import type { BufferBudget } from "./buffer_budget.ts";
import type { RpcConnection } from "./connection.ts";
import type { ConnectionWatch } from "./connection_watch.ts";

/**
 * Of each party that holds more than its part, the connections that hold the
 * most and got nowhere for `ms` make room, until there is enough for its own.
 * Those go first that don't take their replies: of the rest some only wait for
 * us to read on.
 */
export function cutHoarders(
  connections: ReadonlyMap<RpcConnection, ConnectionWatch>,
  { budget, now, ms }: {
    readonly budget: BufferBudget;
    readonly now: number;
    readonly ms: number;
  },
): void {
  const hoarders = [...connections]
    .filter(([, watch]) => watch.isHoarding(now, ms))
    .map(([connection]) => connection)
    .sort((a, b) =>
      Number(b.bytesQueued > 0) - Number(a.bytesQueued > 0) ||
      b.bytesHeld - a.bytesHeld
    );
  const excesses = new Map<string, number>();
  for (const { party } of hoarders) {
    if (!excesses.has(party)) excesses.set(party, budget.excessOf(party));
  }
  for (const connection of hoarders) {
    const { party, bytesHeld } = connection;
    const excess = excesses.get(party)!;
    if (excess <= 0) continue;
    excesses.set(party, excess - bytesHeld);
    // One that was cut before gives back what it holds when it ends.
    if (connection.closeReason !== undefined) continue;
    budget.cuts++;
    connection.close("stalled");
  }
}
