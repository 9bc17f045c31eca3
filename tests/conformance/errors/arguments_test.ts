import { assertEquals } from "@std/assert";
import { OPERATIONS } from "../../../src/engine/op_table.ts";
import { Op } from "../../../src/nfs4/constants.ts";
import { errorLists, operationsWith } from "../../docs/error_lists.ts";
import { StateClient, StateFixture } from "../../engine/state_fixture.ts";
import { samples } from "../../robustness/samples.ts";
import {
  argumentBytes,
  type Attributes,
  type Component,
  CreateMode,
  FileType,
  op,
  type RawAttributes,
  type ReaddirOptions,
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
  // hidden, which is not supported.
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
      assertEquals(await status({ hidden: true }), "ATTRNOTSUPP");
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

const VERSIONS = ["4.0", "4.1"] as const;
const minorOf = { "4.0": 0, "4.1": 1 } as const;

/** A request of this operation that decodes. */
function sampleOf(name: string): Request {
  return samples.find((sample) => sample.name === name)!;
}

/** The same without its last word. */
function cut(request: Request): Request {
  const bytes = argumentBytes(request);
  return { ...request, encode: (xdr) => xdr.raw(bytes.subarray(0, -4)) };
}

for (const version of VERSIONS) {
  const minor = minorOf[version];

  Deno.test(`arguments that are cut short are BADXDR in every operation of NFSv${version} (RFC 8881 15.1.1.1, RFC 7530 13.1.1.1)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const name of operationsWith(version, "BADXDR")) {
      // RFC 8881 18.52.3: ILLEGAL has no arguments; SEQUENCE stands first, see below.
      if (name === "ILLEGAL" || name === "SEQUENCE") continue;
      const status = await client.status(op.putrootfh(), cut(sampleOf(name)));
      assertEquals(status, "BADXDR", name);
    }
  });

  Deno.test(`without a current filehandle they are NOFILEHANDLE in NFSv${version} (RFC 8881 15.1.2.5, RFC 7530 13.1.2.5)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const name of operationsWith(version, "NOFILEHANDLE")) {
      const lists = errorLists[version].get(name)!;
      const status = await client.status(sampleOf(name));
      // What is not supported has no use for a filehandle.
      if (status === "NOTSUPP") assertEquals(lists.includes("NOTSUPP"), true);
      // One for all file systems needs none (RFC 8881 18.51.3).
      else if (name === "RECLAIM_COMPLETE") {
        assertEquals(status, "COMPLETE_ALREADY");
      } else assertEquals(status, "NOFILEHANDLE", name);
    }
  });

  Deno.test(`what NFSv${version} has and this server doesn't is NOTSUPP (RFC 8881 15.1.1.5, RFC 7530 13.1.1.5)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const row of OPERATIONS) {
      if (row === undefined || row.since > minor) continue;
      if (row.versions.includes(minor)) continue;
      const status = await client.status(op.putrootfh(), sampleOf(row.name));
      assertEquals(status, "NOTSUPP", row.name);
    }
  });

  Deno.test(`READDIR of NFSv${version} wants room for an entry, and cookies as it gave them (RFC 8881 18.23.3, RFC 7530 16.24.4)`, async () => {
    const client = await new StateFixture().client(minor);
    const status = (options: ReaddirOptions) =>
      client.status(op.putrootfh(), op.readdir(options));
    assertEquals(await status({ maxcount: 8 }), "TOOSMALL");
    assertEquals(await status({ cookie: 1n }), "BAD_COOKIE");
    const verifier = new Uint8Array(8).fill(9);
    assertEquals(await status({ cookie: 9n, verifier }), "NOT_SAME");
    assertEquals(await status({ attributes: ["time_modify_set"] }), "INVAL");
  });

  Deno.test(`a number that is no operation of NFSv${version} is OP_ILLEGAL (RFC 8881 18.52, RFC 7530 16.38)`, async () => {
    const client = await new StateFixture().client(minor);
    for (const number of [0, 2, minor === 0 ? 40 : 59, 76, Op.ILLEGAL, -1]) {
      assertEquals(
        await client.status(op.raw(number >>> 0)),
        "OP_ILLEGAL",
        `${number}`,
      );
    }
  });
}

Deno.test("without SEQUENCE what belongs into a session is OP_NOT_IN_SESSION (RFC 8881 2.10.6.4)", async () => {
  const stranger = new StateClient(new StateFixture(), 1, 1);
  for (const name of operationsWith("4.1", "OP_NOT_IN_SESSION")) {
    const status = await stranger.status(sampleOf(name));
    assertEquals(status, "OP_NOT_IN_SESSION", name);
  }
});

Deno.test("SEQUENCE that is cut short is BADXDR, anywhere but first SEQUENCE_POS, of no session BADSESSION (RFC 8881 18.46.3)", async () => {
  const fixture = new StateFixture();
  const stranger = new StateClient(fixture, 1, 1);
  const sequence = sampleOf("SEQUENCE");
  assertEquals(await stranger.status(cut(sequence)), "BADXDR");
  assertEquals(await stranger.status(sequence), "BADSESSION");
  const client = await fixture.client(1);
  assertEquals(await client.status(sequence), "SEQUENCE_POS");
});

Deno.test("what may stand without SEQUENCE stands alone then, else NOT_ONLY_OP (RFC 8881 18.34.3 to 18.37.3, 18.50.3)", async () => {
  const stranger = new StateClient(new StateFixture(), 1, 1);
  for (const name of operationsWith("4.1", "NOT_ONLY_OP")) {
    const status = await stranger.status(sampleOf(name), op.putrootfh());
    assertEquals(status, "NOT_ONLY_OP", name);
  }
});
