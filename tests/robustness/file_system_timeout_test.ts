import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type { Logger } from "../../src/base/log.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import { type FileSystem, FsError } from "../../src/vfs/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { HURRY } from "../../src/rpc/listener.ts";
import { PATIENCE } from "../../src/rpc/connection_watch.ts";
import {
  bytesOf,
  type CompoundReply,
  CreateMode,
  FileType,
  op,
  openSession,
  type Request,
  Stable,
  V40Client,
  walk,
} from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { scrape, valueOf } from "../support/scrape.ts";
import { Gate, waiting } from "./fixture.ts";

const LIMIT = 5_000;
const SIZE = 65_536;
const MIB = 2 ** 20;

/** A logger that keeps the errors. */
function errorsOnly() {
  const lines: { message: string; fields: Record<string, unknown> }[] = [];
  const silent = () => {};
  const log: Logger = {
    debug: silent,
    info: silent,
    warn: silent,
    error: (message, fields = {}) => lines.push({ message, fields }),
  };
  return { log, lines };
}

/** A server of /slow, which may never answer, and of /well beside it. */
async function slowServer(
  slow: FileSystem,
  limits: {
    readonly maxOverdueCalls?: number;
    readonly maxBufferBytes?: number;
  } = {},
) {
  const clock = new FakeClock();
  const { log, lines } = errorsOnly();
  const well = memory({ f: new Uint8Array(SIZE).fill(7) }) as FileSystem;
  const read = well.read.bind(well);
  let afterRead = () => {};
  well.read = async (...args) => {
    const result = read(...args);
    await again();
    afterRead();
    return result;
  };
  const server = await serve([
    { path: "/slow", fs: slow, squash: "none" },
    { path: "/well", fs: well, squash: "none" },
  ], {
    port: 0,
    metricsPort: 0,
    shutdownTimeout: 50,
    clock,
    log,
    limits,
    fileSystemTimeout: LIMIT,
  });
  const pass = (milliseconds = LIMIT): void => {
    clock.advance(milliseconds);
    server.sweep();
  };
  /** Closes it, for which it may have to give up a call. */
  const close = async (): Promise<unknown> => {
    let isClosed = false;
    const closed = server.close().catch((error) => error)
      .finally(() => isClosed = true);
    while (!isClosed) {
      pass();
      await again();
    }
    return closed;
  };
  return {
    server,
    port: server.port,
    errors: lines,
    /** Time goes on, to just before a call is overdue or to when it is. */
    pass,
    close,
    /** What happens when a reply holds what was read of /well, and has not left. */
    set afterRead(act: () => void) {
      afterRead = act;
    },
    [Symbol.asyncDispose]: async () => void await close(),
  };
}

/** The metric of a server. */
async function metric(server: NfsServer, series: string) {
  return valueOf(await scrape(server), series);
}

/** Whether a reply has come. */
function watched(reply: Promise<CompoundReply>) {
  const state = { isThere: false, reply };
  reply.then(() => state.isThere = true, () => {});
  return state;
}

const any = { expect: "any" } as const;
const again = () => new Promise((resolve) => setTimeout(resolve, 5));

for (const minorVersion of [0, 1, 2]) {
  Deno.test(`NFSv4.${minorVersion}: a call that never returns is DELAY, and what comes after is served`, async () => {
    const gate = new Gate("read");
    const fs = waiting(memory({ f: "content" }), gate.hold);
    await using slow = await slowServer(fs);
    const { port } = slow;
    await using client = minorVersion === 0
      ? await V40Client.connect({ port })
      : await openSession({ port, minorVersion });
    if (client instanceof V40Client) await client.register();
    const read = [...walk(["slow", "f"]), op.read({ count: 100 })];
    gate.shut();
    const first = watched(client.compound(read, any));
    await gate.reached();
    slow.pass(LIMIT - 1);
    await again();
    assertEquals(first.isThere, false);
    slow.pass(1);
    assertEquals((await first.reply).status, Status.DELAY);
    assertEquals(
      slow.errors.map(({ message, fields }) => ({
        message,
        export: fields.export,
        call: fields.call,
      })),
      [{
        message: "a file system does not answer",
        export: "/slow",
        call: "read",
      }],
    );
    const labels = '{export="/slow",call="read"}';
    assertEquals(
      await metric(slow.server, `file_system_timeouts_total${labels}`),
      1,
    );
    gate.open();
    const later = await client.compound(read);
    assertEquals(later.get("READ").data, bytesOf("content"));
    assertEquals(
      await metric(slow.server, 'file_system_overdue_calls{export="/slow"}'),
      0,
    );
  });
}

Deno.test("an OPEN that takes too long is undone when it comes to be", async () => {
  const log: string[] = [];
  const fs = memory({ f: "x" }) as FileSystem;
  const late = Promise.withResolvers<void>();
  fs.open = () => {
    log.push("open");
    return late.promise;
  };
  fs.close = () => void log.push("close");
  await using slow = await slowServer(fs);
  await using session = await openSession({ port: slow.port });
  const owner = { clientid: 0n, owner: Uint8Array.of(1) };
  const open = session.compound([
    ...walk(["slow"]),
    op.open({ owner, claim: { claim: "null", name: "f" } }),
  ], any);
  while (log.length === 0) await again();
  slow.pass();
  assertEquals((await open).status, Status.DELAY);
  assertEquals(log, ["open"]);
  late.resolve();
  await again();
  assertEquals(log, ["open", "close"]);
});

for (
  const [what, fails] of [
    ["takes too long", false],
    ["rejects", true],
  ] as const
) {
  Deno.test(`a read that ${what} and fills its target afterwards changes nobody's reply`, async () => {
    const fs = memory({ f: "x" }) as FileSystem;
    const targets: Uint8Array[] = [];
    fs.read = (_file, _offset, target) => {
      targets.push(target);
      return fails ? Promise.reject(new FsError("io")) : new Promise(() => {});
    };
    await using slow = await slowServer(fs);
    await using session = await openSession({ port: slow.port });
    const read = [...walk(["slow", "f"]), op.read({ count: SIZE })];
    const reply = session.compound(read, { ...any, cacheThis: false });
    while (targets.length === 0) await again();
    if (!fails) slow.pass();
    assertEquals((await reply).status, fails ? Status.IO : Status.DELAY);
    slow.afterRead = () => targets[0]!.fill(0x5e);
    const well = [...walk(["well", "f"]), op.read({ count: SIZE })];
    // Many at once, so that all the memory that replies are written in is used.
    const replies = Array.from(
      { length: 8 },
      () => session.compound(well, { cacheThis: false }),
    );
    for (const reply of await Promise.all(replies)) {
      const { data } = reply.get("READ");
      assert(data.every((byte) => byte === 7));
    }
  });
}

Deno.test("a write that takes too long never sees another request in its data", async () => {
  const fs = memory({ f: "x" }) as FileSystem;
  const written: Uint8Array[] = [];
  fs.write = (_file, _offset, data) => {
    written.push(data);
    return new Promise(() => {});
  };
  await using slow = await slowServer(fs);
  await using session = await openSession({ port: slow.port });
  const { filehandle, stateid } = await session.open(["slow", "f"]);
  const stable = Stable.UNSTABLE;
  const write = (fill: number, at = filehandle): readonly Request[] => [
    op.putfh(at),
    op.write({ stateid, data: new Uint8Array(SIZE).fill(fill), stable }),
  ];
  const reply = session.compound(write(1), any);
  while (written.length === 0) await again();
  slow.pass();
  assertEquals((await reply).status, Status.DELAY);
  const other = await session.open(["well", "g"], {
    create: { mode: CreateMode.UNCHECKED, attributes: {} },
  });
  for (let i = 0; i < 8; i++) {
    await session.compound([
      op.putfh(other.filehandle),
      op.write({
        stateid: other.stateid,
        data: new Uint8Array(SIZE).fill(2),
        stable,
      }),
    ]);
  }
  assert(written[0]!.every((byte) => byte === 1));
});

Deno.test("of a file system that owes too many answers nothing more is asked, others are served", async () => {
  const gate = new Gate("read");
  let calls = 0;
  const fs = waiting(memory({ f: "content" }), (method) => {
    calls++;
    return gate.hold(method);
  });
  await using slow = await slowServer(fs, { maxOverdueCalls: 2 });
  await using session = await openSession({ port: slow.port });
  const read = [...walk(["slow", "f"]), op.read({ count: 100 })];
  gate.shut();
  const hung = [1, 2].map(() => session.compound(read, any));
  await gate.reached(2);
  slow.pass();
  for (const reply of hung) assertEquals((await reply).status, Status.DELAY);
  const before = calls;
  await session.expectStatus(Status.DELAY, read);
  assertEquals(calls, before);
  assertEquals(
    slow.server.trouble,
    "export /slow: 2 calls of the file system have not returned",
  );
  await session.compound([...walk(["well", "f"]), op.read({ count: 10 })]);
  gate.open();
  await again();
  assertEquals(slow.server.trouble, undefined);
  await session.compound(read);
});

Deno.test("reads that never return and hold all buffers are given up early, for a client of another export", async () => {
  const fs = memory({ f: new Uint8Array(MIB) }) as FileSystem;
  let reads = 0;
  fs.read = () => {
    reads++;
    return new Promise(() => {});
  };
  await using slow = await slowServer(fs, { maxBufferBytes: 24 * MIB });
  const { port } = slow;
  await using quiet = await V40Client.connect({ port });
  const wellRead = (count: number) =>
    quiet.compound([...walk(["well", "f"]), op.read({ count })], any);
  assertEquals((await wellRead(MIB)).status, Status.OK);
  const crowd = await Promise.all(
    Array.from({ length: 30 }, () => V40Client.connect({ port })),
  );
  const read = [...walk(["slow", "f"]), op.read({ count: MIB })];
  for (const each of crowd) each.compound(read, any).catch(() => {});
  // Until the next one finds no room for its reply.
  for (let before = -1; before < reads;) {
    before = reads;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertEquals((await wellRead(100)).status, Status.OK);
  assertEquals((await wellRead(MIB)).status, Status.DELAY);
  slow.pass(PATIENCE.hoard / HURRY);
  while ((await wellRead(MIB)).status !== Status.OK) await again();
  assertEquals(slow.errors[0]!.fields.afterMs, PATIENCE.hoard / HURRY);
  for (const each of crowd) await each[Symbol.asyncDispose]();
});

for (const minorVersion of [0, 1]) {
  Deno.test(`NFSv4.${minorVersion}: what can't be settled in time is DELAY, the other export goes on`, async () => {
    const fs = memory({}) as FileSystem;
    let settles = 0;
    fs.settle = () => {
      settles++;
      return new Promise(() => {});
    };
    await using slow = await slowServer(fs);
    const { port } = slow;
    await using client = minorVersion === 0
      ? await V40Client.connect({ port })
      : await openSession({ port, minorVersion });
    if (client instanceof V40Client) await client.register();
    await using witness = await openSession({ port });
    const make = client.compound([
      ...walk(["slow"]),
      op.create({ type: FileType.DIR, name: "d" }),
    ], any);
    while (settles === 0) await again();
    await witness.compound([
      ...walk(["well"]),
      op.create({ type: FileType.DIR, name: "d" }),
    ]);
    slow.pass();
    assertEquals((await make).status, Status.DELAY);
    await client.compound([...walk(["well", "f"]), op.getattr(["size"])]);
  });
}

Deno.test("a server whose file system hangs can be closed", async () => {
  for (const method of ["settle", "dispose"] as const) {
    const fs = memory({ f: "x" }) as FileSystem;
    fs[method] = () => new Promise(() => {});
    const slow = await slowServer(fs);
    assertEquals(
      String(await slow.close()),
      `FsError: busy: ${method} takes too long`,
    );
    const line = slow.errors[0]!;
    assertEquals(line.message, "a file system does not answer");
    assertEquals([line.fields.export, line.fields.call], ["/slow", method]);
  }
});
