/** What a scrape of a running server tells. */

import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { SCRAPE_PATIENCE_MS } from "../../src/metrics/export_metrics.ts";
import { serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import {
  bytesOf,
  CreateMode,
  op,
  openSession,
  type Request,
  SessionClient,
  Stable,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { scrape, valueOf } from "../support/scrape.ts";

Deno.test("an export that does not say its room takes no figure from the others, and is asked once", async () => {
  const silent = memory() as FileSystem;
  let asked = 0;
  silent.status = () => {
    asked++;
    return new Promise(() => {});
  };
  const clock = new FakeClock();
  const server = await serve([
    { path: "/silent", fs: silent },
    { path: "/sound", fs: memory({ f: "x" }) },
  ], { port: 0, metricsPort: 0, clock });
  for (let i = 0; i < 3; i++) {
    let isThere = false;
    const scraped = scrape(server).finally(() => isThere = true);
    while (!isThere) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      clock.advance(SCRAPE_PATIENCE_MS);
    }
    const text = await scraped;
    const used = (path: string) =>
      valueOf(text, `export_used_files{export="${path}"}`);
    assertEquals(used("/silent"), undefined);
    assert(used("/sound")! > 0);
  }
  assertEquals(asked, 1);
  const closed = server.close();
  clock.advance(1_000);
  await closed;
});

Deno.test("an export that could not say its room is asked again at the next scrape", async () => {
  const fs = memory({ f: "x" }) as FileSystem;
  const status = fs.status!.bind(fs);
  let isBroken = true;
  fs.status = () => {
    if (isBroken) throw new Error("not now");
    return status();
  };
  await using server = await serve(fs, { port: 0, metricsPort: 0 });
  const used = async () =>
    valueOf(await scrape(server), 'export_used_files{export="/"}');
  assertEquals(await used(), undefined);
  isBroken = false;
  assert((await used())! > 0);
});

Deno.test("a scrape tells what each store promises, and how many changes share a commit", async () => {
  const fs = sqlite(":memory:", { durability: "none" });
  await using server = await serve([
    { path: "/store", fs, squash: "none" },
    { path: "/other", fs: memory(), squash: "none" },
  ], { port: 0, metricsPort: 0 });
  const scrape = async () => {
    const url = `http://127.0.0.1:${server.metricsPort}/metrics`;
    const text = await (await fetch(url)).text();
    return new Map(
      text.split("\n").flatMap((line): [string, string][] => {
        const match = /^dittofs_nfs_(store_\S+) (\S+)$/.exec(line);
        return match === null ? [] : [[match[1]!, match[2]!]];
      }),
    );
  };
  const label = '{export="/store"}';
  // With its first call it notes in the store which server that is.
  await using session = await openSession({ port: server.port });
  const before = await scrape();
  assertEquals(
    before.get('store_durability_info{export="/store",durability="none"}'),
    "1",
  );
  assertEquals(before.get(`store_failed${label}`), "0");
  assertEquals([...before.keys()].some((key) => key.includes("other")), false);

  const create = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };
  await session.open(["store", "file"], { create });
  await session.compound([
    ...walk(["store", "file"]),
    op.write({ stable: Stable.FILE_SYNC, data: "12345" }),
  ]);
  const after = await scrape();
  const grown = (name: string) =>
    Number(after.get(`${name}${label}`)) -
    Number(before.get(`${name}${label}`));
  assertEquals(grown("store_operations_total"), 2);
  assertEquals(grown("store_written_bytes_total"), 5);
  assertEquals(grown("store_syncs_total"), 0);
});

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

Deno.test("a scrape tells what the limits of attributes have refused, as operations of that status", async () => {
  const fs = memory(tree);
  await using server = await serve([{ path: "/", fs, squash: "none" }], {
    port: 0,
    metricsPort: 0,
  });
  const options = { port: server.port, minorVersion: 2 } as const;
  await using session = await openSession(options);
  const refused = async (ops: Request[]) => {
    await session.compound(ops, { expect: "any" });
    const series = await scrape(server);
    return series.match(/(?<=operations_total)\{.*(FBIG|XATTR2BIG).*$/mg);
  };
  const file = [op.putrootfh(), op.lookup("f")];
  const large = new Uint8Array(65_537);
  const labels = (operation: string, status: string) =>
    `{operation="${operation}",minor_version="2",status="NFS4ERR_${status}"} 1`;
  assertEquals(await refused([...file, op.setxattr("n", large)]), [
    labels("SETXATTR", "XATTR2BIG"),
  ]);
  const attribute = [...file, op.openattr(), op.lookup("n")];
  const longer = op.setattr({ size: 4_194_305n });
  await session.compound([...file, op.setxattr("n", bytesOf("v"))]);
  assertEquals(await refused([...attribute, longer]), [
    labels("SETATTR", "FBIG"),
    labels("SETXATTR", "XATTR2BIG"),
  ]);
});
