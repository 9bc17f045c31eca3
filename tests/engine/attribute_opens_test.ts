import { assertEquals } from "@std/assert";
import { Share } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  CreateMode,
  LockType,
  op,
  type OpenCreate,
  type Request,
  type Stateid,
} from "../support/client/mod.ts";
import {
  AT_FILE,
  type StateClient,
  StateFixture,
  uses,
} from "./state_fixture.ts";

// Opens and locks of named attributes, which are as those of files.

const VERSIONS = [0, 1] as const;
const IN_FOLDER: readonly Request[] = [...AT_FILE, op.openattr(true)];
const AT_ATTRIBUTE: readonly Request[] = [...IN_FOLDER, op.lookup("n")];
const verifier = bytesOf("verifier");
const attributes = { mode: 0o644 };
const unchecked = { mode: CreateMode.UNCHECKED, attributes } as const;

const opening = (
  client: StateClient,
  how: {
    readonly create?: OpenCreate;
    readonly access?: number;
    readonly deny?: number;
    readonly owner?: string;
    readonly seqid?: number;
  } = {},
) => [...IN_FOLDER, client.openOp("n", how)];

/** Opens the attribute, made if need be, and confirms that. */
async function open(
  client: StateClient,
  how: Parameters<typeof opening>[1] = {},
): Promise<Stateid> {
  const request = opening(client, { create: unchecked, ...how });
  const opened = await client.ok("OPEN", ...request);
  if ((opened.flags & 2) === 0) return opened.stateid;
  const confirm = op.openConfirm(opened.stateid, (how.seqid ?? 0) + 1);
  return (await client.ok("OPEN_CONFIRM", ...AT_ATTRIBUTE, confirm)).stateid;
}

for (const minor of VERSIONS) {
  const version = `NFSv4.${minor}`;

  Deno.test(`an exclusive create of a named attribute is INVAL, a guarded one EXIST where it is there (RFC 8881 18.16.3) in ${version}`, async () => {
    const client = await new StateFixture().client(minor);
    const exclusive = { mode: CreateMode.EXCLUSIVE, verifier };
    const status = (create: OpenCreate, owner: string) =>
      client.status(...opening(client, { create, owner }));
    assertEquals(await status(exclusive, "a"), "INVAL");
    assertEquals(await client.status(...AT_ATTRIBUTE), "NOENT");
    const guarded = { mode: CreateMode.GUARDED, attributes };
    assertEquals(await status(guarded, "b"), "OK");
    assertEquals(await status(guarded, "c"), "EXIST");
    assertEquals(await status(exclusive, "d"), "INVAL");
  });

  Deno.test(`an attribute is opened, cut by a create of no size, used and closed by its stateid in ${version}`, async () => {
    const client = await new StateFixture().client(minor);
    const first = await open(client, { owner: "first" });
    for (const use of uses(first)) {
      assertEquals(await client.status(...AT_ATTRIBUTE, use), "OK");
    }
    const empty = { ...unchecked, attributes: { ...attributes, size: 0n } };
    const stateid = await open(client, { create: empty, owner: "second" });
    const size = await client.ok(
      "GETATTR",
      ...AT_ATTRIBUTE,
      op.getattr(["size"]),
    );
    assertEquals(size.attributes.size, 0n);
    const close = op.close(stateid, 2);
    assertEquals(await client.status(...AT_ATTRIBUTE, close), "OK");
    const write = op.write({ stateid, data: "x" });
    const after = await client.status(...AT_ATTRIBUTE, write);
    assertEquals(after, "BAD_STATEID");
  });

  Deno.test(`an attribute is denied and locked as a file is, and by its file neither in ${version}`, async () => {
    const fixture = new StateFixture();
    const client = await fixture.client(minor);
    const other = await fixture.client(minor);
    await client.open("file", { deny: Share.DENY_BOTH, owner: "of file" });
    const stateid = await open(client, { deny: Share.DENY_WRITE });
    const denied = opening(other, { access: Share.ACCESS_WRITE });
    assertEquals(await other.status(...denied), "SHARE_DENIED");
    const access = Share.ACCESS_READ;
    await open(other, { access, owner: "reader" });
    const locker = {
      openStateid: stateid,
      openSeqid: 2,
      lockSeqid: 0,
      owner: client.owner("locker"),
    };
    const lock = op.lock({ type: LockType.WRITE, locker });
    assertEquals(await client.status(...AT_ATTRIBUTE, lock), "OK");
    const test = op.lockt({ owner: other.owner("tester") });
    assertEquals(await other.status(...AT_ATTRIBUTE, test), "DENIED");
    assertEquals(await other.status(...AT_FILE, test), "OK");
  });

  for (const way of ["removed", "renamed", "removed with its file"]) {
    Deno.test(`an attribute that is ${way} while it is open can be closed, and is STALE else in ${version}`, async () => {
      const fixture = new StateFixture();
      const client = await fixture.client(minor);
      const other = await fixture.client(minor);
      const stateid = await open(client, { deny: Share.DENY_BOTH });
      const { filehandle } = await client.ok(
        "GETFH",
        ...AT_ATTRIBUTE,
        op.getfh(),
      );
      const at = op.putfh(filehandle);
      const ways: Record<string, Request[]> = {
        removed: [...IN_FOLDER, op.remove("n")],
        renamed: [...IN_FOLDER, op.savefh(), op.rename("n", "m")],
        "removed with its file": [op.putrootfh(), op.remove("file")],
      };
      assertEquals(await client.status(...ways[way]!), "OK");
      const write = op.write({ stateid, data: "x" });
      assertEquals(await client.status(at, write), "STALE");
      assertEquals(await client.status(at, op.getattr(["size"])), "STALE");
      assertEquals(await client.status(at, op.close(stateid, 2)), "OK");
      assertEquals(await client.status(at, op.getattr(["size"])), "STALE");
      if (way === "removed with its file") return;
      await open(other, { owner: "again" });
    });
  }
}
