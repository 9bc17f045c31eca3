import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { freePort } from "../interop/server.ts";
import { cannotRun, ServerProcess } from "../support/cli.ts";
import {
  bytesOf,
  CreateMode,
  op,
  openSession,
  type Request,
  type Session,
  type Stateid,
  V40Client,
  walk,
} from "../support/client/mod.ts";

const noFiles =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";
const CREATE = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };
const ANY = { ...CREATE, mode: CreateMode.UNCHECKED };
const LEASE_SECONDS = 10;

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly data = `${this.path}/data`;
  readonly state = `${this.path}/state`;
  readonly port = freePort();

  constructor() {
    Deno.mkdirSync(this.data);
  }

  serve(options: { port?: number; graceSeconds?: number } = {}) {
    const squash = "none" as const;
    return serve([{ path: "/", fs: local(this.data), squash }], {
      port: this.port,
      metricsPort: 0,
      stateDirectory: this.state,
      leaseSeconds: LEASE_SECONDS,
      ...options,
    });
  }

  /** The command line's flags for the same. */
  get flags(): string[] {
    return [
      ...["--export", `/=local:${this.data}`, "--state", this.state],
      ...["--port", `${this.port}`, "--metrics-port", "0"],
      ...["--lease", `${LEASE_SECONDS}`, "--grace", "1"],
    ];
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function connect(
  { port }: { readonly port: number },
  owner: string,
  reclaimComplete = true,
): Promise<Session> {
  return openSession({ port, owner, minorVersion: 1, reclaimComplete });
}

async function metric(server: NfsServer, name: string): Promise<number> {
  const url = `http://127.0.0.1:${server.metricsPort}/metrics`;
  const text = await (await fetch(url)).text();
  const line = new RegExp(`^dittofs_nfs_${name} (\\d+)$`, "m").exec(text);
  return Number(line?.[1]);
}

function lockOf(
  session: Session,
  openStateid: Stateid,
  reclaim: boolean,
): Request {
  const owner = { clientid: session.client.clientid, owner: bytesOf("l") };
  return op.lock({ reclaim, locker: { openStateid, owner } });
}

const reclaiming = { claim: { claim: "previous", delegate: 0 } } as const;

Deno.test("restart: opens and locks are reclaimed, and metrics tell of it", {
  ignore: noFiles,
}, async () => {
  using folder = new Folder();
  {
    await using server = await folder.serve();
    assertEquals(await metric(server, "grace_active"), 0);
    await using session = await connect(server, "holder");
    assertEquals(await metric(server, "client_records"), 0);
    const { stateid } = await session.open(["file"], { create: CREATE });
    assertEquals(await metric(server, "client_records"), 1);
    await session.compound([
      ...walk(["file"]),
      lockOf(session, stateid, false),
    ]);
  }
  await using server = await folder.serve();
  assertEquals(await metric(server, "grace_active"), 1);
  await using other = await connect(server, "other");
  await assertRejects(() => other.open(["file"]), Error, "GRACE");
  await using session = await connect(server, "holder", false);
  const { stateid } = await session.open(["file"], reclaiming);
  await session.compound([...walk(["file"]), lockOf(session, stateid, true)]);
  await session.compound([op.reclaimComplete()]);
  assertEquals(await metric(server, "grace_active"), 0);
  assertEquals(await metric(server, `reclaims_total{verdict="allowed"}`), 2);
  const opened = await other.open(["file"]);
  await other.expectStatus(Status.DENIED, [
    ...walk(["file"]),
    lockOf(other, opened.stateid, false),
  ]);
  assertEquals(await metric(server, "client_records"), 2);
});

Deno.test(
  "restart: a client that has closed everything, and gone, keeps nobody waiting",
  {
    ignore: noFiles,
  },
  async () => {
    using folder = new Folder();
    const { port } = folder;
    {
      await using server = await folder.serve();
      await using client = await V40Client.connect({ port, id: "gone" });
      await client.register();
      const { stateid } = await client.open(["file"], { create: CREATE });
      await client.compound([...walk(["file"]), op.close(stateid, 3)]);
      assertEquals(await metric(server, "client_records"), 1);
    }
    await using server = await folder.serve();
    assertEquals(await metric(server, "grace_active"), 0);
    await using other = await connect(server, "other");
    await other.open(["file"]);
  },
);

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(`restart: a client of each version reclaims after ${signal}`, {
    ignore: cannotRun || noFiles,
  }, async () => {
    using folder = new Folder();
    const { port } = folder;
    {
      await using server = new ServerProcess(folder.flags);
      await server.until(/mount -t nfs4/);
      await using session = await connect(folder, "holder");
      await using client = await V40Client.connect({ port, id: "holder" });
      await client.register();
      await session.open(["file"], { create: CREATE });
      await client.open(["more"], { create: CREATE });
      server.kill(signal);
      await server.ended();
    }
    await using server = new ServerProcess(folder.flags);
    await server.until(/mount -t nfs4/);
    await using other = await connect(folder, "other");
    await using session = await connect(folder, "holder", false);
    await session.open(["file"], reclaiming);
    await session.compound([op.reclaimComplete()]);
    await using client = await V40Client.connect({ port, id: "holder" });
    await client.register();
    // NFSv4.0 can't say that it is done: it lasts its second.
    await assertRejects(() => other.open(["file"]), Error, "GRACE");
    await client.open(["more"], reclaiming);
    while (true) {
      try {
        await other.open(["file"]);
        break;
      } catch (error) {
        assertStringIncludes(String(error), "GRACE");
      }
    }
    await assertRejects(
      () => client.open(["more"], { ...reclaiming, owner: "late" }),
      Error,
      "NO_GRACE",
    );
  });
}

Deno.test("restart: one server at an address, others beside it", {
  ignore: noFiles,
}, async () => {
  using folder = new Folder();
  await using first = await folder.serve();
  await assertRejects(() => folder.serve(), Error, "in use by another server");
  await using second = await folder.serve({ port: freePort() });
  await using third = await folder.serve({ port: 0 });
  for (const server of [first, second, third]) {
    await using session = await connect(server, "client");
    await session.open(["file"], { create: ANY });
  }
  const kept = [...Deno.readDirSync(`${folder.state}/clients`)];
  assertEquals(kept.length, 4);
});

Deno.test("restart: a port that is taken leaves the records to the next", {
  ignore: noFiles,
}, async () => {
  using folder = new Folder();
  {
    using _taken = Deno.listen({ port: folder.port, hostname: "127.0.0.1" });
    await assertRejects(() => folder.serve(), Error);
  }
  await using _server = await folder.serve();
});

Deno.test("an open that can't be made durable is never answered", {
  ignore: noFiles,
}, async () => {
  const stateDirectory = Deno.makeTempDirSync();
  const lines: string[] = [];
  const note = (message: string) => void lines.push(message);
  const log = { debug: note, info: note, warn: note, error: note };
  const port = freePort();
  await using _server = await serve(
    [{ path: "/", fs: memory({ file: "" }), squash: "none" }],
    { port, stateDirectory, log },
  );
  await using session = await connect({ port }, "client");
  const original = Deno.FsFile.prototype.syncData;
  Deno.FsFile.prototype.syncData = () => Promise.reject(new Error("no luck"));
  try {
    await assertRejects(() => session.open(["file"]));
  } finally {
    Deno.FsFile.prototype.syncData = original;
  }
  assertMatch(lines.join("\n"), /^client records can't be kept$/m);
  await using again = await connect({ port }, "client", false);
  await again.open(["file"]);
  Deno.removeSync(stateDirectory, { recursive: true });
});
