import { assertEquals, assertNotEquals } from "@std/assert";
import { renew } from "../../../src/engine/ops/renew.ts";
import { setclientid } from "../../../src/engine/ops/setclientid.ts";
import { setclientidConfirm } from "../../../src/engine/ops/setclientid_confirm.ts";
import { Status } from "../../../src/nfs4/constants.ts";
import { bytes, LEASE } from "../../state/fixture.ts";
import {
  exchange,
  type Outcome,
  type Peer,
  SessionServer,
  verifier,
} from "./session_peer.ts";

interface Registered extends Outcome {
  readonly id: bigint;
  readonly confirm: Uint8Array;
}

function set(
  peer: Peer,
  options: {
    owner?: string;
    verifier?: number;
    uid?: number;
    ident?: number;
    address?: string;
  } = {},
): Registered {
  const outcome = peer.call(setclientid, (xdr) => {
    xdr.opaqueFixed(verifier(options.verifier ?? 1));
    xdr.opaque(bytes(options.owner ?? "x"));
    xdr.uint32(0x4000_0000);
    xdr.string("tcp");
    xdr.string(options.address ?? "127.0.0.1.8.1");
    xdr.uint32(options.ident ?? 1);
  }, { minorVersion: 0, uid: options.uid });
  if (outcome.status !== Status.OK) {
    return { ...outcome, id: 0n, confirm: new Uint8Array(0) };
  }
  const { result } = outcome;
  const id = result.uint64();
  return { ...outcome, id, confirm: result.opaqueFixed(8) };
}

function confirm(
  peer: Peer,
  { id, confirm }: Pick<Registered, "id" | "confirm">,
  uid?: number,
) {
  return peer.call(setclientidConfirm, (xdr) => {
    xdr.uint64(id);
    xdr.opaqueFixed(confirm);
  }, { minorVersion: 0, uid }).status;
}

function renewLease(peer: Peer, id: bigint, uid?: number) {
  const options = { minorVersion: 0, uid } as const;
  return peer.call(renew, (xdr) => xdr.uint64(id), options).status;
}

function start() {
  const server = new SessionServer();
  return { server, peer: server.connect() };
}

/** A confirmed client that holds something. */
function holder() {
  const { server, peer } = start();
  const client = set(peer);
  assertEquals(confirm(peer, client), Status.OK);
  const record = server.state.clients.find(client.id, 0)!;
  record.states.opens = 1;
  return { server, peer, client, record };
}

Deno.test("SETCLIENTID of a new client is confirmed by its verifier only (RFC 7530 16.34.5)", () => {
  const { server, peer } = start();
  const client = set(peer, { ident: 5 });
  const wrong = { id: client.id, confirm: verifier(9) };
  assertEquals(confirm(peer, wrong), Status.STALE_CLIENTID);
  assertEquals(renewLease(peer, client.id), Status.STALE_CLIENTID);
  assertEquals(confirm(peer, client), Status.OK);
  assertEquals(renewLease(peer, client.id), Status.OK);
  const record = server.state.clients.find(client.id, 0);
  assertEquals(record?.registration?.callback, {
    program: 0x4000_0000,
    netid: "tcp",
    address: "127.0.0.1.8.1",
    ident: 5,
    peer: "192.0.2.1",
    local: { hostname: "127.0.0.1", port: 2049 },
  });
});

Deno.test("SETCLIENTID_CONFIRM of an unknown client id is STALE_CLIENTID (RFC 7530 16.34.5)", () => {
  const { peer } = start();
  const unknown = { id: 4711n, confirm: verifier(1) };
  assertEquals(confirm(peer, unknown), Status.STALE_CLIENTID);
});

Deno.test("SETCLIENTID, unconfirmed, is replaced by the next one (RFC 7530 16.33.5, last bullet)", () => {
  const { server, peer } = start();
  const first = set(peer);
  const second = set(peer);
  assertNotEquals(second.id, first.id);
  assertNotEquals(second.confirm, first.confirm);
  assertEquals(confirm(peer, first), Status.STALE_CLIENTID);
  assertEquals(confirm(peer, second), Status.OK);
  assertEquals(server.state.clients.size, 1);
});

Deno.test("SETCLIENTID with the confirmed verifier updates the callback and keeps id and state (RFC 7530 16.33.5, second bullet)", () => {
  const { peer, client, record } = holder();
  const update = set(peer, { ident: 2 });
  assertEquals(update.id, client.id);
  assertNotEquals(update.confirm, client.confirm);
  assertEquals(record.registration?.callback.ident, 1);
  assertEquals(confirm(peer, update), Status.OK);
  assertEquals(record.registration?.callback.ident, 2);
  assertEquals(record.states.opens, 1);
  // The former confirmation is nobody's any more.
  assertEquals(confirm(peer, client), Status.STALE_CLIENTID);
});

Deno.test("SETCLIENTID's second update replaces the first (RFC 7530 16.33.5, second bullet)", () => {
  const { peer, record } = holder();
  const first = set(peer, { ident: 2 });
  const second = set(peer, { ident: 3 });
  assertEquals(confirm(peer, first), Status.STALE_CLIENTID);
  assertEquals(confirm(peer, second), Status.OK);
  assertEquals(record.registration?.callback.ident, 3);
});

Deno.test("SETCLIENTID_CONFIRM sent again changes nothing (RFC 7530 16.34.5, second bullet)", () => {
  const { peer, client, record } = holder();
  assertEquals(confirm(peer, client), Status.OK);
  const update = set(peer, { ident: 2 });
  assertEquals(confirm(peer, client), Status.OK);
  assertEquals(record.registration?.callback.ident, 1);
  assertEquals(confirm(peer, update), Status.OK);
  assertEquals(confirm(peer, update), Status.OK);
  assertEquals(record.states.opens, 1);
});

Deno.test("SETCLIENTID of a restarted client costs the old state at its confirmation, not before (RFC 7530 16.33.5, third bullet)", () => {
  const { server, peer, client, record } = holder();
  const restarted = set(peer, { verifier: 2 });
  assertNotEquals(restarted.id, client.id);
  assertEquals(record.isGone, false);
  assertEquals(renewLease(peer, client.id), Status.OK);
  assertEquals(confirm(peer, restarted), Status.OK);
  assertEquals(record.isGone, true);
  assertEquals(renewLease(peer, client.id), Status.STALE_CLIENTID);
  assertEquals(server.state.clients.size, 1);
});

Deno.test("SETCLIENTID of a restarted client replaces what it did not confirm (RFC 7530 16.33.5, fourth bullet)", () => {
  const { server, peer, client } = holder();
  const second = set(peer, { verifier: 2 });
  const third = set(peer, { verifier: 3 });
  assertEquals(new Set([client.id, second.id, third.id]).size, 3);
  assertEquals(confirm(peer, second), Status.STALE_CLIENTID);
  assertEquals(confirm(peer, third), Status.OK);
  assertEquals(server.state.clients.size, 1);
});

Deno.test("SETCLIENTID of a restarted client forgets an update, and an update forgets the restart (RFC 7530 16.33.5)", () => {
  const { peer } = holder();
  const update = set(peer, { ident: 2 });
  const restarted = set(peer, { verifier: 2 });
  assertEquals(confirm(peer, update), Status.STALE_CLIENTID);
  const again = set(peer, { ident: 3 });
  assertEquals(confirm(peer, restarted), Status.STALE_CLIENTID);
  assertEquals(confirm(peer, again), Status.OK);
});

Deno.test("SETCLIENTID by another principal is CLID_INUSE while there is state (RFC 7530 16.33.5)", () => {
  const { peer, client, record } = holder();
  const stranger = set(peer, { uid: 1000, verifier: 2 });
  assertEquals(stranger.status, Status.CLID_INUSE);
  // clientaddr4: two empty strings.
  assertEquals(stranger.result.bytes, new Uint8Array(8));
  assertEquals(set(peer, { uid: 1000 }).status, Status.CLID_INUSE);
  assertEquals([record.isGone, record.id], [false, client.id]);
});

Deno.test("SETCLIENTID by another principal is allowed without state or without a lease (RFC 7530 9.1.2)", () => {
  const { server, peer, record } = holder();
  record.states.opens = 0;
  const other = set(peer, { uid: 1000 });
  assertEquals(other.status, Status.OK);
  // It has taken something since: its state counts.
  record.states.opens = 1;
  assertEquals(confirm(peer, other, 1000), Status.CLID_INUSE);
  server.clock.advance(LEASE + 1);
  const late = set(peer, { uid: 1000 });
  assertEquals(confirm(peer, late, 1000), Status.OK);
  assertEquals(record.isGone, true);
});

Deno.test("SETCLIENTID_CONFIRM by another principal is CLID_INUSE (RFC 7530 16.34.5)", () => {
  const { peer, client, record } = holder();
  assertEquals(confirm(peer, client, 1000), Status.CLID_INUSE);
  const update = set(peer, { ident: 2 });
  assertEquals(confirm(peer, update, 1000), Status.CLID_INUSE);
  assertEquals(record.registration?.callback.ident, 1);
  const restarted = set(peer, { verifier: 2 });
  assertEquals(confirm(peer, restarted, 1000), Status.CLID_INUSE);
  assertEquals(confirm(peer, restarted), Status.OK);
});

Deno.test("SETCLIENTID waits no longer than a lease for its confirmation (RFC 7530 16.34.5)", () => {
  const { server, peer } = start();
  const client = set(peer);
  server.clock.advance(LEASE + 1);
  assertEquals(confirm(peer, client), Status.STALE_CLIENTID);
});

Deno.test("SETCLIENTID of a full server is RESOURCE", () => {
  const server = new SessionServer({ maxClients: 1 });
  const peer = server.connect();
  confirm(peer, set(peer));
  for (const client of server.state.clients) server.hold(client);
  assertEquals(set(peer, { owner: "y" }).status, Status.RESOURCE);
});

Deno.test("SETCLIENTID and EXCHANGE_ID of one name are two clients (RFC 8881 2.4.1)", () => {
  const { server, peer } = start();
  const old = set(peer, { owner: "same" });
  confirm(peer, old);
  const fresh = exchange(peer, { owner: "same" });
  assertEquals(server.state.clients.size, 2);
  assertEquals(renewLease(peer, old.id), Status.OK);
  assertEquals(renewLease(peer, fresh.id), Status.STALE_CLIENTID);
});

Deno.test("RENEW keeps the lease, one that ran out too while nobody minds (RFC 7530 9.5)", () => {
  const { server, peer, client, record } = holder();
  server.clock.advance(2 * LEASE);
  assertEquals(renewLease(peer, client.id), Status.OK);
  assertEquals(server.state.expireIfLapsed(record), false);
});

Deno.test("RENEW after the state was lost is EXPIRED (RFC 7530 13.1.5.1)", () => {
  const { server, peer, client, record } = holder();
  server.clock.advance(LEASE + 1);
  assertEquals(server.state.expireIfLapsed(record), true);
  assertEquals(renewLease(peer, client.id), Status.EXPIRED);
  assertEquals(confirm(peer, client), Status.STALE_CLIENTID);
});

Deno.test("RENEW of an id that was never given out is STALE_CLIENTID (RFC 7530 16.28)", () => {
  const { peer } = start();
  assertEquals(renewLease(peer, 4711n), Status.STALE_CLIENTID);
});

Deno.test("RENEW says CB_PATH_DOWN to a client with delegations, and renews (RFC 7530 16.28.5)", () => {
  const { server, peer, client, record } = holder();
  record.isCallbackPathDown = true;
  assertEquals(renewLease(peer, client.id), Status.OK);
  record.states.delegated.read = 1;
  server.clock.advance(1_000);
  assertEquals(renewLease(peer, client.id), Status.CB_PATH_DOWN);
  assertEquals(record.renewedAt, server.clock.now());
  // Another callback is another path.
  assertEquals(confirm(peer, set(peer, { ident: 2 })), Status.OK);
  assertEquals(renewLease(peer, client.id), Status.OK);
});

Deno.test("RENEW by a principal without an open file is ACCESS (RFC 7530 16.28.5)", () => {
  const { peer, client } = holder();
  assertEquals(renewLease(peer, client.id, 1000), Status.ACCESS);
  assertEquals(renewLease(peer, client.id, 0), Status.OK);
});

Deno.test("SETCLIENTID keeps no address that is longer than any", () => {
  const server = new SessionServer();
  const longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.255.255";
  for (const [address, kept] of [[longest, longest], ["€".repeat(300), ""]]) {
    const { id } = set(server.connect(), { address: address!, owner: kept! });
    const { registration } = server.state.clients.find(id, 0)!;
    assertEquals(registration?.callback.address, kept);
  }
});
