import { assertEquals, assertThrows } from "@std/assert";
import { FakeClock, toldClock } from "../support/fake_clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import {
  type Answer,
  HttpListener,
  type HttpListenerOptions,
} from "../../src/metrics/http_listener.ts";

/** Closes it in the end, however long that takes. */
function closing(listener: HttpListener): AsyncDisposable {
  const { signal } = new AbortController();
  return { [Symbol.asyncDispose]: () => listener.close(signal) };
}

function listen(options: Partial<HttpListenerOptions> = {}) {
  const told = { refused: 0 };
  const listener = new HttpListener({
    hostname: "127.0.0.1",
    port: 0,
    maxRequests: 1,
    maxGiven: 2 ** 26,
    handler: ({ pathname }) => ({ text: `you asked for ${pathname}` }),
    refused: () => told.refused++,
    isProbe: () => false,
    turn: { next: () => Promise.resolve() },
    clock: toldClock(() => 0),
    logger: silentLogger,
    ...options,
  });
  return { listener, told, url: `http://127.0.0.1:${listener.port}` };
}

Deno.test("GET and HEAD are answered, others are refused", async () => {
  const { listener, url } = listen();
  await using _ = closing(listener);
  const get = await fetch(`${url}/x?y`);
  assertEquals(await get.text(), "you asked for /x");
  const head = await fetch(`${url}/x`, { method: "HEAD" });
  assertEquals(await head.text(), "");
  const post = await fetch(url, { method: "POST", body: "x".repeat(9000) });
  assertEquals(post.status, 405);
  assertEquals(post.headers.get("allow"), "GET, HEAD");
  await post.body?.cancel();
});

Deno.test("beyond the requests that may be under way at once the answer is 503", async () => {
  const gate = Promise.withResolvers<Answer>();
  const asked = Promise.withResolvers<void>();
  const { listener, told, url } = listen({
    handler: () => {
      asked.resolve();
      return gate.promise;
    },
  });
  await using _ = closing(listener);
  const first = fetch(url);
  await asked.promise;
  const second = await fetch(url);
  assertEquals(second.status, 503);
  assertEquals(second.headers.get("retry-after"), "1");
  await second.body?.cancel();
  assertEquals(told.refused, 1);
  gate.resolve({ text: "at last" });
  assertEquals(await (await first).text(), "at last");
});

Deno.test("answers that may not be taken end all connections, and others are served", async () => {
  const { listener, url } = listen({ maxGiven: 1 << 20 });
  await using _ = closing(listener);
  // By HTTP/2, of which nothing is taken: SETTINGS_INITIAL_WINDOW_SIZE is 0.
  const crowd = await Deno.connect({ port: listener.port });
  await crowd.write(http2Requests(200));
  const into = new Uint8Array(4096);
  const read = async () => {
    while (await crowd.read(into) !== null);
  };
  await read().catch(() => {});
  crowd.close();
  let text: string | undefined;
  for (let i = 0; i < 200 && text === undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    text = await fetch(url).then((it) => it.text(), () => undefined);
  }
  assertEquals(text, "you asked for /");
});

/** `count` GETs of HTTP/2 by a peer with a window of 0 (RFC 9113 6.2, 6.5). */
function http2Requests(count: number): Uint8Array {
  const frame = (
    type: number,
    flags: number,
    stream: number,
    body: number[],
  ) => [
    0,
    0,
    body.length,
    type,
    flags,
    0,
    0,
    stream >> 8,
    stream & 255,
    ...body,
  ];
  const preface = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  // GET, http, "/", ":authority: a" of HPACK's static table.
  const head = [0x82, 0x86, 0x84, 0x41, 1, 0x61];
  const requests = Array.from(
    { length: count },
    (_, i) => frame(1, 5, 2 * i + 1, head),
  );
  const settings = frame(4, 0, 0, [0, 4, 0, 0, 0, 0]);
  return Uint8Array.from([...preface, ...settings, ...requests.flat()]);
}

Deno.test("a look at the server's health waits for no turn, a row of them does", async () => {
  const time = { now: 0 };
  let turns = 0;
  const { listener, url } = listen({
    isProbe: ({ pathname }) => pathname === "/healthz",
    turn: { next: () => Promise.resolve(void turns++) },
    clock: toldClock(() => time.now),
  });
  await using _ = closing(listener);
  const ask = async (path: string) => {
    await (await fetch(`${url}${path}`)).body?.cancel();
    return turns;
  };
  assertEquals(await ask("/healthz"), 0);
  assertEquals(await ask("/metrics"), 1);
  assertEquals(await ask("/healthz"), 2);
  time.now += 50;
  assertEquals(await ask("/healthz"), 2);
});

Deno.test("looks at the server's health are answered beside more scrapes than may be", async () => {
  const gate = Promise.withResolvers<Answer>();
  const asked = Promise.withResolvers<void>();
  const { listener, told, url } = listen({
    isProbe: ({ pathname }) => pathname === "/healthz",
    handler: ({ pathname }) => {
      if (pathname === "/healthz") return { text: "ok" };
      asked.resolve();
      return gate.promise;
    },
  });
  await using _ = closing(listener);
  const scrape = fetch(url);
  await asked.promise;
  for (let i = 0; i < 3; i++) {
    assertEquals(await (await fetch(`${url}/healthz`)).text(), "ok");
  }
  assertEquals(told.refused, 0);
  const refused = await fetch(url);
  assertEquals([refused.status, told.refused], [503, 1]);
  await refused.body?.cancel();
  gate.resolve({ text: "all" });
  assertEquals(await (await scrape).text(), "all");
});

Deno.test("an error of the handler is a status, and the next request is served", async () => {
  let isBroken = true;
  const { listener, url } = listen({
    handler: () => {
      if (isBroken) throw new Error("on purpose");
      return { text: "fine" };
    },
  });
  await using _ = closing(listener);
  const failed = await fetch(url);
  assertEquals([failed.status, await failed.text()], [500, "failed\n"]);
  isBroken = false;
  assertEquals(await (await fetch(url)).text(), "fine");
});

Deno.test("when descriptors are short its connections end, and it is there again", async () => {
  const time = { now: 0 };
  const { listener, url } = listen({ clock: toldClock(() => time.now) });
  await using _ = closing(listener);
  const silent = await Deno.connect({ port: listener.port });
  assertEquals(await (await fetch(url)).text(), "you asked for /");
  assertEquals(listener.spare(), true);
  assertEquals(listener.spare(), false);
  assertEquals(await silent.read(new Uint8Array(1)), null);
  silent.close();
  let text: string | undefined;
  for (let i = 0; i < 200 && text === undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    text = await fetch(url).then((it) => it.text(), () => undefined);
  }
  assertEquals(text, "you asked for /");
  // Those who scrape are to have a time to do it.
  assertEquals(listener.spare(), false);
  time.now += 5_000;
  assertEquals(listener.spare(), true);
});

Deno.test("one that ends its connections for others is there again without a pause", async () => {
  // No timer of it ever rings.
  const clock = new FakeClock();
  const { listener, url } = listen({ clock });
  await using _ = closing(listener);
  assertEquals(await (await fetch(url)).text(), "you asked for /");
  assertEquals(listener.spare(), true);
  let text: string | undefined;
  for (let i = 0; i < 200 && text === undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    text = await fetch(url).then((it) => it.text(), () => undefined);
  }
  assertEquals(text, "you asked for /");
  assertEquals(clock.pending, 0);
});

Deno.test("a port that is taken is one line that names it", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  assertThrows(
    () => listen({ port }),
    Deno.errors.AddrInUse,
    `port ${port} of 127.0.0.1 is taken`,
  );
});

/** A connection on which this was sent, to be closed by the test. */
async function sent(port: number, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  return connection;
}

Deno.test("each request waits for its turn, whatever the answer is", async () => {
  const turns: (() => void)[] = [];
  let came = Promise.withResolvers<void>();
  const next = () =>
    new Promise<void>((resolve) => {
      turns.push(resolve);
      came.resolve();
    });
  const { listener, url } = listen({ turn: { next } });
  await using _ = closing(listener);
  // The second is one more than are answered at once.
  const answers: Promise<number>[] = [];
  let answered = 0;
  for (const method of ["GET", "GET", "POST"]) {
    came = Promise.withResolvers();
    answers.push(
      fetch(url, { method }).then(async ({ status, body }) => {
        answered++;
        await body?.cancel();
        return status;
      }),
    );
    await came.promise;
  }
  assertEquals(answered, 0);
  for (const go of turns) go();
  assertEquals(await Promise.all(answers), [200, 503, 405]);
});

for (
  const [what, request] of [
    [
      "has no end yet",
      "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n",
    ],
    [
      "has no end and is refused",
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n",
    ],
    ["is half sent", "GET / HTTP/1.1\r\nhost"],
  ] as const
) {
  Deno.test(`a request that ${what} holds no end up beyond its deadline`, async () => {
    const { listener } = listen();
    using _connection = await sent(listener.port, request);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const deadline = new AbortController();
    const closed = listener.close(deadline.signal);
    deadline.abort();
    await closed;
  });
}

Deno.test("an answer that its client does not read holds no end up beyond its deadline", async () => {
  const asked = Promise.withResolvers<void>();
  const { listener } = listen({
    handler: () => {
      asked.resolve();
      return { text: "x".repeat(32 << 20) };
    },
  });
  using _connection = await sent(
    listener.port,
    "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
  );
  await asked.promise;
  const deadline = new AbortController();
  const closed = listener.close(deadline.signal);
  deadline.abort();
  await closed;
});

Deno.test("what was asked before the end is answered", async () => {
  const gate = Promise.withResolvers<Answer>();
  const asked = Promise.withResolvers<void>();
  const { listener, url } = listen({
    handler: () => {
      asked.resolve();
      return gate.promise;
    },
  });
  const answer = fetch(url);
  await asked.promise;
  const closed = listener.close(new AbortController().signal);
  gate.resolve({ text: "at last" });
  assertEquals(await (await answer).text(), "at last");
  await closed;
});
