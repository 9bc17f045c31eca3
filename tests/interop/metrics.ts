/**
 * What `/metrics` of the server must say after a suite.
 *
 * @module
 */

import type { Tally } from "./guests.ts";

/** The values of a scrape, by name and labels, without the prefix. */
async function scrape(port: number): Promise<Map<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const values = new Map<string, number>();
  for (const line of (await answer.text()).split("\n")) {
    const match = /^dittofs_nfs_(\S+) (\S+)$/.exec(line);
    if (match !== null) values.set(match[1]!, Number(match[2]));
  }
  return values;
}

/**
 * Holds the metrics against the deleg suite: B's open has recalled a read
 * delegation of A's, every recall was answered and ended with a return, over
 * the way of the minor version.
 */
export async function checkDelegations(
  port: number,
  { vers, factor, onLine }: {
    vers: string;
    /** What a second is multiplied by on this machine today. */
    factor: number;
    onLine: (line: string) => void;
  },
): Promise<Tally> {
  const values = await scrape(port);
  const get = (name: string) => values.get(name) ?? 0;
  const sum = (name: string) =>
    [...values].filter(([key]) => key.startsWith(`${name}{`))
      .reduce((total, [, value]) => total + value, 0);
  const recalled = sum("delegations_recalled_total");
  const operation = (name: string) =>
    get(`backchannel_operations_total{operation="${name}",status="NFS4_OK"}`);
  const callbacks = get("backchannel_callbacks_total");
  const checks: Record<string, boolean> = {
    "read-recalled-by-open":
      get('delegations_recalled_total{type="read",reason="open"}') >= 1,
    "each-recall-answered": operation("CB_RECALL") === recalled,
    "each-recall-returned": get("delegation_recall_seconds_count") === recalled,
    "none-revoked": sum("delegations_revoked_total") === 0,
    "no-callback-failed": get("backchannel_callback_failures_total") === 0,
    // A session's callbacks carry CB_SEQUENCE, those of 4.0 are dialled.
    "way-of-the-version": operation("CB_SEQUENCE") ===
      (vers === "4.0" ? 0 : callbacks),
    "recall-under-a-second": get("delegation_recall_seconds_sum") <
      Math.max(recalled, 1) * factor,
  };
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, holds] of Object.entries(checks)) {
    onLine(`${holds ? "ok  " : "FAIL"} metrics-${name}`);
    if (holds) tally.passed++;
    else tally.failed++;
  }
  const seconds = get("delegation_recall_seconds_sum");
  onLine(`info ${recalled} recalls took ${Math.round(seconds * 1000)} ms`);
  if (tally.failed > 0) {
    for (const [key, value] of values) {
      if (/^(backchannel|delegation)/.test(key)) onLine(`     ${key} ${value}`);
    }
  }
  return tally;
}
