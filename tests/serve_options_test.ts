import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { local, memory, serve, sqlite } from "../mod.ts";
import { OPTIONAL } from "../src/vfs/optional_methods.ts";
import { Status } from "../src/nfs4/constants.ts";
import { op, openSession } from "./support/client/mod.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { SeededRandom } from "./support/seeded_random.ts";
import { scrape, valueOf } from "./support/scrape.ts";
import { startServer } from "./support/server.ts";

const SECOND = 1_000;

Deno.test("the clock that is given is what leases go by; silent clients go when courtesy ends", async () => {
  const clock = new FakeClock();
  const times = { leaseSeconds: 10, courtesySeconds: 5 };
  await using server = await startServer({ clock, metricsPort: 0, ...times });
  const { port } = server;
  await using kept = await openSession({ port });
  await using gone = await openSession({ port });
  clock.advance(14 * SECOND);
  await kept.compound([op.putrootfh()]);
  clock.advance(2 * SECOND);
  // A sweep may give way, and ends in a later turn.
  let sessions = 2;
  for (let i = 0; i < 100 && sessions > 1; i++) {
    await kept.compound([op.putrootfh()]);
    sessions = valueOf(await scrape(server.server), "sessions_active") ?? 0;
  }
  await gone.expectStatus(Status.BADSESSION, [op.putrootfh()]);
});

Deno.test("the randomness that is given is what ids are made of", async () => {
  const ids = async (seed: number) => {
    const random = new SeededRandom(seed).bytes;
    await using server = await startServer({ random });
    await using session = await openSession({ port: server.port });
    return { client: session.client.clientid, session: session.id };
  };
  assertEquals(await ids(1), await ids(1));
  assertNotEquals(await ids(1), await ids(2));
});

Deno.test("what TypeScript would have refused is refused in one line that says what is wanted", async () => {
  const fs = memory();
  const own = (changed: object) =>
    new Proxy(fs, {
      get: (target, name) =>
        Reflect.get({ ...changed }, name) ?? Reflect.get(target, name),
    });
  const sources: [unknown, string][] = [
    [{}, "no FileSystem, it has no root, identify"],
    [undefined, "want a FileSystem, such as memory(), not undefined"],
    [Promise.reject(new Error("no")), "want a FileSystem, await the promise"],
    [null, "not null"],
    ["x", 'not "x"'],
    [[{}], "an export has a path and a file system"],
    [[fs], "an export has a path and a file system"],
    [[{ path: "/" }], "export /: want a FileSystem"],
    [[{ path: "x", fs }], 'does not start with "/"'],
    [
      [{ path: "/", fs, trust: "ownr" }],
      'trust is owner, port, any, not "ownr"',
    ],
    [[{ path: "/", fs, squash: 1 }], "squash is none, root, all, not 1"],
    ...[{ maxFileSize: -1 }, { timeDelta: NaN }, { maxName: 1.5 }].map((
      limits,
    ) =>
      [
        own({ limits }),
        `its file system's ${Object.keys(limits)[0]} must be a whole number`,
      ] as [unknown, string]
    ),
    [
      own({ trust: "ownr" }),
      `file system's trust is owner, port, any, not "ownr"`,
    ],
    [[{ path: "/", fs, readOnly: "no" }], "readOnly must be a boolean"],
    [[{ path: "/", fs, anonymous: { uid: -1 } }], "anonymous uid must be a"],
    [
      [{ path: "/", fs, anonymous: { gid: 2 ** 32 - 1 } }],
      "anonymous gid must",
    ],
    [[{ path: "/", fs, hide: "._*" }], "hide must be names"],
    [[{ path: "/", fs, hide: ["*"] }], "hide must be names"],
    [[{ path: "/", fs, anonymous: { gid: "5" } }], 'to 4294967294, not "5"'],
    [[], "nothing is exported"],
    [{ ...fs, root: 1 }, "has no root"],
  ];
  for (const [source, said] of sources) {
    const error = await assertRejects(
      () => serve(source as never, { port: 0 }),
      Error,
      said,
    );
    assertEquals(error.message.includes("\n"), false, error.message);
  }
  for (const clock of [{ now: () => 0 }, { now: 0 }, null, () => 0]) {
    const missing =
      (clock as Partial<FakeClock> | null)?.now instanceof Function
        ? "schedule"
        : "now";
    await assertRejects(
      () => serve(fs, { port: 0, clock: clock as never }),
      TypeError,
      `clock must be { now, schedule }, as Clock says; it has no ${missing}`,
    );
  }
  const numbers: [object, string][] = [
    [{ port: -1 }, "port must be 0 or more, not -1"],
    [{ port: "x" }, 'port must be a number, not "x"'],
    [{ port: 70_000 }, "port must be a whole number up to 65535"],
    [{ metricsPort: 1.5 }, "metricsPort must be a whole number"],
    [{ leaseSeconds: NaN }, "leaseSeconds must be 1 or more, not NaN"],
    [{ graceSeconds: -1 }, "graceSeconds must be 0 or more"],
    [{ fileSystemTimeout: 0 }, "fileSystemTimeout must be 1 or more, not 0"],
    [{ shutdownTimeout: "a" }, "shutdownTimeout must be a number"],
    [{ delegations: "no" }, 'delegations must be a boolean, not "no"'],
    [{ persistentSessions: 1 }, "persistentSessions must be a boolean"],
    [{ random: 5 }, "random must be a function, not 5"],
    [{ allowCallbackAddress: true }, "must be a function, not true"],
    [{ hostname: null }, "hostname must name an address, not null"],
    [{ hostname: "" }, 'hostname must name an address, not ""'],
    [{ log: {} }, "as Logger says; it has no debug"],
    [{ signal: {} }, "as AbortSignal says; it has no throwIfAborted"],
    [{ callbacks: { attempts: 0 } }, "attempts must be a whole number from 1"],
    [{ callbacks: { replyTimeout: NaN } }, "replyTimeout must be above 0"],
    [{ callbacks: { backoff: 5 } }, "backoff must be waits in milliseconds"],
  ];
  for (const [options, said] of numbers) {
    const given = { port: 0, ...options } as never;
    await assertRejects(() => serve(fs, given), Error, said);
  }
});

Deno.test("what a file system says of itself is what it can be, or refused", async () => {
  const late = () => Promise.reject(new Error("not to be heard"));
  const its = (member: string) => `its file system's ${member}`;
  const wrongs: [string, unknown, string][] = [
    ...Object.keys(OPTIONAL).flatMap((name) =>
      [null, 5, {}].map((value): [string, unknown, string] => {
        return [name, value, `${its(name)} must be a function`];
      })
    ),
    ["trust", null, "its file system's trust is owner, port, any, not null"],
    ["trust", late, "its file system's trust is owner, port, any"],
    ["limits", null, "its file system's limits takes an object"],
    ["limits", [], "its file system's limits takes an object"],
    ["limits", late, "its file system's limits takes an object"],
    ["limits", { maxNames: 5 }, "did you mean maxName?"],
    ["limits", { maxName: null }, `${its("maxName")} must be a whole number`],
    ["limits", { maxName: 2 ** 32 }, "from 1 to 4294967295, not 4294967296"],
    ["limits", { maxLink: 2 ** 32 }, "from 1 to 4294967295, not 4294967296"],
    ["limits", { rawNames: 1 }, `${its("rawNames")} must be a boolean`],
    ["limits", { defaultLists: 1 }, `${its("defaultLists")} must be a boolean`],
    [
      "limits",
      { changeType: "ctime" },
      "changeType is monotonic, version-count",
    ],
    ["limits", { hasQuota: 1 }, `${its("hasQuota")} must be a boolean`],
    ["folder", null, `${its("folder")} must be an object`],
    ["folder", late, `${its("folder")} has no path`],
    ["records", null, `${its("records")} must be an object`],
    ["records", 5, `${its("records")} must be an object`],
    ["records", {}, `${its("records")} has no changes`],
    ["records", late, `${its("records")} has no changes`],
    ["records", { changes: 0, put: null }, "records.put must be a function"],
  ];
  const fs = memory();
  for (const [member, value, said] of wrongs) {
    const wrong = new Proxy(fs, {
      get(target, name) {
        if (name !== member) return Reflect.get(target, name);
        return value === late ? late() : value;
      },
    });
    const serving = () => serve(wrong as never, { port: 0 });
    const error = await assertRejects(serving, Error, said, member);
    assertEquals(error.message.includes("\n"), false, error.message);
  }
});

Deno.test("a number that goes onto the wire has its range", async () => {
  const whole = 2 ** 32;
  const lease = (seconds: number) =>
    `leaseSeconds must be 4294967295 or less, not ${seconds}`;
  const wrongs: [object, string][] = [
    ...[Infinity, 1e300, whole].map((leaseSeconds): [object, string] => {
      return [{ leaseSeconds }, lease(leaseSeconds)];
    }),
    [{ limits: { maxSlots: whole } }, "maxSlots must be 4294967295 or less"],
    [{ limits: { maxOperations: whole } }, "maxOperations must be"],
    [{ limits: { maxRequest: 2 ** 31 } }, "maxRequest must be 2147482623 or"],
    [{ limits: { maxReply: 2 ** 31 } }, "maxReply must be 2147482623 or less"],
    [{ limits: { maxCachedReply: 2 ** 31 } }, "maxCachedReply must be"],
  ];
  for (const [options, said] of wrongs) {
    const given = { port: 0, ...options };
    await assertRejects(() => serve(memory(), given), RangeError, said);
  }
  const longest = whole - 1;
  await using server = await startServer({ leaseSeconds: longest });
  await using session = await openSession({ port: server.port });
  const request = [op.putrootfh(), op.getattr(["lease_time"])];
  const reply = await session.compound(request);
  assertEquals(reply.get("GETATTR").attributes.lease_time, longest);
});

Deno.test("an option that is null is no option left out", async () => {
  const fs = memory();
  const names = ["callbacks", "limits", "log", "signal", "random", "clock"];
  for (const name of names) {
    await assertRejects(
      () => serve(fs, { port: 0, [name]: null }),
      TypeError,
      name,
    );
  }
  const anonymous = null as never;
  const source = [{ path: "/", fs, anonymous }];
  await assertRejects(() => serve(source, { port: 0 }), TypeError, "anonymous");
});

Deno.test("an option of a name that there is not is refused, and what was meant is said", async () => {
  const fs = memory();
  const meant: [unknown, object, string][] = [
    [fs, { host: "::1" }, "did you mean hostname?"],
    [fs, { prot: 1 }, 'serve has no option "prot", did you mean port?'],
    [fs, { readonly: true }, 'serve has no option "readonly"'],
    [fs, { limits: { maxReed: 1 } }, "did you mean maxRead?"],
    [fs, { callbacks: { atempts: 1 } }, "did you mean attempts?"],
    [[{ path: "/", fs, readonly: true }], {}, "did you mean readOnly?"],
    [[{ path: "/", fs, anonymous: { uuid: 1 } }], {}, "did you mean uid?"],
    [fs, 5 as never, "serve takes an object of options, not 5"],
  ];
  for (const [source, options, said] of meant) {
    const given = typeof options === "object"
      ? { port: 0, ...options }
      : options;
    await assertRejects(
      () => serve(source as never, given as never),
      TypeError,
      said,
    );
  }
  const makers: [(options: never) => unknown, object, string][] = [
    [(options) => memory({}, options), { maxByte: 1 }, "maxBytes?"],
    [
      (options) => sqlite(":memory:", options),
      { quota: 1 },
      'no option "quota"',
    ],
    [(options) => local(".", options), { exlusive: true }, "exclusive?"],
  ];
  for (const [make, options, said] of makers) {
    assertThrows(() => make(options as never), TypeError, said);
  }
  const none = { durability: "none" } as never;
  assertThrows(() => local(".", none), TypeError, 'full, os, not "none"');
  // "" + "/store.db" would be in the host's root.
  assertThrows(() => sqlite(""), Error, 'can\'t serve "": it names no folder');
});

const canRead =
  Deno.permissions.querySync({ name: "read" }).state === "granted";

Deno.test(
  "serve throws the classes of errors that its documentation names, and no others",
  {
    ignore: !canRead,
  },
  async () => {
    const fs = memory();
    using taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = taken.addr;
    const gone = AbortSignal.abort(new DOMException("gone", "AbortError"));
    const thrown: [string, unknown, object][] = [
      ["TypeError", {}, {}],
      ["TypeError", fs, { prot: 1 }],
      ["TypeError", [{ path: "/", fs, squash: 1 }], {}],
      ["TypeError", fs, { port: "x" }],
      ["TypeError", fs, { stateDirectory: "" }],
      ["RangeError", fs, { port: -1 }],
      ["RangeError", fs, { limits: { maxRead: 0 } }],
      ["Error", [], {}],
      ["Error", [{ path: "x", fs }], {}],
      ["Error", [{ path: "/", fs }, { path: "/a", fs }], {}],
      ["Deno.errors.AddrInUse", fs, { port }],
      ["Deno.errors.AddrInUse", fs, { metricsPort: port }],
      ["Deno.errors.AddrNotAvailable", fs, { hostname: "192.0.2.1" }],
      ["reason of a `signal`", fs, { signal: gone }],
    ];
    const source = Deno.readTextFileSync(
      new URL("../src/server.ts", import.meta.url),
    );
    const end = source.indexOf("export async function serve(");
    const documentation = source.slice(source.lastIndexOf("/**", end), end);
    for (const [name, given, options] of thrown) {
      const error = await assertRejects(
        () => serve(given as never, { port: 0, ...options } as never),
      );
      const { name: seen } = error as Error;
      const said = `\`${name}\``;
      assertStringIncludes(documentation, name.includes("`") ? name : said);
      if (name.includes("`")) assertEquals(error, gone.reason);
      else assertEquals(seen, name.replace("Deno.errors.", ""), String(error));
    }
  },
);
