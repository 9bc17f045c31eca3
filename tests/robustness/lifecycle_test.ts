import { assert, assertEquals, assertRejects } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { PAUSE_MS } from "../../src/base/clock.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import {
  created,
  Fixture,
  NOT_WANTED,
  statusOfOpen,
} from "../conformance/v41/fixture.ts";
import {
  ClientConnection,
  ConnectionLost,
  op,
  openSession,
  V40Client,
} from "../support/client/mod.ts";
import { Gate, waiting } from "./fixture.ts";

/** A signal that knows how many listen to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  return { controller, signal, listeners: () => listeners };
}

async function isServed(port: number): Promise<boolean> {
  try {
    await using connection = await ClientConnection.connect({ port });
    await connection.ping();
    return true;
  } catch {
    return false;
  }
}

Deno.test("a signal closes the server", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const server = await serve(memory(), { port: 0, signal });
  await using session = await openSession({ port: server.port });
  await session.compound([op.putrootfh()]);
  controller.abort();
  await server.finished;
  await session.connection.closed;
  assertEquals(await isServed(server.port), false);
});

Deno.test("a signal that was given long ago keeps the server from starting", async () => {
  const signal = AbortSignal.abort(new Error("not today"));
  await assertRejects(
    () => serve(memory(), { port: 0, signal }),
    Error,
    "not today",
  );
});

Deno.test("a server that is closed is not held by its signal", async () => {
  const { signal, listeners } = countedSignal();
  const server = await serve(memory(), { port: 0, signal });
  assertEquals(listeners(), 1);
  await server.close();
  assertEquals(listeners(), 0);
});

Deno.test("await using closes; closing again waits for the same end", async () => {
  let closed: NfsServer;
  {
    await using server = await serve(memory(), { port: 0 });
    assert(await isServed(server.port));
    closed = server;
  }
  assertEquals(await isServed(closed.port), false);
  await Promise.all([closed.close(), closed.close(), closed.finished]);
});

Deno.test("a port that is taken: one clear line, and the first server goes on", async () => {
  await using first = await serve(memory(), { port: 0, metricsPort: 0 });
  const { port, metricsPort } = first;
  const taken = await assertRejects(
    () => serve(memory(), { port }),
    Deno.errors.AddrInUse,
    `port ${port} of 127.0.0.1 is taken already`,
  );
  assertEquals(taken.message.split("\n").length, 1);
  // Of the server that has its own port but not that of its metrics, nothing is left.
  await assertRejects(
    () => serve(memory(), { port: 0, metricsPort }),
    Deno.errors.AddrInUse,
  );
  assert(await isServed(port));
});

Deno.test("what can't be served is refused before anything is opened", async () => {
  const fs = memory();
  await assertRejects(() => serve([], { port: 0 }), Error, "nothing");
  await assertRejects(
    () => serve([{ path: "/a", fs }, { path: "/a/b", fs }], { port: 0 }),
    Error,
    "lies inside",
  );
  await assertRejects(() => serve([{ path: "a", fs }], { port: 0 }), Error);
});

Deno.test("close answers what is in flight, on every connection, and takes no more", async () => {
  const gate = new Gate("getattr");
  const fs = waiting(memory(), gate.hold);
  const server = await serve(fs, { port: 0, shutdownTimeout: 1000 });
  const { port } = server;
  await using one = await openSession({ port });
  await using two = await V40Client.connect({ port });
  gate.shut();
  const ops = [op.putrootfh(), op.getattr(["type"])];
  const first = one.compound(ops);
  const second = two.compound(ops);
  await gate.reached(2);
  const closing = server.close();
  const late = assertRejects(() => two.compound(ops), ConnectionLost);
  assertEquals(await isServed(port), false);
  gate.open();
  assertEquals((await first).status, Status.OK);
  assertEquals((await second).status, Status.OK);
  await late;
  await closing;
  assertEquals(gate.arrivals, 2);
});

/** A file system that writes down what the server does at its end. */
function logged(log: string[], name: string, fault?: Error): FileSystem {
  const fs: FileSystem = memory({ f: "" });
  fs.open = () => {};
  fs.close = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    log.push(`${name} closed a file`);
  };
  fs.settle = () => void log.push(`${name} settled`);
  fs.dispose = () => {
    log.push(`${name} disposed`);
    if (fault !== undefined) throw fault;
  };
  return fs;
}

Deno.test("a file system is done with its work before it is disposed of", async () => {
  const log: string[] = [];
  const server = await serve(logged(log, "it"), { port: 0 });
  await using session = await openSession({ port: server.port });
  const { filehandle, stateid } = await session.open(["f"], { access: 1 });
  await session.compound([op.putfh(filehandle), op.close(stateid)]);
  await server.close();
  const end = log.slice(log.indexOf("it closed a file"));
  assertEquals(end, ["it closed a file", "it settled", "it disposed"]);
});

Deno.test("a file system that two servers serve is disposed of by the last, whatever failed to start", async () => {
  const inner = memory();
  let disposed = 0;
  const fs = Object.assign(inner, { dispose: () => void disposed++ });
  const first = await serve(fs, { port: 0 });
  await assertRejects(() => serve(fs, { port: first.port }));
  await assertRejects(() => serve(fs, { port: 0, metricsPort: first.port }));
  const second = await serve([{ path: "/a", fs }, { path: "/b", fs }], {
    port: 0,
  });
  await first.close();
  assertEquals(disposed, 0);
  assert(await isServed(second.port));
  await second.close();
  assert(disposed > 0);
  disposed = 0;
  await (await serve(fs, { port: 0 })).close();
  assert(disposed > 0);
});

Deno.test("a file system that can't be closed: the others are, and finished says so", async () => {
  const log: string[] = [];
  const server = await serve([
    { path: "/a", fs: logged(log, "a", new Error("disk on fire")) },
    { path: "/b", fs: logged(log, "b") },
  ], { port: 0, metricsPort: 0 });
  await assertRejects(() => server.close(), Error, "disk on fire");
  await assertRejects(() => server.finished, Error, "disk on fire");
  assert(log.includes("b disposed"));
});

Deno.test("servers come and go on one port", async () => {
  const { port } = await portOf(await serve(memory(), { port: 0 }));
  for (let i = 0; i < 10; i++) {
    await using server = await serve(memory(), { port });
    await using session = await openSession({ port: server.port });
    await session.compound([op.putrootfh()]);
  }
});

/** Closes a server and tells what port it had. */
async function portOf(server: NfsServer): Promise<{ readonly port: number }> {
  await server.close();
  return { port: server.port };
}

// A server that did not run for longer than a lease: stopped by a signal, frozen with its machine.

const DENY_BOTH = 3;
const ACCESS_BOTH = 3 | NOT_WANTED;

Deno.test("no client loses what it holds because the server itself stood still for longer than a lease", async () => {
  await using fixture = await Fixture.open({ leaseSeconds: 1 });
  const holder = await fixture.session();
  const file = await holder.open(["file"], {
    access: ACCESS_BOTH,
    deny: DENY_BOTH,
    create: created,
  });
  const other = await fixture.session();
  // Nothing runs, neither the server's timers nor its sockets.
  const memory = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(memory, 0, 0, PAUSE_MS + 100);
  const status = await statusOfOpen(other, ["file"], { access: ACCESS_BOTH });
  assertEquals(status, Status.SHARE_DENIED);
  await holder.compound([]);
  assertEquals(holder.statusFlags, 0);
  assertEquals(file.stateid.seqid, 1);
});
