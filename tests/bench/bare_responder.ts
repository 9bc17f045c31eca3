/**
 * The least that a Deno server can do for requests and replies of given sizes:
 * what NFS costs on top of it is what this folder measures. Prints its port.
 *
 *     deno run --allow-net tests/bench/bare_responder.ts REQUEST REPLY
 *
 * @module
 */

const LARGEST_READ = 64 * 1024;

async function respond(
  conn: Deno.Conn,
  request: number,
  reply: number,
): Promise<void> {
  const into = new Uint8Array(Math.max(request, LARGEST_READ));
  const atOnce = Math.max(1, Math.floor(LARGEST_READ / reply));
  const bytes = new Uint8Array(reply * atOnce);
  let had = 0;
  for (;;) {
    const length = await conn.read(into);
    if (length === null) return;
    had += length;
    for (let due = Math.floor(had / request); due > 0; due -= atOnce) {
      const end = Math.min(due, atOnce) * reply;
      for (let at = 0; at < end;) {
        at += await conn.write(bytes.subarray(at, end));
      }
    }
    had %= request;
  }
}

if (import.meta.main) {
  const [request, reply] = Deno.args.map(Number);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  for await (const conn of listener) {
    conn.setNoDelay(true);
    respond(conn, request!, reply!).catch(() => conn.close());
  }
}
