import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { serve } from "../../../src/server.ts";
import { type StateClient, StateFixture } from "../../engine/state_fixture.ts";
import {
  CreateMode,
  FileType,
  op,
  openSession,
  type Request,
  statusName,
  V40Client,
  walk,
} from "../../support/client/mod.ts";

const tree = { file: "content", folder: {} };
const make = { mode: CreateMode.UNCHECKED, attributes: { mode: 0o644 } };

/** What changes something, each for itself. */
function changes(client: StateClient): Request[][] {
  const root = op.putrootfh();
  return [
    [root, op.create({ type: FileType.DIR, name: "new" })],
    [...walk(["file"]), op.savefh(), root, op.link("new")],
    [root, client.openOp("new", { create: make, owner: "creator" })],
    [root, client.openOp("file", { access: 2, owner: "writer" })],
    [root, op.remove("file")],
    [root, op.savefh(), op.rename("file", "new")],
    [...walk(["file"]), op.setattr({ mode: 0o600 })],
    [...walk(["file"]), op.setattr({ size: 0n })],
    [...walk(["file"]), op.write({ data: "x" })],
  ];
}

for (const minor of [0, 1] as const) {
  Deno.test(`NFSv4.${minor}: what would change an export that is read only is ROFS (RFC 8881 15.1.4.11, RFC 7530 13.1.4.13)`, async () => {
    const fixture = new StateFixture({ tree, readOnly: true });
    const client = await fixture.client(minor);
    for (const requests of changes(client)) {
      const { last, status } = await client.call(...requests);
      assertEquals(
        `${last!.name} ${statusName(status)}`,
        `${requests.at(-1)!.name} ROFS`,
      );
    }
    assertEquals(await client.status(...walk(["file"]), op.commit()), "OK");
    assertEquals(await client.status(...walk(["file"]), op.read()), "OK");
  });

  Deno.test(`NFSv4.${minor}: folders without the right to search, write or list them are ACCESS (RFC 8881 15.1.6.1, RFC 7530 13.1.6.1)`, async () => {
    const fixture = new StateFixture({
      tree: { file: "content", closed: { in: "", sub: {} } },
    });
    const root = await fixture.client(minor);
    await root.ok("SETATTR", ...walk(["closed"]), op.setattr({ mode: 0o700 }));
    const { filehandle } = await root.ok(
      "GETFH",
      ...walk(["closed", "sub"]),
      op.getfh(),
    );
    await root.ok(
      "SETATTR",
      op.putfh(filehandle),
      op.setattr({ mode: 0o600 }),
    );
    const user = await fixture.client(minor, { uid: 1000 });
    const closed = walk(["closed"]);
    const open = { claim: { claim: "null", name: "in" }, access: 1 } as const;
    const attempts: Request[][] = [
      [...closed, op.create({ type: FileType.DIR, name: "new" })],
      [...walk(["file"]), op.savefh(), ...closed, op.link("new")],
      [...closed, op.lookup("in")],
      [op.putfh(filehandle), op.lookupp()],
      [...closed, op.open({ ...open, owner: user.owner() })],
      [...closed, op.readdir()],
      [...closed, op.remove("in")],
      [...closed, op.savefh(), op.rename("in", "out")],
      [...closed, op.secinfo("in")],
      [
        ...(minor === 0 ? closed : [op.putfh(filehandle)]),
        minor === 0 ? op.lookup("in") : op.secinfoNoName(1),
      ],
    ];
    for (const requests of attempts) {
      const { last, status } = await user.call(...requests);
      assertEquals(
        `${last!.name} ${statusName(status)}`,
        `${requests.at(-1)!.name} ACCESS`,
      );
    }
  });

  Deno.test(`NFSv4.${minor}: what only the owner may set, or root give away, is PERM (RFC 8881 15.1.6.2, RFC 7530 13.1.6.2)`, async () => {
    const fixture = new StateFixture({ tree });
    const root = await fixture.client(minor);
    await root.ok("SETATTR", op.putrootfh(), op.setattr({ mode: 0o777 }));
    const user = await fixture.client(minor, { uid: 1000 });
    const attributes = { owner: "1001" };
    const given = { mode: CreateMode.UNCHECKED, attributes };
    const attempts: Request[][] = [
      [...walk(["file"]), op.setattr({ mode: 0o777 })],
      [
        op.putrootfh(),
        op.create({ type: FileType.DIR, name: "d", attributes }),
      ],
      [op.putrootfh(), user.openOp("new", { create: given })],
    ];
    for (const requests of attempts) {
      const name = requests.at(-1)!.name;
      assertEquals(await user.status(...requests), "PERM", name);
    }
  });
}

/** LINK and RENAME from one export to another. */
const acrossExports: Request[][] = [
  [...walk(["one", "file"]), op.savefh(), ...walk(["two"]), op.link("new")],
  [...walk(["one"]), op.savefh(), ...walk(["two"]), op.rename("file", "new")],
];

Deno.test("names can't go from one export to another: XDEV (RFC 8881 18.9.4, 18.26.4, RFC 7530 16.9.5, 16.27.5)", async () => {
  await using server = await serve([
    { path: "/one", fs: memory(tree), squash: "none" },
    { path: "/two", fs: memory(), squash: "none" },
  ], { port: 0 });
  await using session = await openSession({ port: server.port });
  await using v40 = await V40Client.connect({ port: server.port });
  for (const requests of acrossExports) {
    for (const client of [session, v40]) {
      const reply = await client.compound(requests, { expect: "any" });
      assertEquals(
        `${reply.last!.name} ${statusName(reply.status)}`,
        `${requests.at(-1)!.name} XDEV`,
      );
    }
  }
});
