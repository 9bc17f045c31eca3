import {
  assert,
  assertEquals,
  assertGreater,
  AssertionError,
  assertLess,
  assertRejects,
} from "@std/assert";
import { checkStore } from "../../src/backends/sqlite/check.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { cannotRun, ServerProcess } from "../support/cli.ts";
import {
  CreateMode,
  currentStateid,
  NfsError,
  op,
  openSession,
  type Session,
  Stable,
} from "../support/client/mod.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const cannotWrite =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

/** A file system of its own, so small that it is soon full. */
class SmallDisk implements Disposable {
  readonly path = Deno.makeTempDirSync();

  constructor() {
    const args = ["-t", "tmpfs", "-o", "size=48m", "tmpfs", this.path];
    if (run("mount", args)) return;
    Deno.removeSync(this.path);
    throw new Error("this user may not mount");
  }

  /** Takes all room that is left, as somebody else's files do. */
  fill(): void {
    using file = Deno.openSync(`${this.path}/ballast`, {
      write: true,
      create: true,
    });
    const block = new Uint8Array(4 * KIB).fill(1);
    try {
      while (file.writeSync(block) > 0);
    } catch (error) {
      assertEquals((error as { code?: string }).code, "ENOSPC");
    }
  }

  /** Gives it back. */
  free(): void {
    Deno.removeSync(`${this.path}/ballast`);
  }

  [Symbol.dispose](): void {
    run("umount", [this.path]);
    Deno.removeSync(this.path, { recursive: true });
  }
}

function run(command: string, args: string[]): boolean {
  try {
    const options = { args, stdout: "null", stderr: "null" } as const;
    return new Deno.Command(command, options).outputSync().success;
  } catch {
    return false;
  }
}

async function start(target: string, ...flags: string[]) {
  return await startAt(0, target, ...flags);
}

/** At port 0 no client finds it again, and so it keeps no record of any. */
async function startAt(wanted: number, target: string, ...flags: string[]) {
  const server = new ServerProcess([
    ...["--export", `/=sqlite:${target}`, "--port", `${wanted}`],
    ...["--metrics-port", "0", "--log-level", "error", ...flags],
  ]);
  const [, port] = await server.until(/mount -t nfs4 .*port=(\d+) 127/);
  return { server, port: Number(port) };
}

/** A file of so many bytes, durable when that is answered. */
async function put(session: Session, name: string, bytes: number) {
  const how = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };
  const owner = {
    clientid: session.client.clientid,
    owner: new Uint8Array([1]),
  };
  await session.compound([
    op.putrootfh(),
    op.open({
      ...{ access: 3, owner, create: how },
      claim: { claim: "null", name },
    }),
    op.write({
      stateid: currentStateid,
      stable: Stable.FILE_SYNC,
      data: new Uint8Array(bytes).fill(7),
    }),
    // A file that is open keeps its room.
    op.close(currentStateid),
  ]);
}

/** Puts files until one is refused; returns how many there are, and with what status it ended. */
async function putUntilRefused(
  session: Session,
  { prefix, bytes }: { readonly prefix: string; readonly bytes: number },
  first = 0,
): Promise<{ count: number; status: number | undefined }> {
  for (let count = first;; count++) {
    try {
      await put(session, `${prefix}${count}`, bytes);
    } catch (error) {
      const status = error instanceof NfsError ? error.status : undefined;
      return { count, status };
    }
  }
}

/** Whether there was room for a new file. */
async function isPut(
  session: Session,
  { name, bytes }: { readonly name: string; readonly bytes: number },
): Promise<boolean> {
  try {
    await put(session, name, bytes);
    return true;
  } catch (error) {
    if (!(error instanceof NfsError)) throw error;
    assertEquals(error.status, Status.NOSPC);
    return false;
  }
}

async function assertThere(
  session: Session,
  { prefix, count, bytes }: { prefix: string; count: number; bytes: number },
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const reply = await session.compound([
      op.putrootfh(),
      op.lookup(`${prefix}${index}`),
      op.read({ count: bytes }),
    ], { cacheThis: false });
    const { data } = reply.get("READ");
    assertEquals(data.length, bytes);
    assert(data.every((byte) => byte === 7));
  }
}

const ignore = cannotRun || cannotWrite;
const cannotMount = ignore || !mayMount();

function mayMount(): boolean {
  try {
    using _disk = new SmallDisk();
    return true;
  } catch {
    return false;
  }
}

Deno.test("a full quota is DQUOT, and what was answered stays", {
  ignore,
}, async () => {
  const path = Deno.makeTempDirSync();
  {
    const { server, port } = await start(`${path},quota=2M`);
    await using _server = server;
    await using session = await openSession({ port });
    const files = { prefix: "f", bytes: 64 * KIB };
    const { count, status } = await putUntilRefused(session, files);
    // Names and nodes count as well.
    assertEquals([count, status], [31, Status.DQUOT]);
    await assertThere(session, { ...files, count });
    await session.compound([op.putrootfh(), op.remove("f0")]);
  }
  assertEquals((await checkStore(path)).problems, []);
  Deno.removeSync(path, { recursive: true });
});

Deno.test(
  "a full disk is NOSPC, something can be removed, and the store is sound",
  {
    ignore: cannotMount,
  },
  async () => {
    using disk = new SmallDisk();
    const store = `${disk.path}/store`;
    let small = 0;
    const files = { prefix: "f", bytes: 256 * KIB };
    let large = 0;
    {
      const { server, port } = await start(store);
      await using _server = server;
      await using session = await openSession({ port });
      const first = await putUntilRefused(session, files);
      assertEquals(first.status, Status.NOSPC);
      assertGreater(first.count, 16);
      large = first.count;
      const second = await putUntilRefused(session, {
        prefix: "s",
        bytes: 1000,
      });
      assertEquals(second.status, Status.NOSPC);
      small = second.count;
      await assertThere(session, { ...files, count: large });
      const again = { name: "again", bytes: files.bytes };
      while (!await isPut(session, again)) {
        await session.compound([op.putrootfh(), op.remove(`f${--large}`)]);
      }
      server.kill("SIGKILL");
      await server.ended();
    }
    assertEquals((await checkStore(store)).problems, []);
    const { server, port } = await start(store);
    await using _server = server;
    await using session = await openSession({ port });
    await assertThere(session, { ...files, count: large });
    await assertThere(session, { prefix: "s", bytes: 1000, count: small });
  },
);

Deno.test("a disk that others fill takes nothing that was answered away", {
  ignore: cannotMount,
}, async () => {
  using disk = new SmallDisk();
  const store = `${disk.path}/store`;
  const before = { prefix: "before", bytes: 10_000, count: 20 };
  const after = { prefix: "after", bytes: 10_000 };
  let answered = 0;
  {
    const { server, port } = await start(store);
    await using _server = server;
    await using session = await openSession({ port });
    for (let index = 0; index < before.count; index++) {
      await put(session, `before${index}`, before.bytes);
    }
    disk.fill();
    // What it has set aside before lets some more in.
    const { count, status } = await putUntilRefused(session, after);
    answered = count;
    assert(
      status === undefined || status === Status.NOSPC || status === Status.IO,
      `status ${status}`,
    );
    server.kill("SIGKILL");
    await server.ended();
  }
  disk.fill();
  assertEquals((await checkStore(store)).problems, []);
  disk.free();
  const { server, port } = await start(store);
  await using _server = server;
  await using session = await openSession({ port });
  await assertThere(session, before);
  await assertThere(session, { ...after, count: answered });
  await put(session, "again", MIB / 2);
});

for (const isRestarted of [false, true]) {
  const which = isRestarted ? "started again" : "young";
  Deno.test(
    `on a disk that others fill, all files can be removed from a store that is ${which}`,
    {
      ignore: cannotMount,
    },
    async () => {
      using disk = new SmallDisk();
      const store = `${disk.path}/store`;
      const files = Array.from({ length: 60 }, (_, i) => `f${i}`);
      {
        const { server, port } = await start(store);
        await using _server = server;
        await using session = await openSession({ port });
        for (const name of files) await put(session, name, 1000);
        if (!isRestarted) {
          disk.fill();
          await removeAll(session, files);
        }
        server.kill("SIGTERM");
        assertEquals((await server.ended()).code, 0);
      }
      if (!isRestarted) return;
      const { server, port } = await start(store);
      await using _server = server;
      await using session = await openSession({ port });
      disk.fill();
      await removeAll(session, files);
    },
  );
}

Deno.test(
  "the room of contents is that of their own disk, where they have one",
  {
    ignore: cannotMount,
  },
  async () => {
    using disk = new SmallDisk();
    const store = Deno.makeTempDirSync();
    Deno.symlinkSync(disk.path, `${store}/content`);
    const fs = sqlite(store);
    const { totalBytes, freeBytes } = fs.status();
    assertEquals(totalBytes, 48 * MIB);
    assertLess(freeBytes, 48 * MIB);
    disk.fill();
    assertEquals(fs.status().freeBytes, 0);
    await fs.dispose();
    Deno.removeSync(store, { recursive: true });
  },
);

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(
    `a server that ended by ${signal} starts again on a disk that is full, and clients can read`,
    {
      ignore: cannotMount,
    },
    async () => {
      using disk = new SmallDisk();
      const store = `${disk.path}/store`;
      const files = { prefix: "f", bytes: 1000, count: 60 };
      const names = Array.from({ length: files.count }, (_, i) => `f${i}`);
      const free = freePort();
      {
        const { server, port } = await startAt(free, store);
        await using _server = server;
        await using session = await openSession({ port });
        for (const name of names) await put(session, name, files.bytes);
        server.kill(signal);
        await server.ended();
      }
      disk.fill();
      const { server, port } = await startAt(free, store, "--grace", "0");
      await using _server = server;
      await using session = await openSession({ port });
      await assertThere(session, files);
      // A clean end has given the room of the log back.
      if (signal === "SIGKILL") await removeAll(session, names);
      else assertEquals(await removal(session, "f0"), Status.NOSPC);
      disk.free();
      if (signal === "SIGTERM") await removeAll(session, names);
    },
  );
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The status of a REMOVE that is refused. */
async function removal(session: Session, name: string): Promise<number> {
  const refused = await assertRejects(
    () => session.compound([op.putrootfh(), op.remove(name)]),
    NfsError,
  );
  return refused.status;
}

/** Removes files one after the other, on a disk that is full all the while. */
async function removeAll(
  session: Session,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    await session.compound([op.putrootfh(), op.remove(name)]);
  }
}

/** Puts files while there is no room; returns how many were answered all the same. */
async function putWhileFull(
  port: number,
  { prefix, bytes }: { readonly prefix: string; readonly bytes: number },
): Promise<number> {
  let count = 0;
  for (let refusals = 0; refusals < 20; refusals++) {
    // A server may close the connection rather than tell.
    try {
      await using session = await openSession({ port });
      const files = { prefix, bytes };
      const { status, ...put } = await putUntilRefused(session, files, count);
      assert(status === undefined || status === Status.NOSPC, `${status}`);
      count = put.count;
    } catch (error) {
      if (error instanceof AssertionError) throw error;
    }
  }
  return count;
}

for (const durability of ["full", "os"]) {
  Deno.test(
    `a disk that others fill for a moment is served on when there is room again (${durability})`,
    {
      ignore: cannotMount,
    },
    async () => {
      using disk = new SmallDisk();
      const store = `${disk.path}/store`;
      const { server, port } = await start(store, "--durability", durability);
      await using _server = server;
      const answered: [prefix: string, count: number, bytes: number][] = [];
      for (let round = 0; round < 3; round++) {
        for (const bytes of [1000, 40_000]) {
          const prefix = `round${round}-${bytes}-`;
          await using session = await openSession({ port });
          for (let i = 0; i < 20; i++) {
            await put(session, `${prefix}${i}`, bytes);
          }
          answered.push([prefix, 20, bytes]);
        }
        disk.fill();
        for (const bytes of [1000, 40_000]) {
          const prefix = `full${round}-${bytes}-`;
          const count = await putWhileFull(port, { prefix, bytes });
          answered.push([prefix, count, bytes]);
        }
        disk.free();
      }
      {
        await using session = await openSession({ port });
        await put(session, "after", 100_000);
        for (const [prefix, count, bytes] of answered) {
          await assertThere(session, { prefix, count, bytes });
        }
      }
      server.kill("SIGTERM");
      const { code, stderr } = await server.ended();
      assertEquals([code, stderr.includes("suppressed")], [0, false], stderr);
      const { problems } = await checkStore(store);
      assertEquals(problems, []);
    },
  );
}
