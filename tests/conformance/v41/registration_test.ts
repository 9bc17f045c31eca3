/** EXCHANGE_ID as one client after the other, and one principal after the other, meets it. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Status } from "../../../src/nfs4/constants.ts";
import {
  type Credential,
  ExchangeFlag,
  op,
  rawRequest,
  type SessionClient,
} from "../../support/client/mod.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";
import { Fixture, restarted, root, stranger } from "./fixture.ts";

const USES = ExchangeFlag.USE_NON_PNFS | ExchangeFlag.USE_PNFS_MDS |
  ExchangeFlag.USE_PNFS_DS;
const UPDATE = ExchangeFlag.UPD_CONFIRMED_REC_A;

/** EXCHANGE_ID of the same owner again; the answer is not the client's own. */
async function exchangeAgain(
  client: SessionClient,
  options: {
    readonly credential: Credential;
    readonly verifier?: Uint8Array | undefined;
    readonly flags?: number;
  },
): Promise<{ readonly status: number; readonly clientid?: bigint }> {
  const { owner } = client;
  const { verifier = client.verifier, flags, credential } = options;
  const reply = await client.compound(
    [op.exchangeId({ owner, verifier, flags })],
    { credential, expect: "any" },
  );
  if (!reply.has("EXCHANGE_ID")) return { status: reply.status };
  return { status: reply.status, ...reply.get("EXCHANGE_ID") };
}

const comers = [
  { who: root, verifier: undefined, name: "by the client itself" },
  { who: root, verifier: restarted, name: "by the client restarted" },
  { who: stranger, verifier: undefined, name: "by another principal" },
  {
    who: stranger,
    verifier: restarted,
    name: "by another principal with another verifier",
  },
] as const;

for (const { who, verifier, name } of comers) {
  Deno.test(`EXCHANGE_ID of an unconfirmed owner ${name} makes a new client (RFC 8881 18.35.4, case 4)`, async () => {
    await using fixture = await Fixture.open();
    const client = await fixture.client();
    await client.exchangeId();
    const again = await exchangeAgain(client, { credential: who, verifier });
    assertEquals(again.status, Status.OK);
    assertNotEquals(again.clientid, client.clientid);
    // The record that was replaced can't be confirmed any more.
    const late = op.createSession(client.sessionArguments());
    await client.compound([late], { expect: Status.STALE_CLIENTID });
  });

  Deno.test(`EXCHANGE_ID that updates an unconfirmed owner ${name} is NOENT (RFC 8881 18.35.4, case 7)`, async () => {
    await using fixture = await Fixture.open();
    const client = await fixture.client();
    await client.exchangeId();
    const again = await exchangeAgain(client, {
      credential: who,
      verifier,
      flags: UPDATE,
    });
    assertEquals(again.status, Status.NOENT);
  });
}

Deno.test("EXCHANGE_ID that updates a confirmed owner is for the same verifier and principal (RFC 8881 18.35.4, cases 6, 8, 9)", async () => {
  await using fixture = await Fixture.open();
  const session = await fixture.session();
  const { client } = session;
  const outcomes = [];
  for (const { who: credential, verifier } of comers) {
    const options = { credential, verifier, flags: UPDATE };
    outcomes.push((await exchangeAgain(client, options)).status);
  }
  assertEquals(outcomes, [
    Status.OK,
    Status.NOT_SAME,
    Status.PERM,
    Status.NOT_SAME,
  ]);
  await session.compound([]);
});

Deno.test("EXCHANGE_ID of a confirmed owner by the client itself gives the same id (RFC 8881 18.35.4, case 2)", async () => {
  await using fixture = await Fixture.open();
  const { client } = await fixture.session();
  const again = await exchangeAgain(client, { credential: root });
  assertEquals(again.clientid, client.clientid);
});

Deno.test("EXCHANGE_ID of a restarted client costs the old sessions when it is confirmed, not before (RFC 8881 18.35.4, case 5)", async () => {
  await using fixture = await Fixture.open();
  const before = await fixture.session();
  const { owner } = before.client;
  const after = await fixture.client({ owner, verifier: restarted });
  await after.exchangeId();
  assertNotEquals(after.clientid, before.client.clientid);
  await before.compound([]);
  await after.createSession();
  await before.expectStatus(Status.BADSESSION, []);
});

for (const verifier of [undefined, restarted]) {
  const how = verifier ? "another verifier" : "the same verifier";
  Deno.test(`EXCHANGE_ID by another principal with ${how} takes the name of a client without sessions (RFC 8881 18.35.4, case 3)`, async () => {
    await using fixture = await Fixture.open();
    const session = await fixture.session({ reclaimComplete: false });
    const { client } = session;
    await session.destroy();
    const again = await exchangeAgain(client, {
      credential: stranger,
      verifier,
    });
    assertEquals(again.status, Status.OK);
    assertNotEquals(again.clientid, client.clientid);
    await session.expectStatus(Status.BADSESSION, []);
    const late = op.createSession(client.sessionArguments());
    await client.compound([late], { expect: Status.STALE_CLIENTID });
  });
}

Deno.test("EXCHANGE_ID says what the server is used for, whatever is asked, in a session too (RFC 8881 18.35.3)", async () => {
  await using fixture = await Fixture.open();
  const client = await fixture.client();
  const asked = [
    0,
    ExchangeFlag.USE_NON_PNFS,
    ExchangeFlag.USE_PNFS_DS,
    ExchangeFlag.USE_PNFS_MDS | ExchangeFlag.USE_PNFS_DS,
  ];
  for (const flags of asked) {
    const { flags: answered } = await client.exchangeId({ flags });
    assertNotEquals(answered & USES, 0, `for ${flags}`);
  }
  const session = await fixture.session();
  const reply = await session.compound([
    op.exchangeId({ owner: client.owner, verifier: client.verifier }),
  ]);
  assertNotEquals(reply.get("EXCHANGE_ID").flags & USES, 0);
});

Deno.test("EXCHANGE_ID takes one description of the client or none (RFC 8881 18.35.1)", async () => {
  await using fixture = await Fixture.open();
  const client = await fixture.client();
  const implementation = {
    domain: "example.org",
    name: "strict client",
    date: { seconds: 0n, nanoseconds: 0 },
  };
  await client.exchangeId();
  await client.exchangeId({ implementation });
  // eia_client_impl_id<1> with two elements.
  const args = new XdrWriter();
  const { owner, verifier } = client;
  const exchange = op.exchangeId({ owner, verifier, implementation });
  exchange.encode(args);
  const one = args.slice();
  const length = one.length - 4 - implementationLength(implementation);
  const two = new Uint8Array([
    ...one.subarray(0, length),
    0,
    0,
    0,
    2,
    ...one.subarray(length + 4),
    ...one.subarray(length + 4),
  ]);
  await client.compound([rawRequest(exchange.number, two)], {
    expect: Status.BADXDR,
  });
});

function implementationLength(
  id: { readonly domain: string; readonly name: string },
): number {
  const padded = (text: string) => 4 + Math.ceil(text.length / 4) * 4;
  return padded(id.domain) + padded(id.name) + 12;
}

Deno.test("EXCHANGE_ID with undefined or server's flags is INVAL, in company NOT_ONLY_OP (RFC 8881 18.35.3)", async () => {
  await using fixture = await Fixture.open();
  const client = await fixture.client();
  const { owner, verifier } = client;
  const server = ExchangeFlag.CONFIRMED_R | ExchangeFlag.USE_NON_PNFS;
  for (const flags of [4, server >>> 0]) {
    await client.compound([op.exchangeId({ owner, verifier, flags })], {
      expect: Status.INVAL,
    });
  }
  await client.compound(
    [op.exchangeId({ owner, verifier }), op.putrootfh()],
    { expect: Status.NOT_ONLY_OP },
  );
});

Deno.test("a COMPOUND of nothing, its tag, unknown minor versions and operations (RFC 8881 16.2.3)", async () => {
  await using fixture = await Fixture.open();
  const client = await fixture.client();
  await client.compound([], { tag: "an empty one" });
  for (const ops of [[op.putrootfh()], [op.raw(10044)]]) {
    const reply = await client.compound(ops, {
      minorVersion: 50,
      expect: Status.MINOR_VERS_MISMATCH,
    });
    assertEquals(reply.results, []);
  }
  for (const number of [0, 1, 2, 72, 10044]) {
    const reply = await client.compound([op.raw(number)], {
      expect: Status.OP_ILLEGAL,
    });
    assertEquals(reply.last?.name, "ILLEGAL");
  }
  const bad = new Uint8Array([0xc0, 0xaf]);
  await client.compound([], { tag: bad, expect: Status.INVAL });
  assert(client.connection.isOpen);
});
