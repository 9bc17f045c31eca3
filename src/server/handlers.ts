import type { Callbacks } from "../backchannel/callbacks.ts";
import { runEffects } from "../engine/effects.ts";
import { NfsProgram } from "../engine/nfs_program.ts";
import type { Services } from "../engine/services.ts";
import type { ClientRecovery } from "../recovery/client_recovery.ts";
import type { RpcHandlers } from "../rpc/handlers.ts";
import type { Export } from "../vfs/exports.ts";

/** What is done with the messages of a connection: calls to the engine, replies to the callbacks. */
export function buildHandlers(
  exports: readonly Export[],
  services: Services,
  { recovery, callbacks }: {
    readonly recovery: ClientRecovery | undefined;
    readonly callbacks: Callbacks;
  },
): RpcHandlers {
  const program = new NfsProgram(services);
  const settlers = settlersOf(exports, recovery);
  return {
    call: (call, results, connection) =>
      program.call(call, results, connection),
    reply: (connection, xid, xdr) => callbacks.reply(connection, xid, xdr),
    settle: settlers.length === 0 ? undefined : () => settle(settlers),
    closed: (connection) => {
      // Unbound first: a callback that waits for its answer goes elsewhere at once.
      services.state.connectionClosed(connection);
      callbacks.connectionClosed(connection);
      runEffects(services);
    },
  };
}

type Settler = () => void | Promise<void>;

/** Whatever replies may rely on. */
function settlersOf(
  exports: readonly Export[],
  recovery: ClientRecovery | undefined,
): readonly Settler[] {
  const lasting = exports.filter(({ fs }) => fs.settle !== undefined);
  const settlers: Settler[] = lasting.map(({ fs }) => () => fs.settle!());
  // In front: it may throw at once, while nothing else is under way.
  if (recovery !== undefined) settlers.unshift(() => recovery.flush());
  return settlers;
}

/** Makes durable what the replies in hand say. */
function settle(settlers: readonly Settler[]): void | Promise<void> {
  let pending: Promise<void>[] | undefined;
  for (const settler of settlers) {
    const settled = settler();
    if (settled instanceof Promise) (pending ??= []).push(settled);
  }
  if (pending !== undefined) return Promise.all(pending).then(() => {});
}
