/** What the parts of the server count, as a registry tells it. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Jobs } from "../../src/base/jobs.ts";
import { silentLogger } from "../../src/base/log.ts";
import { BackchannelMetrics } from "../../src/metrics/backchannel_metrics.ts";
import { ConnectionMetrics } from "../../src/metrics/connection_metrics.ts";
import { DelegationMetrics } from "../../src/metrics/delegation_metrics.ts";
import { observeJobs } from "../../src/metrics/job_metrics.ts";
import { MetricsRegistry } from "../../src/metrics/registry.ts";
import { SequenceMetrics } from "../../src/metrics/sequence_metrics.ts";
import { SessionMetrics } from "../../src/metrics/session_metrics.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { Direction } from "../../src/nfs4/sessions.ts";
import type { Session } from "../../src/state/session.ts";
import { CallbackFixture } from "../backchannel/callback_fixture.ts";
import { testConnection } from "../support/connection.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("BackchannelMetrics can be left out", async () => {
  await using line = new CallbackFixture(1, {
    observer: undefined,
    replyTimeout: 10,
  });
  await line.join();
  assertEquals((await line.recall()).kind, "answered");
  line.peer.always({ kind: "silent" });
  assertEquals((await line.recall()).kind, "failed");
  line.peer.always({ kind: "denied", why: 1 });
  assertEquals((await line.recall()).kind, "refused");
});

Deno.test("BackchannelMetrics has the buckets and names that were asked for", async () => {
  const registry = new MetricsRegistry();
  const metrics = new BackchannelMetrics(registry);
  metrics.recordCallback();
  metrics.recordFailure();
  metrics.recordRetry();
  metrics.recordRetry();
  metrics.observeDuration(0.007);
  metrics.recordOperation("CB_RECALL", Status.BADHANDLE);
  const text = await registry.text();
  const buckets = [...text.matchAll(/_bucket\{le="([^"]+)"\} (\d)/g)]
    .map(([, bound, count]) => `${bound}:${count}`);
  assertEquals(
    buckets.join(" "),
    "0.001:0 0.005:0 0.01:1 0.05:1 0.1:1 0.5:1 1:1 5:1 10:1 +Inf:1",
  );
  assertMatch(text, /^dittofs_nfs_backchannel_callbacks_total 1$/m);
  assertMatch(text, /^dittofs_nfs_backchannel_callback_failures_total 1$/m);
  assertMatch(text, /^dittofs_nfs_backchannel_callback_retries_total 2$/m);
  assertMatch(
    text,
    /^dittofs_nfs_backchannel_operations_total\{operation="CB_RECALL",status="NFS4ERR_BADHANDLE"\} 1$/m,
  );
});

Deno.test("BackchannelMetrics built twice goes on with what the registry holds", async () => {
  const registry = new MetricsRegistry();
  const first = new BackchannelMetrics(registry);
  const second = new BackchannelMetrics(registry);
  first.recordCallback();
  second.recordCallback();
  second.observeDuration(1);
  const source = {
    queueDepth: 3,
    paths: { up: 2, down: 1 },
    unknownReplies: 4,
  };
  first.watch({ ...source, queueDepth: 99 });
  second.watch(source);
  const text = await registry.text();
  assertMatch(text, /^dittofs_nfs_backchannel_callbacks_total 2$/m);
  assertMatch(text, /^dittofs_nfs_backchannel_queue_depth 3$/m);
  assertMatch(text, /^dittofs_nfs_backchannel_sessions\{path="down"\} 1$/m);
  assertMatch(text, /^dittofs_nfs_backchannel_unknown_replies_total 4$/m);
});

Deno.test("jobs that go on are told, and those that a fault has ended", async () => {
  const registry = new MetricsRegistry();
  const jobs = new Jobs({ name: "a job", log: silentLogger });
  observeJobs(registry, jobs);
  const gate = Promise.withResolvers<void>();
  jobs.begin(() => gate.promise);
  const before = await registry.text();
  assertStringIncludes(before, "dittofs_nfs_jobs 1\n");
  assertStringIncludes(before, "dittofs_nfs_jobs_failed_total 0\n");
  gate.reject(new Error("a fault"));
  await jobs.finished();
  const after = await registry.text();
  assertStringIncludes(after, "dittofs_nfs_jobs 0\n");
  assertStringIncludes(after, "dittofs_nfs_jobs_failed_total 1\n");
});

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
