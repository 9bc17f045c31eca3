import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import {
  type FileSystem,
  FsError,
  type ServerRecords,
} from "../../src/vfs/mod.ts";
import { waiting } from "../robustness/fixture.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { SequenceFlag } from "../../src/nfs4/sessions.ts";
import { freePort } from "../interop/server.ts";
import { cannotRun, ServerProcess } from "../support/cli.ts";
import {
  CreateMode,
  FileType,
  op,
  openSession,
  type Request,
  type Session,
  SessionFlag,
  walk,
} from "../support/client/mod.ts";
import { DeafProxy } from "./deaf_proxy.ts";

const ignore = cannotRun ||
  Deno.permissions.querySync({ name: "write" }).state !== "granted";
const { PERSIST, CONN_BACK_CHAN } = SessionFlag;
const GUARDED = { mode: CreateMode.GUARDED, attributes: { mode: 0o644 } };

/** What a server that is ended and started again has its sessions in. */
interface Store extends AsyncDisposable {
  readonly port: number;
  start(): Promise<void>;
  kill(): Promise<void>;
}

/** A store whose every method answers later, its records too, as one on another machine does. */
class DistantStore implements Store {
  readonly port = freePort();
  readonly #path = Deno.makeTempDirSync();
  #server: NfsServer | undefined;

  async start(): Promise<void> {
    const store = sqlite(`${this.#path}/store`);
    const { records } = store;
    const distant: ServerRecords = {
      get changes() {
        return records.changes;
      },
      put: (...row) => records.put(...row),
      delete: (...row) => records.delete(...row),
      all: (collection) =>
        new Promise((resolve) =>
          setTimeout(() => resolve(records.all(collection)), 5)
        ),
      watch: (undone) => records.watch(undone),
    };
    const fs = new Proxy(waiting(store as FileSystem), {
      get: (target, name) =>
        name === "records" ? distant : Reflect.get(target, name),
    });
    this.#server = await serve([{ path: "/", fs, squash: "none" }], {
      port: this.port,
      stateDirectory: `${this.#path}/state`,
      leaseSeconds: 10,
    });
  }

  async kill(): Promise<void> {
    await this.#server?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#path, { recursive: true });
  }
}

/** A durable store, served by a program that is killed and started again. */
class ProgramsStore implements Store {
  readonly port = freePort();
  readonly #path = Deno.makeTempDirSync();
  readonly #flags: readonly string[];
  #server: ServerProcess | undefined;

  constructor(durability: string) {
    this.#flags = [
      ...["--export", `/=sqlite:${this.#path}/store`],
      ...["--state", `${this.#path}/state`, "--durability", durability],
      ...["--port", `${this.port}`, "--metrics-port", "0", "--lease", "10"],
    ];
  }

  async start(): Promise<void> {
    this.#server = new ServerProcess(this.#flags);
    await this.#server.until(/mount -t nfs4/);
  }

  async kill(): Promise<void> {
    this.#server?.kill("SIGKILL");
    await this.#server?.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await Deno.remove(this.#path, { recursive: true });
  }
}

function connect(port: number, owner: string): Promise<Session> {
  const flags = PERSIST | CONN_BACK_CHAN;
  return openSession({ port, owner, flags, minorVersion: 1 });
}

/** One of each operation that changes something, none of which may be done twice. */
async function changes(session: Session): Promise<Request[][]> {
  const handles = new Map<string, Request>();
  for (const name of ["renamed", "removed", "linked", "attributes"]) {
    const { stateid, filehandle } = await session.open([name], {
      create: GUARDED,
    });
    handles.set(name, op.putfh(filehandle));
    await session.compound([op.putfh(filehandle), op.close(stateid)]);
  }
  const written = await session.open(["written"], { create: GUARDED });
  const { clientid } = session.client;
  const owner = { clientid, owner: new Uint8Array(4) };
  const claim = { claim: "null", name: "opened" } as const;
  const root = op.putrootfh();
  return [
    [root, op.create({ type: FileType.DIR, name: "made", attributes: {} })],
    [root, op.savefh(), root, op.rename("renamed", "new name")],
    [root, op.remove("removed")],
    [handles.get("linked")!, op.savefh(), root, op.link("second name")],
    [root, op.open({ access: 3, owner, create: GUARDED, claim }), op.getfh()],
    [handles.get("attributes")!, op.setattr({ mode: 0o600, size: 7n })],
    [
      op.putfh(written.filehandle),
      op.write({ stateid: written.stateid, data: "bytes", stable: 2 }),
    ],
  ];
}

/** What the root folder and what is in it look like. */
async function picture(session: Session): Promise<string> {
  const wanted = ["fileid", "change", "size", "numlinks", "mode"] as const;
  const reply = await session.compound([
    op.putrootfh(),
    op.getattr(["change"]),
    op.readdir({ attributes: wanted }),
  ]);
  const print = (_: string, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value;
  return JSON.stringify(
    [reply.get("GETATTR"), reply.get("READDIR").entries],
    print,
  );
}

for (
  const [name, make] of [
    ["full", () => new ProgramsStore("full")],
    ["os", () => new ProgramsStore("os")],
    ["a store that answers later", () => new DistantStore()],
  ] as const
) {
  Deno.test(
    `persistent session: ended before its replies arrive, each change is made once (${name})`,
    {
      ignore,
    },
    async () => {
      await using store: Store = make();
      await store.start();
      await using proxy = new DeafProxy(store.port);
      await using session = await connect(proxy.port, "client");
      assertEquals(session.flags, PERSIST | CONN_BACK_CHAN);
      const requests = await changes(session);
      const prepared = requests.map((request, slotid) =>
        session.prepare(request, { slotid })
      );
      proxy.isDeaf = true;
      const lost = prepared.map((each) => each.send().catch(() => {}));
      await proxy.until(prepared.length);
      await store.kill();
      proxy.cut();
      await Promise.all(lost);
      proxy.isDeaf = false;
      await store.start();
      await using witness = await connect(store.port, "witness");
      const before = await picture(witness);
      const connection = await session.client.newConnection();
      session.connection = connection;
      const replies = await Promise.all(
        prepared.map((each) => each.send(connection)),
      );
      assertEquals(
        replies.map(({ bytes }) => bytes.toHex()).sort(),
        proxy.kept.map((bytes) => bytes.toHex()).sort(),
      );
      assertEquals(await picture(witness), before);

      // The session goes on, once its client has reclaimed.
      const look = await session.compound([op.putrootfh()]);
      assertNotEquals(
        look.get("SEQUENCE").statusFlags & SequenceFlag.RESTART_RECLAIM_NEEDED,
        0,
      );
      const claim = { claim: "previous", delegate: 0 } as const;
      await session.open(["written"], { claim });
      await session.open(["opened"], { claim });
      await session.compound([op.reclaimComplete()]);
      await session.compound([op.putrootfh(), op.remove("new name")]);
      await witness.expectStatus(Status.NOENT, walk(["new name"]));
      await session.destroy();
    },
  );
}

Deno.test(
  "a store that can't say which sessions it has keeps the server from starting",
  {
    ignore,
  },
  async () => {
    const path = Deno.makeTempDirSync();
    const store = sqlite(`${path}/store`) as FileSystem;
    const distant = (all: () => unknown) => {
      const none = () => {};
      const records = { changes: 0, put: none, delete: none, all };
      return new Proxy(waiting(store), {
        get: (target, name) =>
          name === "records" ? records : Reflect.get(target, name),
      });
    };
    const start = (all: () => unknown) =>
      serve(distant(all), {
        port: freePort(),
        stateDirectory: `${path}/state`,
      });
    try {
      await assertRejects(
        () => start(() => Promise.reject(new Error("no way there"))),
        Error,
        "no way there",
      );
      await assertRejects(() => start(() => []), FsError, "no Map");
      // What was opened for it is closed again.
      const server = await start(() => Promise.resolve(new Map()));
      await server.close();
    } finally {
      Deno.removeSync(path, { recursive: true });
    }
  },
);
