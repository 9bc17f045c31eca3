import { assertEquals } from "@std/assert";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { serve } from "../../src/server.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { CLAIM_AGAIN_MS, LastServer } from "../../src/recovery/last_server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { freePort } from "../interop/server.ts";
import { FakeClock } from "../state/fixture.ts";
import {
  ClientConnection,
  CreateMode,
  openSession,
  type Session,
  SessionFlag,
} from "../support/client/mod.ts";

const ignore =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";
const ANY = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o666 } };
const RECLAIM = { claim: { claim: "previous", delegate: 0 } } as const;

/** A store that is served at one port and another. */
class MovingStore implements Disposable {
  readonly port = freePort();
  readonly warnings: string[] = [];
  readonly #path = Deno.makeTempDirSync();

  serve(port = this.port) {
    const fs = sqlite(`${this.#path}/store`, { mode: 0o777 });
    return serve([{ path: "/", fs, squash: "none" }], {
      port,
      stateDirectory: `${this.#path}/state`,
      leaseSeconds: 10,
      log: { ...silentLogger, warn: (line) => this.warnings.push(line) },
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#path, { recursive: true });
  }
}

function connect(port: number, owner: string, isNew = true): Promise<Session> {
  return openSession({
    ...{ port, owner, minorVersion: 1, reclaimComplete: isNew },
    flags: SessionFlag.PERSIST,
  });
}

/** A client opens a file, `between` happens while its server is ended, and it reclaims; what that answers, and the warnings. */
async function reclaimAfter(
  store: MovingStore,
  between: () => Promise<void>,
): Promise<string> {
  {
    await using _server = await store.serve();
    await using session = await connect(store.port, "holder");
    await session.open(["file"], { create: ANY });
  }
  await between();
  await using _server = await store.serve();
  await using session = await connect(store.port, "holder", false);
  return await session.open(["file"], RECLAIM)
    .then(() => "OK", (error) => error.message);
}

Deno.test(
  "what a client holds is reclaimed where no other server was called since",
  {
    ignore,
  },
  async () => {
    using store = new MovingStore();
    const uncalled = async () => {
      await using server = await store.serve(0);
      // As a monitor looks whether it is there.
      await using connection = await ClientConnection.connect({
        port: server.port,
      });
      await connection.ping();
    };
    assertEquals(await reclaimAfter(store, uncalled), "OK");
    assertEquals(store.warnings.filter((line) => /reclaim/.test(line)), []);
  },
);

for (const elsewhere of ["a port of its own", "any port"]) {
  Deno.test(
    `nothing is reclaimed of a store that was served at ${elsewhere} since (RFC 8881 8.4.3)`,
    {
      ignore,
    },
    async () => {
      using store = new MovingStore();
      const port = elsewhere === "any port" ? 0 : freePort();
      const answer = await reclaimAfter(store, async () => {
        await using server = await store.serve(port);
        await using session = await connect(server.port, "other");
        await session.open(["file"], { create: ANY });
      });
      assertEquals(/NO_GRACE/.test(answer), true, answer);
      const told = store.warnings.filter((line) => /can't reclaim/.test(line));
      assertEquals(told.length, 1);
    },
  );
}

Deno.test("no session goes on of a store that was served elsewhere since", {
  ignore,
}, async () => {
  using store = new MovingStore();
  const server = await store.serve();
  await using session = await connect(store.port, "holder");
  await session.open(["file"], { create: ANY });
  await server.close();
  {
    await using other = await store.serve(0);
    await using _session = await connect(other.port, "other");
  }
  await using _server = await store.serve();
  const connection = await session.client.newConnection();
  const reply = await session.compound([], { connection, expect: "any" });
  assertEquals(reply.status, Status.BADSESSION);
});

Deno.test("a store tells of its server once, and after what else is kept of clients", async () => {
  const store = sqlite(":memory:");
  const done: string[] = [];
  const fs = store as FileSystem;
  const look = (server: string) =>
    LastServer.look({
      ...{ stores: [fs, fs], server, log: silentLogger, clock: systemClock },
      flush: () => {
        done.push("flushed");
      },
    });
  const first = await look("a");
  assertEquals(first.isAnother, false);
  await first.claim();
  assertEquals([first.claim(), done], [undefined, ["flushed"]]);
  const again = await look("a");
  assertEquals([again.isAnother, again.claim()], [false, undefined]);
  assertEquals((await look("b")).isAnother, true);
  // It was not called.
  assertEquals((await look("a")).isAnother, false);
});

Deno.test("a store that can't tell of its server yet is asked again, and no call waits for that", async () => {
  const clock = new FakeClock();
  const sound = sqlite(":memory:") as FileSystem;
  const { records } = sqlite(":memory:") as FileSystem;
  const settled: string[] = [];
  let outcome: () => Promise<void> = () => Promise.reject(new Error("full"));
  const failing = {
    records,
    settle: () => {
      settled.push("asked");
      return outcome();
    },
  };
  const errors: string[] = [];
  const log = { ...silentLogger, error: (line: string) => errors.push(line) };
  const stores = [failing, sound];
  const options = { stores, server: "a", flush: () => {}, clock, log };
  const server = await LastServer.look(options);
  await server.claim();
  assertEquals([server.claim(), settled.length, errors.length], [
    undefined,
    1,
    1,
  ]);
  const { promise, resolve } = Promise.withResolvers<void>();
  outcome = () => promise;
  clock.advance(CLAIM_AGAIN_MS);
  // It hangs, and is asked once.
  assertEquals([server.claim(), server.claim()], [undefined, undefined]);
  await nextTurn();
  assertEquals(settled.length, 2);
  resolve();
  await nextTurn();
  clock.advance(CLAIM_AGAIN_MS);
  assertEquals([server.claim(), settled.length], [undefined, 2]);
  assertEquals((await LastServer.look(options)).claim(), undefined);
});

Deno.test("no store tells of a server while what that remembers of its clients can't be kept", async () => {
  const clock = new FakeClock();
  const stores = [sqlite(":memory:") as FileSystem];
  let isFull = true;
  const flush = () => {
    if (isFull) throw new Error("full");
  };
  const log = silentLogger;
  const options = { stores, server: "a", flush, clock, log };
  const server = await LastServer.look(options);
  await server.claim();
  const told = async () =>
    (await LastServer.look({ ...options, server: "b" })).isAnother;
  assertEquals(await told(), false);
  isFull = false;
  clock.advance(CLAIM_AGAIN_MS);
  assertEquals(server.claim(), undefined);
  await nextTurn();
  assertEquals(await told(), true);
});
