import { assert, assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../../src/vfs/mod.ts";
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
import { StateFixture } from "../state_fixture.ts";
import {
  between,
  content,
  LAST,
  PAGE,
  READ,
  systems,
  WRITE,
} from "./copying_fixture.ts";

const SIZE = 2 * PAGE + 9;

const tree = () => ({
  source: new Uint8Array(SIZE).fill(7),
  target: "",
  folder: {},
});

const clone = (range: Partial<CopyRange> = {}) =>
  op.clone({
    source: anonymousStateid,
    destination: anonymousStateid,
    ...range,
  });

/** CLONE from one file to another. */
const cloned = (range: Partial<CopyRange> = {}, names?: string[]) =>
  between(clone(range), names);

for (const [how, system] of Object.entries(systems)) {
  const fixture = () => new StateFixture({ fs: system(memory(tree())) });
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`CLONE ${how}: ${name}`, body);

  test("has one file read as the other, until either is written to (RFC 7862 15.13)", async () => {
    const client = await fixture().client(2);
    await client.ok("CLONE", ...cloned());
    assertEquals((await content(client)).length, SIZE);
    assert((await content(client)).every((byte) => byte === 7));
    for (const [name, data] of [["source", "s"], ["target", "t"]] as const) {
      await client.ok("WRITE", ...walk([name]), op.write({ data }));
    }
    const first = async (name: string) => (await content(client, name))[0];
    assertEquals(await first("source"), "s".charCodeAt(0));
    assertEquals(await first("target"), "t".charCodeAt(0));
  });

  test("brings a part to where it is asked to, and nothing where there is none", async () => {
    const client = await fixture().client(2);
    const get = op.getattr(["size", "change"]);
    const attributes = async (name: string) =>
      (await client.ok("GETATTR", ...walk([name]), get)).attributes;
    const [source, before] = [
      await attributes("source"),
      await attributes("target"),
    ];
    await client.ok("CLONE", ...cloned({}, ["target", "source"]));
    assertEquals(await attributes("source"), source);
    await client.ok(
      "CLONE",
      ...cloned({
        sourceOffset: BigInt(PAGE),
        destinationOffset: BigInt(3 * PAGE),
        count: BigInt(PAGE),
      }),
    );
    const bytes = await content(client);
    assertEquals(bytes.length, 4 * PAGE);
    assert(bytes.subarray(0, 3 * PAGE).every((byte) => byte === 0));
    assert(bytes.subarray(3 * PAGE).every((byte) => byte === 7));
    const after = await attributes("target");
    assert(after.change! > before.change!);
  });

  test("of what can't be is refused (RFC 7862 15.13.3)", async () => {
    const client = await fixture().client(2);
    const page = BigInt(PAGE);
    const cases: [string, Partial<CopyRange>, string[]?][] = [
      // In no blocks.
      ["INVAL", { sourceOffset: 1n }],
      ["INVAL", { destinationOffset: 1n }],
      ["INVAL", { count: 5n }],
      ["OK", { count: page }],
      // Behind the end of the source.
      ["INVAL", { count: 3n * page }],
      ["INVAL", { sourceOffset: 3n * page }],
      ["INVAL", { count: LAST }],
      ["INVAL", { sourceOffset: LAST }],
      ["INVAL", { destinationOffset: LAST }],
      ["FBIG", { destinationOffset: 2n ** 53n }],
      // In one file.
      ["INVAL", {}, ["source", "source"]],
      ["INVAL", { count: page }, ["source", "source"]],
      ["INVAL", { destinationOffset: page }, ["source", "source"]],
      ["OK", { destinationOffset: 4n * page }, ["source", "source"]],
      ["WRONG_TYPE", {}, ["folder", "target"]],
      ["WRONG_TYPE", {}, ["source", "folder"]],
    ];
    for (const [status, range, names] of cases) {
      assertEquals(await client.status(...cloned(range, names)), status);
    }
    const alone = await client.status(...walk(["target"]), clone());
    assertEquals(alone, "NOFILEHANDLE");
  });

  test("takes setuid away, but for root", async () => {
    for (const [uid, mode] of [[7, 0o777], [0, 0o4777]] as const) {
      const server = fixture();
      const root = await server.client(2);
      const client = await server.client(2, { uid });
      const at = walk(["target"]);
      await root.call(...at, op.setattr({ mode: 0o4777 }));
      await client.ok("CLONE", ...cloned());
      const got = await root.ok("GETATTR", ...at, op.getattr(["mode"]));
      assertEquals(got.attributes.mode, mode);
    }
  });
}

Deno.test("clone_blksize is told where there is CLONE, and CLONE is NOTSUPP where not (RFC 7862 12.2.1)", async () => {
  const attributes = async (fs: FileSystem, minor: 1 | 2 = 2) => {
    const client = await new StateFixture({ fs }).client(minor);
    const get = op.getattr(["clone_blksize"]);
    return (await client.ok("GETATTR", ...walk(["target"]), get)).attributes;
  };
  const fs = memory(tree());
  assertEquals(await attributes(fs), { clone_blksize: PAGE });
  assertEquals(await attributes(fs, 1), {});
  const own = Object.create(fs, {
    limits: { value: {} },
    clone: { value: fs.clone.bind(fs) },
  });
  for (const name of ["getattr", "root", "lookup", "identify"] as const) {
    Object.defineProperty(own, name, { value: fs[name].bind(fs) });
  }
  assertEquals(await attributes(own), { clone_blksize: 4096 });
  Object.defineProperty(fs, "clone", { value: undefined });
  assertEquals(await attributes(fs), {});
  const client = await new StateFixture({ fs }).client(2);
  assertEquals(await client.status(...cloned()), "NOTSUPP");
});

Deno.test("CLONE needs what READ needs of the source, and what WRITE needs of the destination", async () => {
  const fixture = new StateFixture({ tree: tree() });
  const client = await fixture.client(2);
  const open = (name: string, access: number) =>
    client.open(name, { access, owner: `${name} ${access}` });
  const reader = await open("source", READ);
  const writer = await open("target", WRITE);
  const status = (source: Stateid, destination: Stateid) =>
    client.status(...cloned({ source, destination }));
  assertEquals(await status(reader, writer), "OK");
  assertEquals(await status(reader, await open("target", READ)), "OPENMODE");
  // Each is of its own file.
  assertEquals(await status(writer, writer), "BAD_STATEID");
  assertEquals(await status(reader, reader), "BAD_STATEID");
  const root = await fixture.client(2);
  const other = await fixture.client(2, { uid: 7 });
  const mode = (name: string, mode: number) =>
    root.call(...walk([name]), op.setattr({ mode, owner: "5" }));
  await mode("source", 0o600);
  assertEquals(await other.status(...cloned()), "ACCESS");
  await mode("source", 0o604);
  assertEquals(await other.status(...cloned()), "ACCESS");
  await mode("target", 0o602);
  assertEquals(await other.status(...cloned()), "OK");
});

Deno.test("opens that deny it, and the grace period, are in the way of CLONE without a state (RFC 8881 8.2.3)", async () => {
  const fixture = new StateFixture({ tree: tree() });
  const client = await fixture.client(2);
  const other = await fixture.client(2);
  await client.open("source", { access: READ, deny: READ });
  assertEquals(await other.status(...cloned()), "LOCKED");
  const bypass = { source: bypassStateid };
  assertEquals(await other.status(...cloned(bypass)), "OK");
  await client.open("target", { access: READ, deny: WRITE, owner: "b" });
  assertEquals(await other.status(...cloned(bypass)), "LOCKED");
  const early = new StateFixture({ tree: tree(), graceMs: 1000 });
  assertEquals(await (await early.client(2)).status(...cloned()), "GRACE");
});

Deno.test("delegations of others are recalled before CLONE: for writing of its source, all of its destination (RFC 8881 10.4.4)", async () => {
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
    assertEquals(await other.status(...cloned()), status, `${name} ${type}`);
    assertEquals(recalls, status === "OK" ? 0 : 1);
    await client.ok("DELEGRETURN", ...walk([name]), op.delegreturn(stateid));
    assertEquals(await other.status(...cloned()), "OK");
  }
});

Deno.test("CLONE of what there is no room for is NOSPC, and nothing is done", async () => {
  const fs = memory(tree(), { maxBytes: 200_000 });
  const client = await new StateFixture({ fs }).client(2);
  const { freeBytes } = fs.status();
  assertEquals(await client.status(...cloned()), "NOSPC");
  assertEquals(fs.status().freeBytes, freeBytes);
  assertEquals((await content(client)).length, 0);
});
