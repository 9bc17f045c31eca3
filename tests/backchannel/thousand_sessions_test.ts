import { assert, assertEquals } from "@std/assert";
import { Callbacks } from "../../src/server/callbacks.ts";
import { NfsProgram } from "../../src/engine/nfs_program.ts";
import { runEffects } from "../../src/engine/effects.ts";
import { listenTcp } from "../../src/rpc/listen.ts";
import { RpcListener } from "../../src/rpc/listener.ts";
import { acceptorOf } from "../../src/rpc/transport.ts";
import { StateFixture } from "../engine/state_fixture.ts";
import {
  CallbackOp,
  CallbackPeer,
  ClientConnection,
  hex,
  op,
  type Session,
  SessionClient,
} from "../support/client/mod.ts";
import { NOTHING_HELD } from "../delegations/keeper_fixture.ts";
import { eventually, type Held, hold } from "./fixture.ts";

const CONNECTIONS = 100;
const SESSIONS = 1_000;
/** Milliseconds in which the server's clock follows the machine's. */
const TICK = 20;

/** A server whose inside can be looked at. */
function serve() {
  const tree: Record<string, string> = {};
  for (let i = 0; i < SESSIONS; i++) tree[`f${i}`] = "text";
  const fixture = new StateFixture({ tree });
  const { services, clock } = fixture;
  const { state, random, log } = services;
  const callbacks = new Callbacks({
    state,
    random,
    log,
    delegations: true,
  });
  const program = new NfsProgram(services);
  const tcp = listenTcp("127.0.0.1", 0);
  const listener = new RpcListener({
    acceptor: acceptorOf(tcp),
    clock,
    handlers: {
      call: (call, results, connection) =>
        program.call(call, results, connection),
      reply: (connection, xid, xdr) => callbacks.reply(connection, xid, xdr),
      closed(connection) {
        state.connectionClosed(connection);
        callbacks.connectionClosed(connection);
        runEffects(services);
      },
    },
  });
  const { port } = tcp.addr;
  return { services, callbacks, listener, port, clock };
}

/** A client that returns what it is asked for. */
class Holder {
  readonly peer = new CallbackPeer();
  readonly #held = new Map<string, { session: Session; held: Held }>();
  returned = 0;

  constructor() {
    this.peer.handle("RECALL", (operation) => {
      assert(operation.op === "RECALL");
      const key = hex(operation.args.stateid.other);
      const { session, held } = this.#held.get(key)!;
      session.compound([
        op.putfh(held.file.filehandle),
        op.delegreturn(held.stateid),
      ]).then(() => this.returned++);
      return { number: CallbackOp.RECALL, status: 0 };
    });
  }

  add(session: Session, held: Held): void {
    this.#held.set(hex(held.stateid.other), { session, held });
  }
}

Deno.test("1,000 sessions with a delegation each, all recalled at once: all answered, nothing left over", async () => {
  const { services, callbacks, listener, port, clock } = serve();
  const passing = setInterval(() => clock.advance(TICK), TICK);
  const { state, namespace } = services;
  const connections: ClientConnection[] = [];
  const holders: Holder[] = [];
  let made = 0;
  const settle = async (i: number) => {
    const holder = new Holder();
    holders.push(holder);
    const connection = await ClientConnection.connect({ port });
    connections.push(connection);
    for (let n = i; n < SESSIONS; n += CONNECTIONS) {
      const client = await SessionClient.connect({
        port,
        connection,
        callbacks: holder.peer,
      });
      await client.exchangeId();
      const session = await client.createSession();
      await session.compound([op.reclaimComplete()]);
      holder.add(session, await hold(session, `f${n}`));
      made++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => settle(i)));
  assertEquals([made, state.files.delegations], [SESSIONS, SESSIONS]);

  const root = namespace.root();
  const files = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, n) => {
      const node = await root.export.fs.lookup(root.node, `f${n}`);
      return namespace.refer(root.export, node!);
    }),
  );
  const start = performance.now();
  const times = await Promise.all(files.map(async (file) => {
    await callbacks.recallFile(file);
    return performance.now() - start;
  }));
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(times[Math.ceil(share * SESSIONS) - 1]!);
  const report = `recalls of ${SESSIONS} sessions on ${CONNECTIONS} ` +
    `connections: half in ${at(0.5)} ms, 99 % in ${at(0.99)} ms, all in ` +
    `${at(1)} ms\n`;
  await Deno.stderr.write(new TextEncoder().encode(report));
  assert(at(1) < 30_000, report);

  await eventually(
    "the last answer",
    () => holders.reduce((n, { returned }) => n + returned, 0) === SESSIONS,
  );
  for (const { peer } of holders) {
    peer.assertClean();
    assertEquals(peer.recalls.length, SESSIONS / CONNECTIONS);
  }
  assertEquals(state.files.delegations, 0);
  assertEquals(callbacks.keeper.held, NOTHING_HELD);
  // The sweep of connections.
  assertEquals(clock.pending, 1);
  assertEquals(callbacks.backchannel.held, {
    senders: SESSIONS,
    channels: CONNECTIONS,
    jobs: 0,
    pendingReplies: 0,
    callbacks: 0,
  });

  // The connections go, and the clients with them: nothing of them is left.
  for (const connection of connections) connection.close();
  await Promise.all(connections.map(({ closed }) => closed));
  await eventually(
    "their end",
    () => callbacks.backchannel.held.channels === 0,
  );
  for (const client of [...state.clients]) {
    state.dropClient(client, "destroyed");
  }
  while (services.effects.goOn());
  await callbacks.close();
  assertEquals(callbacks.backchannel.held, {
    senders: 0,
    channels: 0,
    jobs: 0,
    pendingReplies: 0,
    callbacks: 0,
  });
  assertEquals([state.sessions.size, state.files.size, state.stateids.size], [
    0,
    0,
    0,
  ]);
  await listener.drain(AbortSignal.timeout(1_000));
  assertEquals(clock.pending, 0);
  clearInterval(passing);
});
