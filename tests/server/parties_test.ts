import { assertEquals } from "@std/assert";
import { memory, type NfsServer, serve, type ServeOptions } from "../../mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { ClientConnection, op, SessionClient } from "../support/client/mod.ts";
import { canRelay, UserRelay } from "../support/user_relay.ts";

/** An ordinary user that every Linux has. */
const ORDINARY = 65534;
const ignore = !canRelay;

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
    for (const user of ["ordinary", "ordinary", "ordinary", "ordinary"]) {
      const connection = await comes(ports[user as "ordinary"]);
      if (connection !== undefined) stack.use(connection);
      isIn.push(connection !== undefined);
    }
    assertEquals(isIn, [true, true, true, false]);
    const mount = await comes(ports.root);
    assertEquals(mount !== undefined, true);
    if (mount !== undefined) stack.use(mount);
  },
);

/** The status of the EXCHANGE_ID of a new client, which opens a file if it is let in. */
async function registers(
  stack: AsyncDisposableStack,
  port: number,
): Promise<number> {
  const client = stack.use(await SessionClient.connect({ port }));
  try {
    await client.exchangeId();
  } catch {
    return Status.DELAY;
  }
  const session = await client.createSession();
  await session.compound([op.reclaimComplete()]);
  await session.open(["f"], {
    create: { mode: 0, attributes: { mode: 0o666 } },
  });
  return Status.OK;
}

Deno.test(
  "a user who has all the clients that it may keeps no other user's mount out",
  { ignore },
  async () => {
    await using ports = await served({ maxClients: 4 });
    await using stack = new AsyncDisposableStack();
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      statuses.push(await registers(stack, ports.ordinary));
    }
    assertEquals(statuses, [0, 0, 0, Status.DELAY]);
    assertEquals(await registers(stack, ports.root), Status.OK);
  },
);
