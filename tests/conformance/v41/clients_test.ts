import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import { XdrWriter } from "../../../src/xdr/writer.ts";
import {
  bytesOf,
  type Credential,
  ExchangeFlag,
  op,
  type OpenedFile,
  type OpenFileOptions,
  rawRequest,
  type Session,
  type SessionClient,
} from "../../support/client/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  created,
  Fixture,
  NOT_WANTED,
  restarted,
  root,
  statusOfOpen,
  stranger,
} from "./fixture.ts";

// EXCHANGE_ID as one client after the other, and one principal after the other, meets it.

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

// A lease that runs out is a courtesy until somebody minds (RFC 8881 8.4.3).

const ACCESS_READ = Share.ACCESS_READ | NOT_WANTED;
const ACCESS_WRITE = Share.ACCESS_WRITE | NOT_WANTED;
const ACCESS_BOTH = Share.ACCESS_BOTH | NOT_WANTED;
const DENY_READ = 1;
const DENY_WRITE = 2;
const LEASE_SECONDS = 10;

/** A write lock over the whole file. */
function lock(session: Session, file: OpenedFile) {
  const owner = { clientid: 0n, owner: bytesOf("lock") };
  return session.compound([
    op.putfh(file.filehandle),
    op.lock({ locker: { openStateid: file.stateid, owner } }),
  ]);
}

/** Lets the leases of all clients run out. */
function lapse(clock: FakeClock): void {
  clock.advance(LEASE_SECONDS * 1000 + 50);
}

/** What is held, what somebody then wants of the same file. */
const conflicts: Record<string, readonly [OpenFileOptions, OpenFileOptions]> = {
  "an open for writing gives way to one that denies it": [
    { access: ACCESS_WRITE },
    { access: ACCESS_READ, deny: DENY_WRITE },
  ],
  "an open that denies writing gives way to one for it": [
    { access: ACCESS_BOTH, deny: DENY_WRITE },
    { access: ACCESS_WRITE },
  ],
  "an open that denies reading gives way to one for it": [
    { access: ACCESS_WRITE, deny: DENY_READ },
    { access: ACCESS_READ },
  ],
};

Deno.test("state whose lease ran out gives way to whoever is in conflict, and stays for its owner otherwise (RFC 8881 8.4.3)", async (t) => {
  const clock = new FakeClock();
  const leaseSeconds = LEASE_SECONDS;
  await using fixture = await Fixture.open({ clock, leaseSeconds });
  const holders: Session[] = [];
  for (const [name, [held, wanted]] of Object.entries(conflicts)) {
    const holder = await fixture.session();
    await holder.open([name], { ...held, create: created });
    // The same twice: two clients that lapse, both in the way.
    const second = await fixture.session();
    if (held.deny !== DENY_WRITE) await second.open([name], held);
    const other = await fixture.session();
    const denied = await statusOfOpen(other, [name], wanted);
    assertEquals(denied, Status.SHARE_DENIED, name);
    holders.push(holder);
  }
  const locker = await fixture.session();
  const access = ACCESS_BOTH;
  const locked = await locker.open(["locked"], { access, create: created });
  await lock(locker, locked);
  const quiet = await fixture.session();
  const kept = await quiet.open(["kept"], { access, create: created });
  const { stateid } = (await lock(quiet, kept)).get("LOCK");

  lapse(clock);

  for (const [name, [, wanted]] of Object.entries(conflicts)) {
    await t.step(name, async () => {
      const other = await fixture.session();
      assertEquals(await statusOfOpen(other, [name], wanted), Status.OK);
    });
  }
  await t.step("a lock gives way to another", async () => {
    const other = await fixture.session();
    const access = ACCESS_WRITE;
    await lock(other, await other.open(["locked"], { access }));
    await locker.expectStatus(Status.BADSESSION, []);
  });
  await t.step("nobody minds: the lock is still there", async () => {
    await quiet.compound([
      op.putfh(kept.filehandle),
      op.locku({ stateid }),
      op.close(kept.stateid),
    ]);
  });
  for (const holder of holders) {
    await holder.expectStatus(Status.BADSESSION, []);
  }
});

Deno.test("a client ID that nobody confirms for a lease is gone (RFC 8881 18.35.4)", async () => {
  const clock = new FakeClock();
  const leaseSeconds = LEASE_SECONDS;
  await using fixture = await Fixture.open({ clock, leaseSeconds });
  const [quick, slow] = [await fixture.client(), await fixture.client()];
  await quick.exchangeId();
  await slow.exchangeId();
  await quick.createSession();
  lapse(clock);
  const late = op.createSession(slow.sessionArguments());
  await slow.compound([late], { expect: Status.STALE_CLIENTID });
});
