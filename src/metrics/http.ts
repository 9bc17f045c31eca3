import { bindError } from "../rpc/bind_error.ts";
import type { MetricsRegistry } from "./registry.ts";

/** What {@linkcode serveMetrics} serves. */
export interface MetricsServerOptions {
  /** Address to bind. */
  readonly hostname: string;
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  /** The metrics behind `/metrics`. */
  readonly registry: MetricsRegistry;
  /** Whether the server can serve: `/healthz` answers 200 or 503. */
  readonly healthy: () => boolean;
}

/** `/metrics` and `/healthz` over HTTP. */
export interface MetricsServer extends AsyncDisposable {
  /** The port that was bound. */
  readonly port: number;
}

/** Starts the HTTP server of metrics and health; throws when the port is taken. */
export function serveMetrics(options: MetricsServerOptions): MetricsServer {
  const { hostname, port, registry, healthy } = options;
  const server = listen(
    { hostname, port },
    async (request) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return new Response("only GET\n", {
          status: 405,
          headers: { allow: "GET, HEAD" },
        });
      }
      switch (new URL(request.url).pathname) {
        case "/metrics":
          return new Response(await registry.text(), {
            headers: { "content-type": registry.contentType },
          });
        case "/healthz":
          return healthy()
            ? new Response("ok\n")
            : new Response("shutting down\n", { status: 503 });
        default:
          return new Response("see /metrics and /healthz\n", { status: 404 });
      }
    },
  );
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function listen(
  address: { readonly hostname: string; readonly port: number },
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ ...address, onListen: () => {} }, handler);
  } catch (cause) {
    throw bindError(cause, address.hostname, address.port);
  }
}
