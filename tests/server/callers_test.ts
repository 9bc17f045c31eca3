import { assertEquals } from "@std/assert";
import { local } from "../../src/backends/local/mod.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import type { ExportOptions } from "../../src/vfs/exports.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { authSys, op, V40Client, walk } from "../support/client/mod.ts";
import { canRelay, UserRelay } from "../support/user_relay.ts";

/** An ordinary user that every Linux has; its group has the same number. */
const ORDINARY = 65534;
const ignore = !canRelay;

/** A server, a client with a socket of root's, and one with an ordinary user's; both say that they are root. */
class Callers implements AsyncDisposable {
  readonly root: V40Client;
  readonly ordinary: V40Client;
  readonly #rest: readonly AsyncDisposable[];

  private constructor(
    root: V40Client,
    ordinary: V40Client,
    rest: readonly AsyncDisposable[],
  ) {
    this.root = root;
    this.ordinary = ordinary;
    this.#rest = rest;
  }

  static async of(...exports: ExportOptions[]): Promise<Callers> {
    const server: NfsServer = await serve(exports, {
      port: 0,
      shutdownTimeout: 1_000,
    });
    const { port } = server;
    const relay = await UserRelay.start(port, ORDINARY);
    return new Callers(
      await V40Client.connect({ port }),
      await V40Client.connect({ port: relay.port }),
      [relay, server],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [this.root, this.ordinary, ...this.#rest]) {
      await each[Symbol.asyncDispose]();
    }
  }
}

/** Makes a folder, and says whose it is. */
async function ownerOfNew(
  client: V40Client,
  path: readonly string[],
  uid = 0,
): Promise<string> {
  const reply = await client.compound([
    ...walk(path.slice(0, -1)),
    op.create({ type: 2, name: path.at(-1)!, attributes: { mode: 0o755 } }),
    op.getattr(["owner", "owner_group"]),
  ], { credential: authSys(uid, uid) });
  const { owner, owner_group } = reply.get("GETATTR").attributes;
  return `${owner}:${owner_group}`;
}

/** A folder of the host, and a file in it that only root may read. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  constructor() {
    Deno.chmodSync(this.path, 0o1777);
    Deno.writeTextFileSync(`${this.path}/secret`, "s", { mode: 0o600 });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test(
  "local: an ordinary user's socket speaks for that user alone, whatever its AUTH_SYS says",
  {
    ignore,
  },
  async () => {
    using folder = new Folder();
    await using callers = await Callers.of({
      path: "/",
      fs: local(folder.path),
    });
    const { root, ordinary } = callers;
    assertEquals(await ownerOfNew(ordinary, ["a"], 0), "65534:65534");
    assertEquals(await ownerOfNew(ordinary, ["b"], 1000), "65534:65534");
    assertEquals(Deno.statSync(`${folder.path}/a`).uid, ORDINARY);
    for (
      const change of [
        op.setattr({ mode: 0o4755 }),
        op.setattr({ owner: "65534" }),
        op.setattr({ size: 0n }),
      ]
    ) {
      const reply = await ordinary.compound([...walk(["secret"]), change], {
        expect: "any",
      });
      assertEquals(
        [Status.PERM, Status.ACCESS].some((each) => each === reply.status),
        true,
        `${reply.status}`,
      );
    }
    // Root's socket speaks for whom it says.
    assertEquals(await ownerOfNew(root, ["c"], 0), "0:0");
    assertEquals(await ownerOfNew(root, ["d"], 1000), "1000:1000");
  },
);

Deno.test(
  "sqlite trusts as local does, a tree in memory everybody unless it is told",
  {
    ignore,
  },
  async () => {
    using folder = new Folder();
    await using callers = await Callers.of(
      { path: "/store", fs: sqlite(`${folder.path}/store`, { mode: 0o777 }) },
      { path: "/any", fs: memory({}, { mode: 0o777 }) },
      { path: "/told", fs: memory({}, { mode: 0o777 }), trust: "owner" },
      { path: "/root", fs: memory({}, { mode: 0o777 }), squash: "root" },
      { path: "/port", fs: memory({}, { mode: 0o777 }), trust: "port" },
    );
    const { root, ordinary } = callers;
    assertEquals(await ownerOfNew(ordinary, ["store", "a"]), "65534:65534");
    assertEquals(await ownerOfNew(ordinary, ["told", "a"]), "65534:65534");
    assertEquals(await ownerOfNew(ordinary, ["any", "a"]), "0:0");
    assertEquals(await ownerOfNew(ordinary, ["any", "b"], 7), "7:7");
    assertEquals(await ownerOfNew(root, ["store", "b"], 7), "7:7");
    assertEquals(await ownerOfNew(root, ["root", "b"], 0), "65534:65534");
    // Both come from ports that anybody may take.
    assertEquals(await ownerOfNew(root, ["port", "c"], 7), "65534:65534");
    assertEquals(await ownerOfNew(ordinary, ["port", "d"], 7), "65534:65534");
  },
);

Deno.test("nobody takes over another's client by saying that it is root", {
  ignore,
}, async () => {
  using folder = new Folder();
  await using callers = await Callers.of({ path: "/", fs: local(folder.path) });
  const { root, ordinary } = callers;
  await root.register({ id: new TextEncoder().encode("victim") });
  await root.open(["secret"]);
  const theft = ordinary.setclientidArguments({
    id: new TextEncoder().encode("victim"),
  });
  await ordinary.expectStatus(Status.CLID_INUSE, [op.setclientid(theft)]);
  // A restart of the client itself is another matter.
  await root.compound([
    op.setclientid(
      root.setclientidArguments({
        id: theft.id,
        verifier: new Uint8Array(8).fill(9),
      }),
    ),
  ]);
});

/** What a client writes to make a folder, caught on its way. */
async function callThatMakes(name: string): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = V40Client.connect({ port: listener.addr.port });
  using conn = await listener.accept();
  await using client = await connecting;
  const create = op.create({ type: 2, name, attributes: {} });
  const answer = client.compound([op.putrootfh(), create]).catch(() => {});
  const buffer = new Uint8Array(4096);
  const length = await conn.read(buffer);
  await conn.closeWrite();
  await answer;
  return buffer.slice(0, length!);
}

Deno.test(
  "who has closed its socket before the server looks speaks for nobody",
  {
    ignore,
  },
  async () => {
    using folder = new Folder();
    const fs = local(folder.path);
    await using server = await serve([{ path: "/", fs }], { port: 0 });
    const call = await callThatMakes("theft");
    const escaped = [...call].map((byte) =>
      `\\x${byte.toString(16).padStart(2, "0")}`
    ).join("");
    // The server can't accept before the other program has come and gone: the
    // host lists its end as root's by then.
    const { success } = new Deno.Command("bash", {
      args: [
        "-c",
        'printf "$1" > /dev/tcp/127.0.0.1/$2',
        "",
        escaped,
        String(server.port),
      ],
      uid: ORDINARY,
      gid: ORDINARY,
    }).outputSync();
    assertEquals(success, true);
    const path = `${folder.path}/theft`;
    const exists = () => [...Deno.readDirSync(folder.path)].length > 1;
    while (!exists()) await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(Deno.statSync(path).uid, ORDINARY);
  },
);
