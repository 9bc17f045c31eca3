import { assert, assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { type FileSystem, FsError } from "../../../src/vfs/mod.ts";
import {
  type DelegationPolicy,
  noDelegations,
} from "../../../src/state/delegations.ts";
import {
  anonymousStateid,
  bypassStateid,
  type CopyRange,
  op,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { type StateClient, StateFixture } from "../state_fixture.ts";
import {
  between,
  content,
  LAST,
  PAGE,
  READ,
  systems,
  WRITE,
} from "./copying_fixture.ts";

const MiB = 2 ** 20;
const SIZE = 3 * PAGE + 9;

const random = new SeededRandom(1).bytes(SIZE);
const tree = () => ({ source: random, target: "", folder: {} });

type Options = Partial<Parameters<typeof op.copy>[0]>;

const copy = (options: Options = {}) =>
  op.copy({
    source: anonymousStateid,
    destination: anonymousStateid,
    ...options,
  });

/** COPY from one file to another. */
const copied = (options: Options = {}, names?: string[]) =>
  between(copy(options), names);

async function sizes(client: StateClient, name = "target") {
  const get = op.getattr(["size", "space_used"]);
  const { attributes } = await client.ok("GETATTR", ...walk([name]), get);
  return [attributes.size, attributes.space_used].map(Number);
}

const write = (client: StateClient, name: string, at: number, data: string) =>
  client.ok("WRITE", ...walk([name]), op.write({ offset: BigInt(at), data }));

/** A file system with some methods in place of its own. */
function changed(
  fs: FileSystem,
  own: Partial<Record<keyof FileSystem, unknown>>,
): FileSystem {
  return new Proxy(fs, {
    get(target, name) {
      if (name in own) return own[name as keyof FileSystem];
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

for (const [how, system] of Object.entries(systems)) {
  const fixture = (fs: FileSystem = memory(tree())) =>
    new StateFixture({ fs: system(fs) });
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`COPY ${how}: ${name}`, body);

  test("brings all of a file, in order, before it is answered (RFC 7862 15.2.3)", async () => {
    const client = await fixture().client(2);
    const { response, ...how } = await client.ok("COPY", ...copied());
    assertEquals(how, { consecutive: true, synchronous: true });
    assertEquals(response.count, BigInt(SIZE));
    assertEquals(response.callbackId, undefined);
    assertEquals(await content(client), random);
  });

  test("brings a part to where it is asked to", async () => {
    const client = await fixture().client(2);
    const part = {
      ...{ sourceOffset: 70_000n, destinationOffset: 5n, count: 60_000n },
    };
    const { response } = await client.ok("COPY", ...copied(part));
    assertEquals(response.count, 60_000n);
    const bytes = await content(client);
    assertEquals(bytes.subarray(5), random.subarray(70_000, 130_000));
    assertEquals(bytes.length, 60_005);
    // Nothing, where there is nothing.
    const none = { sourceOffset: BigInt(SIZE) };
    const { response: { count } } = await client.ok("COPY", ...copied(none));
    assertEquals(count, 0n);
    assertEquals(await content(client), bytes);
  });

  test("of what can't be is refused (RFC 7862 15.2.3)", async () => {
    const client = await fixture().client(2);
    const cases: [string, Options, string[]?][] = [
      ["INVAL", { count: BigInt(SIZE + 1) }],
      ["INVAL", { sourceOffset: BigInt(SIZE + 1) }],
      ["INVAL", { sourceOffset: 1n, count: BigInt(SIZE) }],
      ["INVAL", { count: LAST }],
      ["INVAL", { sourceOffset: LAST, count: 2n }],
      ["INVAL", { destinationOffset: LAST }],
      ["FBIG", { destinationOffset: 2n ** 53n - 9n }],
      ["INVAL", {}, ["source", "source"]],
      ["INVAL", { count: 1n, destinationOffset: 9n }, ["source", "source"]],
      ["WRONG_TYPE", {}, ["folder", "target"]],
      ["WRONG_TYPE", {}, ["source", "folder"]],
      // From another server.
      ["NOTSUPP", { servers: [{ type: "name", value: "host" }] }],
    ];
    for (const [status, options, names] of cases) {
      assertEquals(await client.status(...copied(options, names)), status);
    }
    const alone = await client.status(...walk(["target"]), copy());
    assertEquals(alone, "NOFILEHANDLE");
    assertEquals((await content(client)).length, 0);
  });

  test("leaves holes behind the end of the destination, and zeros in it", async () => {
    const client = await fixture(memory({ source: "", target: "", old: "" }))
      .client(2);
    await write(client, "source", 4 * PAGE, "data");
    await client.call(
      ...walk(["source"]),
      op.setattr({ size: 4n * 2n ** 20n }),
    );
    await client.ok("COPY", ...copied());
    const [size, used] = await sizes(client);
    assertEquals(size, 4 * MiB);
    assert(used! < 2 * PAGE, `${used}`);
    assertEquals(
      [...(await content(client)).subarray(4 * PAGE, 4 * PAGE + 5)],
      [
        ...new TextEncoder().encode("data\0"),
      ],
    );
    // A destination with something in it has zeros there.
    for (const at of [0, 3 * PAGE, 2 * MiB]) {
      await write(client, "old", at, "x");
    }
    await client.ok("COPY", ...copied({}, ["source", "old"]));
    const bytes = await content(client, "old");
    assertEquals(bytes, await content(client));
    assertEquals((await sizes(client, "old"))[0], 4 * MiB);
  });

  test("tells how much it has copied where that is not all", async () => {
    const fs = memory({ source: new Uint8Array(5 * MiB).fill(1), target: "" });
    const client = await fixture(fs).client(2);
    let done = 0n;
    const counts = [];
    while (done < BigInt(5 * MiB)) {
      const rest = { sourceOffset: done, destinationOffset: done };
      const { response } = await client.ok("COPY", ...copied(rest));
      counts.push(Number(response.count) / MiB);
      done += response.count;
    }
    assertEquals(counts, [4, 1]);
    assertEquals((await sizes(client))[0], 5 * MiB);
  });

  test("tells of what was copied before an error, and then of the error", async () => {
    const room = memory(tree(), { maxBytes: SIZE + 2 * PAGE + 20_000 });
    const client = await fixture(room).client(2);
    const { response: { count } } = await client.ok("COPY", ...copied());
    assertEquals(count, BigInt(2 * PAGE));
    const rest = { sourceOffset: count, destinationOffset: count };
    assertEquals(await client.status(...copied(rest)), "NOSPC");
  });

  test("takes setuid away, but for root", async () => {
    for (const [uid, mode] of [[7, 0o777], [0, 0o4777]] as const) {
      const server = fixture();
      const root = await server.client(2);
      const client = await server.client(2, { uid });
      const at = walk(["target"]);
      await root.call(...at, op.setattr({ mode: 0o4777 }));
      await client.ok("COPY", ...copied());
      const got = await root.ok("GETATTR", ...at, op.getattr(["mode"]));
      assertEquals(got.attributes.mode, mode);
    }
  });

  test("ends where its source does by now", async () => {
    const fs = memory(tree());
    const source = fs.lookup(fs.root(), "source")!;
    let reads = 0;
    const read: FileSystem["read"] = (file, offset, target) => {
      if (++reads === 2) fs.setattr(source, { size: PAGE });
      return fs.read(file as typeof source, offset, target);
    };
    const client = await fixture(changed(fs, { read })).client(2);
    const { response } = await client.ok("COPY", ...copied());
    assertEquals(response.count, BigInt(PAGE));
  });

  test("goes on where data became a hole between two looks at it", async () => {
    const fs = memory(tree());
    let looks = 0;
    const seek: FileSystem["seek"] = (_file, offset) => {
      // Data, and then a hole, at the same place.
      return ++looks <= 2 ? offset : SIZE;
    };
    const attributes = fs.getattr.bind(fs);
    const getattr = (file: never) => ({ ...attributes(file), used: PAGE });
    const client = await fixture(changed(fs, { seek, getattr })).client(2);
    const { response } = await client.ok("COPY", ...copied());
    assertEquals(response.count, BigInt(SIZE));
  });

  test("has its writes be unstable, and tells the verifier", async () => {
    const fs = memory(tree());
    const asked = new Set<string>();
    const write: FileSystem["write"] = (file, offset, data, stability) => {
      asked.add(stability);
      fs.write(file as never, offset, data, stability);
      return "unstable";
    };
    const client = await fixture(changed(fs, { write })).client(2);
    const { response } = await client.ok("COPY", ...copied());
    assertEquals([...asked], ["unstable"]);
    assertEquals(response.committed, 0);
    const commit = await client.ok("COMMIT", ...walk(["target"]), op.commit());
    assertEquals(response.verifier, commit.verifier);
  });
}

Deno.test("COPY that an error of the server's own stops says so", async () => {
  const fs = memory(tree());
  let writes = 0;
  const write: FileSystem["write"] = (file, offset, data, stability) => {
    if (++writes === 2) throw new Error("a fault");
    return fs.write(file as never, offset, data, stability);
  };
  const client = await new StateFixture({ fs: changed(fs, { write }) }).client(
    2,
  );
  assertEquals(await client.status(...copied()), "SERVERFAULT");
  const busy = () => {
    throw new FsError("busy");
  };
  const other = changed(memory(tree()), { read: busy });
  const put = await new StateFixture({ fs: other }).client(2);
  assertEquals(await put.status(...copied()), "DELAY");
});

Deno.test("COPY needs what READ needs of the source, and what WRITE needs of the destination", async () => {
  const fixture = new StateFixture({ tree: tree() });
  const client = await fixture.client(2);
  const open = (name: string, access: number) =>
    client.open(name, { access, owner: `${name} ${access}` });
  const reader = await open("source", READ);
  const writer = await open("target", WRITE);
  const status = (source: Stateid, destination: Stateid) =>
    client.status(...copied({ source, destination }));
  assertEquals(await status(reader, writer), "OK");
  assertEquals(await status(reader, await open("target", READ)), "OPENMODE");
  assertEquals(await status(writer, writer), "BAD_STATEID");
  assertEquals(await status(reader, reader), "BAD_STATEID");
  const root = await fixture.client(2);
  const other = await fixture.client(2, { uid: 7 });
  const mode = (name: string, mode: number) =>
    root.call(...walk([name]), op.setattr({ mode, owner: "5" }));
  await mode("source", 0o600);
  assertEquals(await other.status(...copied()), "ACCESS");
  await mode("source", 0o604);
  assertEquals(await other.status(...copied()), "ACCESS");
  await mode("target", 0o602);
  assertEquals(await other.status(...copied()), "OK");
});

Deno.test("opens that deny it, and the grace period, are in the way of COPY without a state (RFC 8881 8.2.3)", async () => {
  const fixture = new StateFixture({ tree: tree() });
  const client = await fixture.client(2);
  const other = await fixture.client(2);
  await client.open("source", { access: READ, deny: READ });
  assertEquals(await other.status(...copied()), "LOCKED");
  const bypass: Partial<CopyRange> = { source: bypassStateid };
  assertEquals(await other.status(...copied(bypass)), "OK");
  await client.open("target", { access: READ, deny: WRITE, owner: "b" });
  assertEquals(await other.status(...copied(bypass)), "LOCKED");
  const early = new StateFixture({ tree: tree(), graceMs: 1000 });
  assertEquals(await (await early.client(2)).status(...copied()), "GRACE");
});

Deno.test("delegations of others are recalled before COPY: for writing of its source, all of its destination (RFC 8881 10.4.4)", async () => {
  const cases = [
    ["source", "read", "OK"],
    ["source", "write", "DELAY"],
    ["target", "read", "DELAY"],
    ["target", "write", "DELAY"],
  ] as const;
  for (const [name, type, status] of cases) {
    let recalls = 0;
    const delegations: DelegationPolicy = {
      ...noDelegations,
      offer: () => type,
      recall: () => void recalls++,
    };
    const fixture = new StateFixture({ tree: tree(), delegations });
    const client = await fixture.client(2);
    const access = type === "read" ? READ : READ | WRITE;
    const opened = await client.ok(
      "OPEN",
      op.putrootfh(),
      client.openOp(name, { access }),
    );
    const { stateid } = opened.delegation as { stateid: Stateid };
    const other = await fixture.client(2);
    assertEquals(await other.status(...copied()), status, `${name} ${type}`);
    assertEquals(recalls, status === "OK" ? 0 : 1);
    await client.ok("DELEGRETURN", ...walk([name]), op.delegreturn(stateid));
    assertEquals(await other.status(...copied()), "OK");
  }
});
