import { assertEquals, assertMatch } from "@std/assert";
import { silentLogger } from "../../src/log.ts";
import {
  HttpListener,
  type HttpListenerOptions,
} from "../../src/metrics/http_listener.ts";

function listen(options: Partial<HttpListenerOptions> = {}) {
  const told = { refused: 0 };
  const listener = new HttpListener({
    hostname: "127.0.0.1",
    port: 0,
    maxConnections: 2,
    maxRequests: 1,
    handler: ({ pathname }) => new Response(`you asked for ${pathname}\n`),
    refused: () => told.refused++,
    logger: silentLogger,
    ...options,
  });
  return { listener, told };
}

const connect = ({ port }: HttpListener) =>
  Deno.connect({ hostname: "127.0.0.1", port });

/** All that comes until the listener closes the connection. */
async function rest(conn: Deno.TcpConn): Promise<string> {
  try {
    return await new Response(conn.readable).text();
  } catch {
    return "reset";
  }
}

async function ask(listener: HttpListener, text: string): Promise<string> {
  const conn = await connect(listener);
  await conn.write(new TextEncoder().encode(text));
  return await rest(conn);
}

Deno.test("GET and HEAD are answered, in pieces as well", async () => {
  const { listener } = listen();
  await using _ = listener;
  const url = `http://127.0.0.1:${listener.port}/x?y`;
  assertEquals(await (await fetch(url)).text(), "you asked for /x\n");
  const head = await fetch(url, { method: "HEAD" });
  assertEquals(head.headers.get("content-length"), "17");
  assertEquals(await head.text(), "");
  const conn = await connect(listener);
  for (const part of ["GET /sl", "ow HTTP/1.0\r\n", "\r\n"]) {
    await conn.write(new TextEncoder().encode(part));
  }
  assertMatch(await rest(conn), /^HTTP\/1\.1 200 [^]*asked for \/slow\n$/);
});

Deno.test("what is no request, and what changes something, is refused", async () => {
  const { listener } = listen();
  await using _ = listener;
  assertMatch(await ask(listener, "what\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assertMatch(
    await ask(listener, "GET x HTTP/1.1\r\n\r\n"),
    /^HTTP\/1\.1 400 /,
  );
  const long = `GET /${"x".repeat(10_000)}`;
  assertMatch(await ask(listener, long), /^HTTP\/1\.1 400 /);
  const post = `POST /x HTTP/1.1\r\n\r\n${"x".repeat(9000)}`;
  assertMatch(
    await ask(listener, post),
    /^HTTP\/1\.1 405 [^]*allow: GET, HEAD/,
  );
});

Deno.test("silent connections give way to the newest, the oldest first", async () => {
  const { listener, told } = listen();
  await using _ = listener;
  const oldest = await connect(listener);
  using other = await connect(listener);
  assertMatch(await ask(listener, "GET /z HTTP/1.1\r\n\r\n"), /asked for \/z/);
  assertEquals(await rest(oldest), "");
  assertEquals(told.refused, 1);
  await other.write(new TextEncoder().encode("GET /other HTTP/1.1\r\n\r\n"));
});

Deno.test("beyond the requests that may be under way at once the answer is 503", async () => {
  const gate = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const { listener, told } = listen({
    handler: () => {
      asked.resolve();
      return gate.promise;
    },
  });
  await using _ = listener;
  const first = ask(listener, "GET /a HTTP/1.1\r\n\r\n");
  await asked.promise;
  assertMatch(
    await ask(listener, "GET /b HTTP/1.1\r\n\r\n"),
    /^HTTP\/1\.1 503 [^]*retry-after: 1/,
  );
  assertEquals(told.refused, 1);
  gate.resolve(new Response("at last\n"));
  assertMatch(await first, /at last\n$/);
});

Deno.test("an exchange that takes too long ends", async () => {
  const { listener } = listen({ exchangeMs: 10 });
  await using _ = listener;
  assertEquals(await rest(await connect(listener)), "");
});

Deno.test("an error of the handler is a status, and the next request is served", async () => {
  let isBroken = true;
  const { listener } = listen({
    handler: () => {
      if (isBroken) throw new Error("on purpose");
      return new Response("fine");
    },
  });
  await using _ = listener;
  assertMatch(
    await ask(listener, "GET / HTTP/1.1\r\n\r\n"),
    /^HTTP\/1\.1 500 /,
  );
  isBroken = false;
  assertMatch(await ask(listener, "GET / HTTP/1.1\r\n\r\n"), /fine$/);
});
