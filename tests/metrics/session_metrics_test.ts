import { testConnection } from "../support/connection.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { ConnectionMetrics } from "../../src/metrics/connection_metrics.ts";
import { DelegationMetrics } from "../../src/metrics/delegation_metrics.ts";
import { MetricsRegistry } from "../../src/metrics/registry.ts";
import { SequenceMetrics } from "../../src/metrics/sequence_metrics.ts";
import { SessionMetrics } from "../../src/metrics/session_metrics.ts";
import { Direction } from "../../src/nfs4/sessions.ts";
import { Status } from "../../src/nfs4/constants.ts";
import type { Session } from "../../src/state/session.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A session, as far as metrics look at it. */
function sessionOf(createdAt: number): Session {
  return { createdAt } as Session;
}

/** The lines of a scrape that have a value, without the prefix. */
async function scrape(registry: MetricsRegistry): Promise<string> {
  return (await registry.text()).replaceAll(/^#.*\n/gm, "")
    .replaceAll("dittofs_nfs_", "");
}

Deno.test("SessionMetrics counts sessions, why they end and how long they last", async () => {
  const clock = new FakeClock();
  const registry = new MetricsRegistry();
  const metrics = new SessionMetrics(registry, clock);
  const session = sessionOf(clock.now());
  metrics.sessionCreated();
  metrics.sessionCreated();
  clock.advance(30_000);
  metrics.sessionDestroyed(session, "expired");
  const text = await scrape(registry);
  assertMatch(text, /^sessions_created_total 2$/m);
  assertMatch(text, /^sessions_active 1$/m);
  assertMatch(text, /^sessions_destroyed_total\{reason="expired"\} 1$/m);
  assertMatch(text, /^sessions_duration_seconds_sum 30$/m);
});

Deno.test("ConnectionMetrics counts what is bound by its channels, and what is unbound by the reason", async () => {
  const registry = new MetricsRegistry();
  const metrics = new ConnectionMetrics(registry);
  const session = sessionOf(0);
  const [first, second] = [testConnection(), testConnection()];
  metrics.connectionBound(session, first, Direction.FORE);
  metrics.connectionBound(session, first, Direction.BOTH);
  metrics.connectionBound(session, second, Direction.BACK);
  metrics.connectionUnbound(session, first, { reason: "connection-closed" });
  const text = await scrape(registry);
  for (const direction of ["fore", "both", "back"]) {
    const line = `connections_bind_total{direction="${direction}"} 1`;
    assertEquals(text.includes(line), true, line);
  }
  assertMatch(
    text,
    /^connections_unbind_total\{reason="connection-closed"\} 1$/m,
  );
});

Deno.test("SequenceMetrics reads what SEQUENCE has counted when somebody scrapes", async () => {
  const registry = new MetricsRegistry();
  const counts = { total: 0, replays: 0, errors: new Map() };
  const usage = { slotsInUse: 0, replayCacheBytes: 0 };
  new SequenceMetrics(registry, { counts, usage });
  counts.total = 7;
  counts.replays = 2;
  counts.errors.set(Status.BADSESSION, 3);
  usage.slotsInUse = 4;
  usage.replayCacheBytes = 512;
  for (let scrapes = 0; scrapes < 2; scrapes++) {
    assertEquals(
      (await scrape(registry)).trim().split(/\n+/).sort(),
      [
        "replay_cache_bytes 512",
        "replay_hits_total 2",
        'sequence_errors_total{error_type="NFS4ERR_BADSESSION"} 3',
        "sequence_total 7",
        "slots_in_use 4",
      ],
    );
  }
});

Deno.test("DelegationMetrics: the time of a recall is that of what was returned", async () => {
  const registry = new MetricsRegistry();
  const metrics = new DelegationMetrics(registry);
  for (const type of ["read", "read", "write"] as const) metrics.granted(type);
  metrics.recalled("read", "rename");
  metrics.recalled("write", "local");
  metrics.ended("read", "returned", 0.25);
  metrics.ended("write", "revoked", 90);
  metrics.ended("read", "returned", undefined);
  const text = await scrape(registry);
  assertMatch(text, /^delegations_granted_total\{type="read"\} 2$/m);
  assertMatch(
    text,
    /^delegations_recalled_total\{type="read",reason="rename"\} 1$/m,
  );
  assertMatch(text, /^delegations_revoked_total\{type="write"\} 1$/m);
  assertMatch(text, /^delegations_active\{type="read"\} 0$/m);
  assertMatch(text, /^delegations_active\{type="write"\} 0$/m);
  assertMatch(text, /^delegation_recall_seconds_sum 0\.25$/m);
  assertMatch(text, /^delegation_recall_seconds_count 1$/m);
});
