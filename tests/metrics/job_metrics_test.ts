import { assertStringIncludes } from "@std/assert";
import { Jobs } from "../../src/base/jobs.ts";
import { silentLogger } from "../../src/base/log.ts";
import { observeJobs } from "../../src/metrics/job_metrics.ts";
import { MetricsRegistry } from "../../src/metrics/registry.ts";

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
