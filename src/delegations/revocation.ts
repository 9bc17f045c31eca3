import type { Delegation } from "../state/delegations.ts";

/** A recall that was not obeyed yet. */
export interface OpenRecall {
  readonly delegation: Delegation;
  /** Clock time at which it was recalled, in milliseconds. */
  readonly since: number;
  /** Clock time from which another client, or the host, has waited for it; undefined while none does. */
  readonly wantedAt: number | undefined;
  /** Whether its client knows that it is to return it. */
  readonly isDelivered: boolean;
}

/**
 * Clock time from which a delegation may be revoked (RFC 8881 10.4.5, RFC 7530
 * 10.4.6): a lease after it was recalled, but never while it is in no client's
 * way, for its holder may yet have what is to be written back. A client of NFSv4.0 that the recall did
 * not reach has to hear that from RENEW before, and have a while to return what
 * it holds: until then its lease counts from the last RENEW that kept silent.
 * The client that wants the file waits for two leases at most. All of it counts
 * from the end of the grace period, at `graceOverAt`, at the earliest: what a holder
 * has locked under its delegation is GRACE before that.
 */
export function revocableAt(
  recall: OpenRecall,
  { leaseMs, graceOverAt }: {
    readonly leaseMs: number;
    readonly graceOverAt: number;
  },
): number {
  const { delegation: { client }, wantedAt, isDelivered } = recall;
  if (wantedAt === undefined) return Infinity;
  const since = Math.max(recall.since, graceOverAt);
  const usual = since + leaseMs;
  if (client.protocol !== 0 || isDelivered) return usual;
  const { toldPathDownAt, renewedUnawareAt } = client;
  const fair = toldPathDownAt === undefined
    ? renewedUnawareAt + leaseMs
    : toldPathDownAt + leaseMs / 3;
  return Math.min(Math.max(usual, fair), since + 2 * leaseMs);
}
