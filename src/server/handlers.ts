import type { Callbacks } from "./callbacks.ts";
import type { LastServer } from "../recovery/last_server.ts";
import { runEffects } from "../engine/effects.ts";
import { NfsProgram } from "../engine/nfs_program.ts";
import type { Services } from "../engine/services.ts";
import type { RpcHandlers } from "../rpc/handlers.ts";

/** What is done with the messages of a connection: calls to the engine, replies to the callbacks. */
export function buildHandlers(
  services: Services,
  callbacks: Callbacks,
  lastServer: Pick<LastServer, "claim">,
): RpcHandlers {
  const program = new NfsProgram(services, () => lastServer.claim());
  return {
    call: (call, results, connection) =>
      program.call(call, results, connection),
    reply: (connection, xid, xdr) => callbacks.reply(connection, xid, xdr),
    closed: (connection) => {
      // Its sessions are unbound in pieces: until then no callback goes over it,
      // and those that wait for an answer go elsewhere.
      services.state.connectionClosed(connection);
      callbacks.connectionClosed(connection);
      runEffects(services);
    },
  };
}
