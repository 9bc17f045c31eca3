/** Which operations are timed, and what is told of those that are not. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { OperationMetrics } from "../../src/metrics/operation_metrics.ts";
import { MetricsRegistry } from "../../src/metrics/registry.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { op } from "../support/client/mod.ts";
import { valueOf } from "../support/scrape.ts";
import { StateFixture } from "./state_fixture.ts";

/** Milliseconds between two looks at the clock; a fraction that seconds have too. */
const STEP = 125 / 256;

/** A server with metrics, whose clock says so much more each time that it is looked at. */
async function looking(fs: FileSystem = memory({ file: "content" })) {
  const fixture = new StateFixture({ fs });
  const client = await fixture.client(1);
  const registry = new MetricsRegistry();
  const observer = new OperationMetrics(registry);
  let looks = 0;
  const { clock } = fixture;
  const now = clock.now();
  Object.assign(clock, { now: () => now + STEP * looks++ });
  Object.assign(fixture.services, { observer });
  const metrics = async () => {
    const text = await registry.text();
    return {
      answered: (operation: string) =>
        valueOf(
          text,
          `operations_total{operation="${operation}",minor_version="1",status="NFS4_OK"}`,
        ),
      /** How many were timed, and the seconds of all. */
      timed: (operation: string) =>
        ["count", "sum"].map((what) =>
          valueOf(
            text,
            `operation_duration_seconds_${what}{operation="${operation}"}`,
          ) ?? 0
        ),
    };
  };
  return { client, metrics, looks: () => looks };
}

Deno.test("brief operations are counted, and timed with the one that comes after them", async () => {
  const { client, metrics, looks } = await looking();
  await client.ok("GETATTR", op.putrootfh(), op.getattr(["change"]));
  // When the COMPOUND began, and when GETATTR had ended.
  assertEquals(looks(), 2);
  const { answered, timed } = await metrics();
  for (const name of ["SEQUENCE", "PUTROOTFH", "GETATTR"]) {
    assertEquals(answered(name), 1, name);
  }
  assertEquals(timed("SEQUENCE"), [0, 0]);
  assertEquals(timed("PUTROOTFH"), [0, 0]);
  assertEquals(timed("GETATTR"), [1, STEP / 1000]);
});

Deno.test("a brief operation that had to wait is timed by itself", async () => {
  const inner = memory({ file: "content" });
  const fs = new Proxy<FileSystem>(inner, {
    get(_, key) {
      const value = Reflect.get(inner, key);
      if (typeof value !== "function") return value;
      if (key !== "resolve") return value.bind(inner);
      return async (...given: unknown[]) => await value.apply(inner, given);
    },
  });
  const { client, metrics } = await looking(fs);
  const { filehandle } = await client.ok(
    "GETFH",
    op.putrootfh(),
    op.lookup("file"),
    op.getfh(),
  );
  await client.ok("GETATTR", op.putfh(filehandle), op.getattr(["change"]));
  const { timed } = await metrics();
  assertEquals(timed("PUTFH")[0], 1);
  assertEquals(timed("GETATTR"), [1, STEP / 1000]);
});

Deno.test("of many brief operations some are timed, so that others get their turns among them", async () => {
  const { client, metrics, looks } = await looking();
  await client.ok("PUTROOTFH", ...Array.from({ length: 31 }, op.putrootfh));
  assertEquals(looks(), 1 + 4);
  const { answered, timed } = await metrics();
  assertEquals(answered("PUTROOTFH"), 31);
  assertEquals(timed("PUTROOTFH")[0], 4);
});
