import { assertEquals, assertThrows } from "@std/assert";
import { toldClock } from "../support/fake_clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import {
  HttpListener,
  type HttpListenerOptions,
} from "../../src/metrics/http_listener.ts";

function listen(options: Partial<HttpListenerOptions> = {}) {
  const told = { refused: 0 };
  const listener = new HttpListener({
    hostname: "127.0.0.1",
    port: 0,
    maxRequests: 1,
    handler: ({ pathname }) => new Response(`you asked for ${pathname}`),
    refused: () => told.refused++,
    clock: toldClock(() => 0),
    logger: silentLogger,
    ...options,
  });
  return { listener, told, url: `http://127.0.0.1:${listener.port}` };
}

Deno.test("GET and HEAD are answered, others are refused", async () => {
  const { listener, url } = listen();
  await using _ = listener;
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
  const gate = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const { listener, told, url } = listen({
    handler: () => {
      asked.resolve();
      return gate.promise;
    },
  });
  await using _ = listener;
  const first = fetch(url);
  await asked.promise;
  const second = await fetch(url);
  assertEquals(second.status, 503);
  assertEquals(second.headers.get("retry-after"), "1");
  await second.body?.cancel();
  assertEquals(told.refused, 1);
  gate.resolve(new Response("at last"));
  assertEquals(await (await first).text(), "at last");
});

Deno.test("an error of the handler is a status, and the next request is served", async () => {
  let isBroken = true;
  const { listener, url } = listen({
    handler: () => {
      if (isBroken) throw new Error("on purpose");
      return new Response("fine");
    },
  });
  await using _ = listener;
  const failed = await fetch(url);
  assertEquals([failed.status, await failed.text()], [500, "failed\n"]);
  isBroken = false;
  assertEquals(await (await fetch(url)).text(), "fine");
});

Deno.test("when descriptors are short its connections end, and it is there again", async () => {
  const time = { now: 0 };
  const { listener, url } = listen({ clock: toldClock(() => time.now) });
  await using _ = listener;
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

Deno.test("a port that is taken is one line that names it", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  assertThrows(
    () => listen({ port }),
    Deno.errors.AddrInUse,
    `port ${port} of 127.0.0.1 is taken`,
  );
});
