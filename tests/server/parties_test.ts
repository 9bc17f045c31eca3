import { assertEquals, assertRejects } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import type { ServeOptions } from "../../src/server/options.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import {
  ClientConnection,
  NfsError,
  op,
  SessionClient,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { scrape, valueOf } from "../support/scrape.ts";
import { canRelay, UserRelay } from "../support/user_relay.ts";

/** An ordinary user that every Linux has. */
const ORDINARY = 65534;
const ignore = !canRelay;
const FILE = { mode: 0, attributes: { mode: 0o666 } };

/** A server that sees whose its callers' sockets are, and the way to it through an ordinary user's. */
async function served(limits: ServeOptions["limits"]) {
  const tree = memory({}, { trust: "owner", mode: 0o777 });
  const server: NfsServer = await serve(tree, {
    port: 0,
    shutdownTimeout: 1_000,
    limits,
  });
  const relay = await UserRelay.start(server.port, ORDINARY);
  return {
    root: server.port,
    ordinary: relay.port,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A server of a tree in which reads wait for the test, and ways to it as {@linkcode served}'s. */
async function waitingReads() {
  const tree = memory({ f: "content" }, { trust: "any" }) as FileSystem;
  const reads: (() => void)[] = [];
  const fs = new Proxy(tree, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "read") return value.bind(target);
      return async (...args: Parameters<FileSystem["read"]>) => {
        await new Promise<void>((resolve) => reads.push(resolve));
        return target.read(...args);
      };
    },
  });
  const server: NfsServer = await serve([{ path: "/", fs, trust: "owner" }], {
    port: 0,
    shutdownTimeout: 1_000,
    metricsPort: 0,
  });
  const relay = await UserRelay.start(server.port, ORDINARY);
  return {
    server,
    root: server.port,
    ordinary: relay.port,
    /** What the reads under way wait for. */
    reads,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A connection that has made a call; `undefined` where it was turned away. */
async function comes(port: number): Promise<ClientConnection | undefined> {
  const connection = await ClientConnection.connect({ port });
  try {
    await connection.ping();
    return connection;
  } catch {
    await connection[Symbol.asyncDispose]();
    return undefined;
  }
}

Deno.test(
  "a user who has all connections that it may keeps no other user's mount out",
  { ignore },
  async () => {
    await using ports = await served({ maxConnectionsPerAddress: 3 });
    await using stack = new AsyncDisposableStack();
    const isIn: boolean[] = [];
    for (let i = 0; i < 4; i++) {
      const connection = await comes(ports.ordinary);
      if (connection !== undefined) stack.use(connection);
      isIn.push(connection !== undefined);
    }
    assertEquals(isIn, [true, true, true, false]);
    const mount = await comes(ports.root);
    assertEquals(mount !== undefined, true);
    if (mount !== undefined) stack.use(mount);
  },
);

/** How a client of a version makes itself known, and holds on to what it is: it opens a file. */
const registrations = {
  "NFSv4.0": async (stack: AsyncDisposableStack, port: number) => {
    const client = stack.use(await V40Client.connect({ port }));
    await client.register();
    await client.open(["f"], { create: FILE });
  },
  "NFSv4.1": async (stack: AsyncDisposableStack, port: number) => {
    const client = stack.use(await SessionClient.connect({ port }));
    await client.exchangeId();
    const session = await client.createSession();
    await session.compound([op.reclaimComplete()]);
    await session.open(["f"], { create: FILE });
  },
};

for (const [version, register] of Object.entries(registrations)) {
  Deno.test(
    `a user who has all the ${version} clients that it may keeps no other user's mount out`,
    { ignore },
    async () => {
      await using ports = await served({ maxClients: 4 });
      await using stack = new AsyncDisposableStack();
      for (let i = 0; i < 3; i++) await register(stack, ports.ordinary);
      await assertRejects(() => register(stack, ports.ordinary), NfsError);
      await register(stack, ports.root);
    },
  );
}

Deno.test(
  "a user who asks for much in a file system that waits is waited for by no other user",
  { ignore },
  async () => {
    await using ports = await waitingReads();
    const { server, reads } = ports;
    await using flood = await V40Client.connect({ port: ports.ordinary });
    await using quiet = await V40Client.connect({ port: ports.root });
    const read = [...walk(["f"]), op.read({ count: 7 })];
    const asked = Array.from({ length: 100 }, () => flood.compound(read));
    const most = 32;
    const state = async () => {
      const text = await scrape(server);
      return ["file_system_operations", "file_system_waiting_operations"]
        .map((name) => valueOf(text, `${name}{export="/"}`));
    };
    while (reads.length < most) await pause();
    await pause();
    assertEquals(await state(), [most, 100 - most]);
    await quiet.compound([...walk(["f"]), op.getattr([])]);
    const own = quiet.compound(read);
    while (reads.length <= most) await pause();
    reads.pop()!();
    await own;
    assertEquals(reads.length, most);
    let answered = 0;
    for (const reply of asked) reply.then(() => answered++);
    while (answered < 100) {
      reads.shift()?.();
      await pause();
    }
    assertEquals(await state(), [0, 0]);
  },
);

const pause = () => new Promise((resolve) => setTimeout(resolve, 2));
