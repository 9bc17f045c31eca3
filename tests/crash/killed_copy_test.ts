/** A server that is killed in the middle of a copy behind its answer, and when it tells of its end. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { checkStore } from "../../src/backends/sqlite/check.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { pattern, using, whole } from "../backends/sqlite/fixture.ts";
import { Server } from "../interop/server.ts";
import { cannotRun } from "../support/cli.ts";
import {
  anonymousStateid,
  type OkResult,
  op,
  openSession,
  type Session,
  type Stateid,
  walk,
} from "../support/client/mod.ts";

const ignore = cannotRun ||
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

const MiB = 2 ** 20;
/** So long that a look over the wire comes in the middle. */
const SIZE = 48 * MiB;
const NAMES = ["source", "target"];

/** What is served of a folder, from one server to the next. */
interface Kind {
  /** Makes the two files. */
  make(path: string, source: Uint8Array): unknown;
  /** What the target has when no server has the folder. */
  read(path: string): Promise<Uint8Array>;
  /** What is wrong in it then. */
  problems(path: string): unknown;
}

const KINDS: Record<string, Kind> = {
  sqlite: {
    make: (path, source) =>
      using(path, async (fs) => {
        const attributes = { mode: 0o666, uid: 0, gid: 0 };
        for (const name of NAMES) {
          const how = [{ type: "file" }, { attributes }] as const;
          const { node } = fs.create(fs.root(), name, ...how);
          if (name === "source") await fs.write(node, 0, source, "file");
        }
      }),
    read: (path) =>
      using(path, (fs) => whole(fs, fs.lookup(fs.root(), "target")!)),
    problems: async (path) => (await checkStore(path)).problems,
  },
  local: {
    make: (path, source) => {
      Deno.writeFileSync(`${path}/source`, source);
      Deno.writeFileSync(`${path}/target`, new Uint8Array(0));
      Deno.chmodSync(`${path}/target`, 0o666);
    },
    read: (path) => Deno.readFile(`${path}/target`),
    problems: (path) =>
      [...Deno.readDirSync(path)].map(({ name }) => name)
        .filter((name) => !NAMES.includes(name)),
  },
};

/** Some MiB, each of its own. */
function sourceBytes(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIZE);
  for (let at = 0; at < SIZE; at += MiB) {
    bytes.set(pattern(MiB, at / MiB), at);
  }
  return bytes;
}

/** Begins the copy, when the path of callbacks is proven. */
async function begin(
  session: Session,
): Promise<OkResult<"COPY">["response"]> {
  const copying = [
    ...[...walk(["source"]), op.savefh(), ...walk(["target"])],
    op.copy({
      ...{ source: anonymousStateid, destination: anonymousStateid },
      synchronous: false,
    }),
  ];
  for (let i = 0; i < 400; i++) {
    const reply = await session.compound(copying);
    const { response, synchronous } = reply.get("COPY");
    if (!synchronous) return response;
  }
  throw new Error("never behind its answer");
}

const looks = {
  "in the middle": async (session: Session, stateid: Stateid) => {
    const ask = [...walk(["target"]), op.offloadStatus(stateid)];
    let count = 0n;
    while (count === 0n) {
      ({ count } = (await session.compound(ask)).get("OFFLOAD_STATUS"));
    }
    assert(count < SIZE, "it was too late");
    return undefined;
  },
  "when it tells of the end": async ({ client }: Session) => {
    client.callbacks.always({ kind: "silent" });
    for (let i = 0; i < 4_000; i++) {
      for (const { compound } of client.callbacks.calls) {
        for (const told of compound?.ops ?? []) {
          if (told.op === "OFFLOAD") return told.args;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    throw new Error("never told");
  },
};

for (const [name, kind] of Object.entries(KINDS)) {
  for (const [when, look] of Object.entries(looks)) {
    Deno.test(
      `${name}: of a copy whose server is killed ${when} a part from its beginning is there, and all that was told`,
      {
        ignore,
      },
      async () => {
        const folder = Deno.makeTempDirSync();
        const [path, state] = [`${folder}/served`, `${folder}/state`];
        Deno.mkdirSync(path);
        const source = sourceBytes();
        await kind.make(path, source);
        const faults: string[] = [];
        const ended = new AbortController();
        const stateFlags = name === "local" ? ["--state", state] : [];
        const server = await Server.start({
          export: `/=${name}:${path}`,
          flags: ["--lease", "10", "--grace", "0", ...stateFlags],
          onLine: (line) => {
            if (/\bERROR\b/.test(line)) faults.push(line);
          },
          signal: ended.signal,
        });
        try {
          const { port } = server;
          const session = await openSession({ port, minorVersion: 2 });
          const { callbackId, verifier } = await begin(session);
          const told = await look(session, callbackId!);
          await server.kill();
          await session[Symbol.asyncDispose]();
          await server.start();
          await using next = await openSession({ port, minorVersion: 2 });
          const ask = [...walk(["target"]), op.offloadStatus(callbackId!)];
          await next.expectStatus(Status.BAD_STATEID, ask);
          const reply = await next.compound([...walk(["target"]), op.commit()]);
          assertNotEquals(reply.get("COMMIT").verifier, verifier);
          await server.stop();
          const there = await kind.read(path);
          assert(there.every((byte, at) => byte === source[at]));
          if (told?.committed === 2) assertEquals(there.length, SIZE);
          assertEquals([await kind.problems(path), faults], [[], []]);
        } finally {
          await server.kill();
          Deno.removeSync(folder, { recursive: true });
        }
      },
    );
  }
}
