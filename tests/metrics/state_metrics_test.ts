import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { serve } from "../../src/server.ts";
import {
  bytesOf,
  op,
  openSession,
  SessionClient,
  V40Client,
} from "../support/client/mod.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { scrape, valueOf } from "../support/scrape.ts";

const tree = { f: "0123456789", g: "" };

Deno.test("a scrape tells of clients, opens, locks, delegations, waiting locks and their memory", async () => {
  const clock = new FakeClock();
  const exports = [{ path: "/", fs: memory(tree), squash: "none" }] as const;
  await using server = await serve(exports, {
    port: 0,
    metricsPort: 0,
    clock,
    limits: { maxStateBytes: 50_000_000 },
  });
  const { port } = server;
  const value = async (series: string) => valueOf(await scrape(server), series);
  /** Sweeps until a series is `wanted`: a sweep may give way, and ends in a later turn. */
  const sweepUntil = async (series: string, wanted: number) => {
    for (let i = 0; i < 100 && await value(series) !== wanted; i++) {
      await nextTurn();
      server.sweep();
    }
    assertEquals(await value(series), wanted);
  };
  const bytes = await value("state_bytes");
  assertEquals(bytes, 0);
  await using session = await openSession({ port });
  await using v40 = await V40Client.connect({ port });
  await v40.register();
  await using passing = await SessionClient.connect({ port });
  await passing.exchangeId();
  const { filehandle, stateid } = await session.open(["f"]);
  const other = await v40.open(["f"], { owner: "other" });
  const owner = { clientid: 0n, owner: bytesOf("locker") };
  await session.compound([
    op.putfh(filehandle),
    op.lock({ locker: { openStateid: stateid, owner }, length: 10n }),
  ]);
  await v40.expectStatus("any", [
    op.putfh(other.filehandle),
    op.lock({
      type: 4,
      locker: {
        openStateid: other.stateid,
        openSeqid: v40.owner("other").seqid,
        lockSeqid: 1,
        owner: { clientid: v40.clientid, owner: bytesOf("waiter") },
      },
      length: 10n,
    }),
  ]);
  const text = await scrape(server);
  const seen = [
    'clients{lease="confirmed"}',
    'clients{lease="unconfirmed"}',
    'clients{lease="courtesy"}',
    "opens",
    "open_files",
    "locks",
    "waiting_locks",
    'delegations_active{type="read"}',
    'delegations_active{type="write"}',
    "state_limit_bytes",
    "state_refusals_total",
    "leases_expired_total",
  ].map((series) => valueOf(text, series));
  assertEquals(seen, [2, 1, 0, 2, 1, 1, 1, 0, 0, 50_000_000, 0, 0]);
  assert(valueOf(text, "state_bytes")! > 5_000);
  clock.advance(91_000);
  await sweepUntil('clients{lease="courtesy"}', 2);
  assertEquals(await value('clients{lease="unconfirmed"}'), 0);
  clock.advance(24 * 60 * 60 * 1000);
  await sweepUntil("leases_expired_total", 2);
  assertEquals(await value("opens"), 0);
});

Deno.test("a scrape tells of every export's bytes and files, and of what runs", async () => {
  const exports = [
    {
      path: "/a",
      fs: memory({ y: "y" }, { maxBytes: 1_000_000, maxFiles: 100 }),
    },
    { path: "/b", fs: memory({ x: new Uint8Array(100_000), d: {} }) },
    { path: "/c", fs: sqlite(":memory:") },
  ];
  await using server = await serve(exports, { port: 0, metricsPort: 0 });
  const text = await scrape(server);
  const of = (name: string, path: string) =>
    valueOf(text, `export_${name}{export="${path}"}`)!;
  assertEquals(of("used_files", "/a"), 2);
  assertEquals(of("available_files", "/a"), 98);
  assertEquals(of("used_files", "/b"), 3);
  assert(of("available_bytes", "/a") < 1_000_000);
  assert(of("used_bytes", "/b") - of("used_bytes", "/a") > 100_000);
  // Its own, not all that is on the disk.
  assert(of("used_bytes", "/c") < 100_000, `${of("used_bytes", "/c")}`);
  const { deno } = Deno.version;
  assert(new RegExp(`build_info{version="[^"]+",deno="${deno}"} 1`).test(text));
});
