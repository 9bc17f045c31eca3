import { assertEquals } from "@std/assert";
import { type StateClient, StateFixture } from "../../engine/state_fixture.ts";
import {
  type Attributes,
  type Component,
  CreateMode,
  FileType,
  op,
  type RawAttributes,
  type Request,
  walk,
} from "../../support/client/mod.ts";

/** Names that can't be used, and why (RFC 8881 14.5, 15.1.7, RFC 7530 12.7, 13.1.7). */
const badNames: [Component, string][] = [
  ["", "INVAL"],
  [Uint8Array.of(0x61, 0xff), "INVAL"],
  [".", "BADNAME"],
  ["..", "BADNAME"],
  ["a/b", "BADCHAR"],
  ["a\0b", "BADCHAR"],
  ["n".repeat(256), "NAMETOOLONG"],
];

/** The same in an OPEN, whose owner is new each time. */
let owners = 0;

function openOf(
  client: StateClient,
  name: Component,
  attributes?: Attributes | RawAttributes,
): Request {
  return op.open({
    owner: client.owner(`${owners++}`),
    access: 3,
    create: attributes && { mode: CreateMode.UNCHECKED, attributes },
    claim: { claim: "null", name },
  });
}

/** Every operation that takes a name, in the root, whose folder is the saved filehandle too. */
function namers(
  client: StateClient,
): Record<string, (name: Component) => Request[]> {
  const type = FileType.DIR;
  return {
    CREATE: (name) => [op.create({ type, name })],
    "LINK of a file": (name) => [
      ...walk(["file"]),
      op.savefh(),
      op.putrootfh(),
      op.link(name),
    ],
    LOOKUP: (name) => [op.lookup(name)],
    OPEN: (name) => [openOf(client, name)],
    "OPEN that creates": (name) => [openOf(client, name, { mode: 0o644 })],
    REMOVE: (name) => [op.remove(name)],
    "RENAME of it": (name) => [op.savefh(), op.rename(name, "new")],
    "RENAME to it": (name) => [op.savefh(), op.rename("file", name)],
    SECINFO: (name) => [op.secinfo(name)],
  };
}

/** Attributes that can't be set, and why (RFC 8881 5.5, 5.9, 15.1.15, RFC 7530 5.9, 13.1.11). */
const badAttributes: [Attributes | RawAttributes, string][] = [
  // acl, which is not supported; hidden, neither.
  [{ acl: [] }, "ATTRNOTSUPP"],
  [{ mask: [25], values: new Uint8Array(4) }, "ATTRNOTSUPP"],
  [{ fileid: 9n }, "INVAL"],
  [{ owner: "nobody@example.org" }, "BADOWNER"],
  [{ owner_group: "wheel" }, "BADOWNER"],
];

for (const minor of [0, 1] as const) {
  const test = (name: string, body: (client: StateClient) => Promise<void>) =>
    Deno.test(`NFSv4.${minor}: ${name}`, async () => {
      await body(await new StateFixture().client(minor));
    });

  test("a name that is none is refused alike by all that take one", async (client) => {
    for (const [what, requests] of Object.entries(namers(client))) {
      for (const [name, status] of badNames) {
        const answer = await client.status(op.putrootfh(), ...requests(name));
        assertEquals(answer, status, `${what} ${name}`);
      }
    }
    const { entries } = await client.ok(
      "READDIR",
      op.putrootfh(),
      op.readdir(),
    );
    assertEquals(entries.map(({ name }) => name), ["file"]);
  });

  test("attributes that can't be set are refused alike by SETATTR, CREATE and OPEN", async (client) => {
    const type = FileType.DIR;
    for (const [attributes, status] of badAttributes) {
      const requests = [
        [...walk(["file"]), op.setattr(attributes)],
        [op.putrootfh(), op.create({ type, name: "new", attributes })],
        [op.putrootfh(), openOf(client, "new", attributes)],
      ];
      for (const [i, request] of requests.entries()) {
        const answer = await client.status(...request);
        assertEquals(answer, status, `${i} ${Object.keys(attributes)}`);
      }
    }
  });

  test("VERIFY and NVERIFY of what is not supported are ATTRNOTSUPP, of what can't be compared INVAL (RFC 8881 18.31.4, RFC 7530 16.35.5)", async (client) => {
    for (const make of [op.verify, op.nverify]) {
      const status = (attributes: Attributes) =>
        client.status(...walk(["file"]), make(attributes));
      assertEquals(await status({ acl: [] }), "ATTRNOTSUPP");
      assertEquals(await status({ rdattr_error: 0 }), "INVAL");
      assertEquals(await status({ time_modify_set: "server" }), "INVAL");
    }
    const at = walk(["file"]);
    assertEquals(
      await client.status(...at, op.verify({ size: 1n })),
      "NOT_SAME",
    );
    assertEquals(await client.status(...at, op.nverify({ size: 7n })), "SAME");
  });
}
