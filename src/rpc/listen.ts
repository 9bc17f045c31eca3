import { bindError } from "./bind_error.ts";

/** Listens on TCP; throws what `Deno.listen` does, as {@linkcode bindError} says it. */
export function listenTcp(hostname: string, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (cause) {
    throw bindError(cause, hostname, port);
  }
}
