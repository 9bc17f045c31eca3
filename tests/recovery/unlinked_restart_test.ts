import { assertEquals } from "@std/assert";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { copyFolder } from "../backends/sqlite/fixture.ts";
import { problemsOf } from "../backends/sqlite/damage.ts";
import { freePort } from "../interop/server.ts";
import {
  CreateMode,
  op,
  openSession,
  type Session,
} from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";

const LEASE_SECONDS = 10;
const CREATE = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };
const PREVIOUS = { claim: "previous", delegate: 0 } as const;

/** A store and a server's own state in a folder, served at one port over all starts. */
class Served implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #port = freePort();
  readonly clock = new FakeClock();
  #path = `${this.#folder}/0`;
  #starts = 0;

  get store(): string {
    return `${this.#path}/store`;
  }

  start(): Promise<NfsServer> {
    const { clock, store } = this;
    return serve([{ path: "/", fs: sqlite(store), squash: "none" }], {
      ...{ port: this.#port, clock, leaseSeconds: LEASE_SECONDS },
      stateDirectory: `${this.#path}/state`,
    });
  }

  /** The next start finds what kill -9 would leave. */
  kill(): void {
    const next = `${this.#folder}/${++this.#starts}`;
    copyFolder(this.#path, next);
    this.#path = next;
  }

  /** Lets the grace period run out. */
  endGrace(server: NfsServer): void {
    this.clock.advance(LEASE_SECONDS * 1000 + 1);
    server.sweep();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

function connect(
  { port }: NfsServer,
  reclaimComplete: boolean,
): Promise<Session> {
  const options = {
    owner: "client",
    minorVersion: 1,
    reclaimComplete,
  } as const;
  return openSession({ port, ...options });
}

/** A client has a file open that it has removed; its filehandle. */
async function removeOpen(server: NfsServer): Promise<Uint8Array> {
  await using session = await connect(server, true);
  const opened = await session.open(["file"], { create: CREATE });
  const { filehandle, stateid } = opened;
  const write = op.write({ stateid, data: "content" });
  await session.compound([op.putfh(filehandle), write]);
  await session.compound([op.putrootfh(), op.remove("file")]);
  return filehandle;
}

/** Waits until a file is gone, which no client has asked for. */
async function gone(session: Session, filehandle: Uint8Array): Promise<void> {
  const look = () => {
    const ops = [op.putfh(filehandle), op.getattr(["type"])];
    return session.compound(ops, { expect: "any" });
  };
  for (let i = 0; i < 1000; i++) {
    if ((await look()).status === Status.STALE) return;
  }
  throw new Error("it is still there");
}

const ignore =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

for (const isKilled of [false, true]) {
  const how = isKilled ? "killed" : "stopped";

  Deno.test({
    name:
      `an open file without a name is reclaimed where the server was ${how} (RFC 8881 18.16.3)`,
    ignore,
    async fn() {
      using served = new Served();
      let filehandle: Uint8Array;
      {
        await using server = await served.start();
        filehandle = await removeOpen(server);
        if (isKilled) served.kill();
      }
      const file = op.putfh(filehandle);
      {
        await using server = await served.start();
        await using session = await connect(server, false);
        const owner = {
          clientid: session.client.clientid,
          owner: new Uint8Array(1),
        };
        const open = op.open({ access: 3, owner, claim: PREVIOUS });
        const reclaimed = await session.compound([file, open]);
        const { stateid } = reclaimed.get("OPEN");
        await session.compound([op.reclaimComplete()]);
        served.endGrace(server);
        const read = op.read({ stateid });
        const seen = await session.compound([
          file,
          read,
          op.getattr(["numlinks"]),
        ]);
        const { data } = seen.get("READ");
        assertEquals(new TextDecoder().decode(data), "content");
        assertEquals(seen.get("GETATTR").attributes.numlinks, 0);
        await session.compound([file, op.close(stateid)]);
        await gone(session, filehandle);
      }
      assertEquals(await problemsOf(served.store), []);
    },
  });

  Deno.test({
    name:
      `an open file without a name that is not reclaimed goes with the grace period where the server was ${how}`,
    ignore,
    async fn() {
      using served = new Served();
      let filehandle: Uint8Array;
      {
        await using server = await served.start();
        filehandle = await removeOpen(server);
        if (isKilled) served.kill();
      }
      {
        // It ends in its grace period, which the next one has anew.
        await using server = await served.start();
        await using session = await connect(server, false);
        await session.compound([op.putfh(filehandle), op.getattr(["type"])]);
        if (isKilled) served.kill();
      }
      {
        await using server = await served.start();
        await using session = await connect(server, false);
        await session.compound([op.putfh(filehandle), op.getattr(["type"])]);
        served.endGrace(server);
        await session.compound([op.reclaimComplete()]);
        await gone(session, filehandle);
      }
      assertEquals(await problemsOf(served.store), []);
    },
  });
}
