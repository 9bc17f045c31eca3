import { RpcConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { connected } from "./transport.ts";

/** Options of {@linkcode connect}. */
export interface ConnectOptions extends ConnectionOptions {
  /** Name or address to connect to. */
  hostname: string;
  /** Port to connect to. */
  port: number;
  /** Gives up connecting; the connection made is not touched by it. */
  signal?: AbortSignal | undefined;
}

/**
 * Connects to an RPC peer. Calls go out by `sendCall`, replies come to
 * `handlers.reply`; calls of the peer are served as on an accepted connection.
 * Rejects as `Deno.connect` does.
 */
export async function connect(options: ConnectOptions): Promise<RpcConnection> {
  const { hostname, port, signal } = options;
  signal?.throwIfAborted();
  const conn = await Deno.connect({
    hostname,
    port,
    ...(signal && { signal }),
  });
  if (signal?.aborted) conn.close();
  signal?.throwIfAborted();
  const connection = new RpcConnection(connected(conn), options);
  options.observer?.connectionOpened?.();
  connection.run();
  return connection;
}
