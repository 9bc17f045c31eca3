import { assertEquals, assertMatch } from "@std/assert";
import { BackchannelMetrics } from "../../src/metrics/backchannel_metrics.ts";
import { MetricsRegistry } from "../../src/metrics/registry.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { CallbackFixture } from "../backchannel/callback_fixture.ts";

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
