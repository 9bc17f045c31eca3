import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../support/fake_clock.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { createLogger, type Logger, silentLogger } from "../../src/base/log.ts";
import { serve } from "../../src/server.ts";
import {
  type FileSystem,
  FsError,
  type FsErrorCode,
} from "../../src/vfs/mod.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { CheckedFileSystem } from "../../src/vfs/checked_file_system.ts";
import {
  checkedAllow,
  checkedRandom,
} from "../../src/server/given_functions.ts";
import { heardErrors } from "../support/heard_errors.ts";
import { openSession, walk } from "../support/client/mod.ts";
import { scrape, valueOf } from "../support/scrape.ts";

/*
 * Errors where nobody waits for an answer. One that is not heard would end the
 * process, and this test with it.
 */

const uncached = { cacheThis: false };

/** A tree in memory, but for some of its properties. */
function changed(own: PropertyDescriptorMap): FileSystem {
  const inner = memory({ f: "content" }) as FileSystem;
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(own, name)) {
        const { get, value } = own[name as string]!;
        return get === undefined ? value : get();
      }
      const given = Reflect.get(target, name);
      return typeof given === "function" ? given.bind(target) : given;
    },
  });
}

function fail(): never {
  throw new Error("not to be heard");
}

// deno-lint-ignore require-await
const reject = async () => fail();

const sinks: Record<string, Logger> = {
  "throws where its lines go": createLogger({ level: "debug", write: fail }),
  "throws": {
    ...{ level: "debug", debug: fail, info: fail, warn: fail, error: fail },
  },
  "rejects": {
    ...{ level: "debug", debug: reject, info: reject },
    ...{ warn: reject, error: reject },
  },
};

for (const [what, log] of Object.entries(sinks)) {
  Deno.test(`a log that ${what} ends neither the server nor a connection`, async () => {
    const broken = changed({ failure: { value: fail } });
    await using server = await serve([{ path: "/h", fs: broken }], {
      ...{ port: 0, log },
    });
    await using session = await openSession({ port: server.port });
    const stranger = await Deno.connect({ port: server.port });
    // A record of 8 bytes that is neither call nor reply.
    await stranger.write(Uint8Array.of(0x80, 0, 0, 8, 0, 0, 0, 0, 9, 9, 9, 9));
    assertEquals(await stranger.read(new Uint8Array(1)), null);
    stranger.close();
    server.sweep();
    await session.compound(walk(["h", "f"]), uncached);
  });
}

Deno.test("what is thrown may contain itself: its call is answered all the same", async () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const lookup = () => {
    throw circular;
  };
  for (const format of ["text", "json"] as const) {
    const lines: string[] = [];
    const log = createLogger({ format, write: (line) => lines.push(line) });
    const fs = changed({ lookup: { value: lookup } });
    await using server = await serve([{ path: "/h", fs }], { port: 0, log });
    await using session = await openSession({ port: server.port });
    const reply = await session.compound(walk(["h", "f"]), {
      ...uncached,
      expect: [Status.SERVERFAULT],
    });
    assertEquals(reply.results.at(-1)?.name, "LOOKUP");
    assert(lines.some((line) => line.includes("operation failed")), `${lines}`);
  }
});

Deno.test("what can't be looked at, or has no meaning, may be thrown as well", async () => {
  const traps = { get: fail, getPrototypeOf: fail };
  const code = "constructor" as FsErrorCode;
  for (const thrown of [new Proxy({}, traps), new FsError(code)]) {
    for (const method of ["lookup", "settle"]) {
      let isBroken = true;
      // deno-lint-ignore require-await
      const later = async () => {
        if (isBroken) throw thrown;
      };
      const fs = changed({ [method]: { value: later } });
      await using server = await serve([{ path: "/h", fs }], { port: 0 });
      await using session = await openSession({ port: server.port });
      await session.compound(walk(["h", "f"]), {
        ...uncached,
        expect: [Status.SERVERFAULT, Status.IO],
      });
      isBroken = false;
    }
  }
});

Deno.test("a file system need not hear of a recall that fails", async () => {
  let change: (node: object) => Promise<void> = reject;
  const fs = changed({
    identify: { value: fail },
    watch: { value: (recall: typeof change) => void (change = recall) },
  });
  await using _server = await serve(fs, { port: 0 });
  const recalled = change({});
  await new Promise((resolve) => setTimeout(resolve));
  // It may.
  await assertRejects(() => recalled, Error, "not to be heard");
});

Deno.test("a file system that can't be watched leaves no server behind", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const fs = changed({ watch: { value: fail } });
  await assertRejects(() => serve(fs, { port }), Error, "not to be heard");
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("one export that can't tell of itself takes no metric from the others", async () => {
  const stats = {
    ...{ durability: "full", failed: false, operations: 1, commits: 1 },
    ...{ syncs: 1, settles: 1, writtenBytes: 1 },
  };
  let isBroken = false;
  const get = () => isBroken ? fail() : stats;
  const mad = { value: { ...stats, operations: NaN } };
  await using server = await serve([
    { path: "/broken", fs: changed({ stats: { get } }) },
    { path: "/mad", fs: changed({ stats: mad }) },
    { path: "/sound", fs: changed({ stats: { value: stats } }) },
    { path: "/silent", fs: changed({ failure: { value: fail } }) },
  ], { port: 0, metricsPort: 0 });
  isBroken = true;
  const text = await scrape(server);
  const operations = (path: string) =>
    valueOf(text, `store_operations_total{export="${path}"}`);
  assertEquals(
    ["/broken", "/mad", "/sound"].map(operations),
    [undefined, undefined, 1],
  );
  const health = await fetch(`http://127.0.0.1:${server.metricsPort}/healthz`);
  assertEquals(health.status, 503);
  assertEquals(
    await health.text(),
    "export /silent: it can't say whether it is sound\n",
  );
});

/** Throws what can't be looked at. */
function failUnseen(): never {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  throw proxy;
}

for (
  const [what, fails] of [["", fail], [" nor looked at", failUnseen]] as const
) {
  Deno.test(`losses that can't be told${what} are losses: the reply is IO, the connection goes on`, async () => {
    let asked = 0;
    const get = () => ++asked > 1 ? fails() : 0;
    const fs = changed({ losses: { get }, settle: { value: () => {} } });
    await using server = await serve([{ path: "/h", fs }], { port: 0 });
    await using session = await openSession({ port: server.port });
    await session.compound(walk(["h", "f"]), {
      ...uncached,
      expect: [Status.IO],
    });
  });
}

Deno.test("what a result has in place of a number may reject, however deep in it", async () => {
  const tree = memory({ f: "content" }) as FileSystem;
  const root = tree.root();
  const attributes = await tree.getattr(root);
  const change = () => ({ atomic: true, before: reject(), after: 1 });
  const late = () => ({ ...attributes, mtime: { seconds: reject() } });
  const entry = () => ({ name: "f", cookie: 1, attributes: late() });
  const results: [string, () => unknown][] = [
    ["getattr", late],
    ["readdir", () => ({ entries: [entry()], end: true })],
    ["readdir", () => ({ entries: [{ ...entry(), cookie: 0 }], end: true })],
    ["create", () => ({ node: root, created: true, change: change() })],
    ["rename", () => ({ source: change(), target: change() })],
  ];
  for (const [method, value] of results) {
    const checked = new CheckedFileSystem(changed({ [method]: { value } }), {
      ...{ name: "/", timeout: 1, maxOverdue: 1, maxUnderWay: 1 },
      ...{ clock: new FakeClock(), log: silentLogger },
    });
    const at = { directory: root, name: "f" };
    try {
      Reflect.get(checked, method).call(checked, at, at);
    } catch (error) {
      assertEquals(FsError.from(error)?.code, "io", method);
    }
  }
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("a fault of a file system is said again after a minute", () => {
  const clock = new FakeClock();
  let said = 0;
  const log: Logger = { ...silentLogger, error: () => void said++ };
  const value = () => ({ size: "large" });
  const checked = new CheckedFileSystem(changed({ getattr: { value } }), {
    ...{ name: "/", timeout: 1, maxOverdue: 1, maxUnderWay: 1 },
    ...{ clock, log },
  });
  const ask = () => {
    try {
      checked.getattr({});
    } catch (error) {
      assertEquals(FsError.from(error)?.code, "io");
    }
    return said;
  };
  assertEquals([ask(), ask()], [1, 1]);
  clock.advance(60_000);
  assertEquals([ask(), ask()], [2, 2]);
});

Deno.test("what an operation fails by is logged with its export and where it was thrown", async () => {
  const thrown = new TypeError("a slip");
  for (const method of ["lookup", "getattr"]) {
    const lines: string[] = [];
    const log = createLogger({ write: (line) => lines.push(line) });
    let isBroken = false;
    const broken = changed({});
    const inner = Reflect.get(broken, method) as (
      ...args: unknown[]
    ) => unknown;
    const value = (...args: unknown[]) => {
      if (isBroken) throw thrown;
      return inner(...args);
    };
    const fs = changed({ [method]: { value } });
    await using server = await serve([{ path: "/h", fs }], { port: 0, log });
    await using session = await openSession({ port: server.port });
    await session.compound(walk(["h"]), uncached);
    isBroken = true;
    await session.compound(walk(["h", "f"]), {
      ...uncached,
      expect: [Status.SERVERFAULT],
    });
    const line = lines.find((line) => line.includes("a slip")) ?? "";
    assert(line.includes("export=/h"), line);
    assert(line.includes('trace="at '), line);
    assert(line.includes("unheard_errors_test.ts"), line);
  }
});

Deno.test("a guard that can't be given back ends no delegation halfway", () => {
  for (const dispose of [fail, reject]) {
    const guard = () => ({ [Symbol.dispose]: dispose });
    const checked = new CheckedFileSystem(
      changed({ guard: { value: guard } }),
      {
        ...{
          name: "/",
          timeout: 1,
          maxOverdue: 1,
          maxUnderWay: 1,
          clock: new FakeClock(),
        },
        log: silentLogger,
      },
    );
    const given = checked.guard({});
    assert(given !== undefined);
    given[Symbol.dispose]();
  }
});

for (const [what, log] of Object.entries(sinks)) {
  Deno.test(`a log that ${what} keeps no server from starting, whatever is to be said`, async () => {
    const folder = { path: "/here", isShown: true };
    const shown = { folder: { value: folder } };
    const exports = ["/a", "/b"].map((path) => ({ path, fs: changed(shown) }));
    const server = await serve(exports, { port: 0, log });
    await server.close();
  });
}

Deno.test("a signal that can't be listened to leaves no server behind", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const { signal } = new AbortController();
  Object.defineProperty(signal, "addEventListener", { value: fail });
  const serving = () => serve(memory(), { port, signal });
  await assertRejects(serving, Error, "not to be heard");
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("randomness that is none is said when the server starts", async () => {
  for (const bytes of [undefined, 5, new Uint8Array(3), reject]) {
    const random = () => typeof bytes === "function" ? bytes() : bytes;
    const options = { port: 0, random: random as never };
    const said = /^random must return a Uint8Array of \d+ bytes, not /;
    const error = await assertRejects(
      () => serve(memory(), options),
      TypeError,
    );
    assert(said.test(error.message), error.message);
  }
});

Deno.test("ids stay what they are, whatever becomes of the bytes that they were made of", () => {
  const kept = new Uint8Array(64);
  const random = checkedRandom((length) => kept.subarray(8, 8 + length));
  const id = random(16);
  kept.fill(7);
  assertEquals(id, new Uint8Array(16));
  assertEquals(id.byteOffset, 0);
});

Deno.test("an address is dialled for a plain true only", () => {
  const { log, errors } = heardErrors();
  const address = { hostname: "192.0.2.1", port: 1 };
  const given = [() => true, () => false, fail, reject, () => 1, () => null];
  const answers = given.map((allow) =>
    checkedAllow(allow as never, log)(address, { peer: "192.0.2.1" })
  );
  assertEquals(answers, [true, false, false, false, false, false]);
  assertEquals(errors.length, 4);
});

Deno.test("randomness that repeats itself is an error of the request, and holds up no other", async () => {
  const random = (length: number) => new Uint8Array(length).fill(1);
  const { log, errors } = heardErrors();
  await using server = await serve(memory(), { port: 0, random, log });
  const { port } = server;
  await using session = await openSession({ port });
  await assertRejects(() => openSession({ port }));
  await session.compound(walk([]), uncached);
  const [error] = errors as readonly Error[];
  assertEquals(error?.message, "the randomness that was given repeats itself");
});
