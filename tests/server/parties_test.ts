import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { MemoryFileSystem } from "../../src/backends/memory/memory_file_system.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import type { ServeOptions } from "../../src/server/options.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { type Sharing, sharing } from "../../src/vfs/sharing.ts";
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

Deno.test("trees that are served share V8's heap, and have it for themselves again", async () => {
  const trees = [0, 1, 2, 3].map(() => new MemoryFileSystem());
  const [first] = trees as [MemoryFileSystem];
  const whole = first.status().totalFiles;
  const exports = trees.map((fs, i) => ({ path: `/${i}`, fs }));
  {
    await using _ = await serve(exports, { port: 0 });
    for (const tree of trees) {
      assertEquals(tree.status().totalFiles, Math.floor(whole / 4));
    }
  }
  assertEquals(first.status().totalFiles, whole);
  await using _ = await serve(memory(), { port: 0 });
  assertEquals(first.status().totalFiles, whole);
});

Deno.test("servers of a process share its memory for clients where none was set, and have it for themselves again", async () => {
  const start = (limits = {}) =>
    serve(memory(), { port: 0, metricsPort: 0, limits });
  const maxStateBytes = 2 ** 24;
  await using set = await start({ maxStateBytes });
  await using first = await start();
  const whole = await limitsOf(first);
  {
    await using second = await start();
    await using third = await start();
    for (const server of [first, second, third]) {
      const { state, buffers } = await limitsOf(server);
      assertEquals(state, Math.floor(whole.state / 3));
      // The one with memory of its own for state has a part of this.
      assertEquals(buffers, Math.floor(whole.buffers * 2 / 4));
    }
    assertEquals((await limitsOf(set)).state, maxStateBytes);
  }
  assertEquals(await limitsOf(first), whole);
});

async function limitsOf(
  { metricsPort }: NfsServer,
): Promise<{ state: number; buffers: number }> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  const text = await response.text();
  const valueOf = (name: string) =>
    Number(new RegExp(`^\\S*${name} (\\S+)$`, "m").exec(text)?.[1]);
  return {
    state: valueOf("state_limit_bytes"),
    buffers: valueOf("buffer_limit_bytes"),
  };
}

// Deno lets nothing less look into /proc.
const cannotCount = Deno.build.os !== "linux" || !canList("/proc/self/fd");

function canList(path: string): boolean {
  try {
    return [...Deno.readDirSync(path)].length > 0;
  } catch {
    return false;
  }
}

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("folders and stores hold a part of the descriptors each", {
  ignore: cannotCount,
}, async () => {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/folder`);
  const folder = local(`${directory}/folder`);
  const store = await sqlite(`${directory}/store`);
  type Served = Required<Omit<FileSystem, "settle">> & FileSystem;
  const all = [folder, store] as unknown as Served[];
  const mode = { read: true, write: true };
  const attributes = { mode: 0o644, uid: 0, gid: 0 };
  const before = descriptors();
  for (const fs of all) {
    // As if with so many others that each has next to nothing.
    (fs as unknown as { [sharing]: Sharing })[sharing].among(100_000);
    for (let i = 0; i < 100; i++) {
      const kind = { type: "file" } as const;
      const made = await fs.create(fs.root(), `${i}`, kind, { attributes });
      await fs.open(made.node, mode);
      await fs.write(made.node, 0, new Uint8Array(20_000), "data");
      await fs.settle?.();
    }
  }
  assertLess(descriptors() - before, 40);
  for (const fs of all) await fs.dispose();
  await Deno.remove(directory, { recursive: true });
});
