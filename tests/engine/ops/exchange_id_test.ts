import { finish } from "../../../src/state/effects.ts";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { exchangeId } from "../../../src/engine/ops/exchange_id.ts";
import { Status } from "../../../src/nfs4/constants.ts";
import { ExchangeFlag } from "../../../src/nfs4/sessions.ts";
import { XdrError } from "../../../src/xdr/error.ts";
import type { XdrWriter } from "../../../src/xdr/writer.ts";
import { bytes, LEASE } from "../../state/fixture.ts";
import {
  create,
  establish,
  exchange,
  SessionServer,
  verifier,
} from "./session_peer.ts";
import { destroySession } from "../../../src/engine/ops/destroy_session.ts";

const { UPD_CONFIRMED_REC_A, CONFIRMED_R, USE_NON_PNFS } = ExchangeFlag;

function confirmedClient(server: SessionServer, uid = 0) {
  const peer = server.connect(uid);
  return { peer, ...establish(peer) };
}

Deno.test("EXCHANGE_ID case 1: a new owner gets an unconfirmed client id (RFC 8881 18.35.4)", () => {
  const peer = new SessionServer().connect();
  const a = exchange(peer);
  const b = exchange(peer, { owner: "other" });
  assertEquals([a.status, b.status], [Status.OK, Status.OK]);
  assertNotEquals(a.id, b.id);
  assertEquals(a.flags, USE_NON_PNFS);
  const { result } = a;
  assertEquals(result.uint32(), 0); // SP4_NONE
  assertEquals(result.uint64(), 0n);
  assertEquals(result.opaque(1024), bytes("major"));
  assertEquals(result.opaque(1024), bytes("scope"));
  assertEquals(result.uint32(), 0);
  assertEquals(result.remaining, 0);
});

Deno.test("EXCHANGE_ID case 2: the confirmed client again gets its id and CONFIRMED_R (RFC 8881 18.35.4)", () => {
  const { peer, id, sequence } = confirmedClient(new SessionServer());
  const again = exchange(peer);
  assertEquals(again.id, id);
  assertEquals(again.flags, (USE_NON_PNFS | CONFIRMED_R) >>> 0);
  assertEquals(create(peer, { id, sequence }).status, Status.OK);
});

Deno.test("EXCHANGE_ID case 3: another principal with state in the way gets CLID_INUSE (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  const { peer, id } = confirmedClient(server);
  const stranger = server.connect(1000);
  assertEquals(exchange(stranger).status, Status.CLID_INUSE);
  assertEquals(
    exchange(stranger, { verifier: 2 }).status,
    Status.CLID_INUSE,
  );
  assertEquals(exchange(peer).id, id);
});

Deno.test("EXCHANGE_ID case 3: another principal may have the name of a client that holds nothing (RFC 8881 2.4.3)", () => {
  const server = new SessionServer();
  const { peer, id, session, sequence } = confirmedClient(server);
  peer.call(destroySession, (xdr) => xdr.opaqueFixed(session));
  const other = exchange(server.connect(1000));
  assertEquals(other.status, Status.OK);
  assertNotEquals(other.id, id);
  assertEquals(create(peer, { id, sequence }).status, Status.STALE_CLIENTID);
});

Deno.test("EXCHANGE_ID case 3: an expired lease protects no state (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  confirmedClient(server);
  server.clock.advance(LEASE + 1);
  assertEquals(exchange(server.connect(1000)).status, Status.OK);
  assertEquals(server.state.sessions.size, 0);
});

Deno.test("EXCHANGE_ID case 4: an unconfirmed record is replaced, by whomever (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const first = exchange(peer);
  const second = exchange(peer);
  assertNotEquals(second.id, first.id);
  assertEquals(create(peer, first).status, Status.STALE_CLIENTID);
  const other = exchange(server.connect(1000));
  assertEquals(other.status, Status.OK);
  assertEquals(create(peer, second).status, Status.STALE_CLIENTID);
  assertEquals(server.state.clients.size, 1);
});

Deno.test("EXCHANGE_ID case 5: a restarted client's old state goes with its CREATE_SESSION, not before (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  const { peer, id, session } = confirmedClient(server);
  const restarted = exchange(peer, { verifier: 2 });
  assertNotEquals(restarted.id, id);
  assertEquals(restarted.flags, USE_NON_PNFS);
  assertEquals(server.state.sessions.find(session)?.client.id, id);
  assertEquals(create(peer, restarted).status, Status.OK);
  assertEquals(server.state.sessions.find(session), undefined);
  assertEquals(server.state.clients.find(id, 1), undefined);
  assertEquals(server.state.clients.size, 1);
});

Deno.test("EXCHANGE_ID case 5: the old incarnation, heard again, undoes the restart (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  const { peer, id } = confirmedClient(server);
  const restarted = exchange(peer, { verifier: 2 });
  assertEquals(exchange(peer).id, id);
  assertEquals(create(peer, restarted).status, Status.STALE_CLIENTID);
});

Deno.test("EXCHANGE_ID case 6: an update by the client leaves its record intact (RFC 8881 18.35.4)", () => {
  const { peer, id } = confirmedClient(new SessionServer());
  const updated = exchange(peer, { flags: UPD_CONFIRMED_REC_A });
  assertEquals([updated.status, updated.id], [Status.OK, id]);
  // RFC 8881 18.35.3: UPD_CONFIRMED_REC_A is always off in eir_flags.
  assertEquals(updated.flags, (USE_NON_PNFS | CONFIRMED_R) >>> 0);
});

Deno.test("EXCHANGE_ID case 7: an update without a confirmed record is NOENT (RFC 8881 18.35.4)", () => {
  const peer = new SessionServer().connect();
  const update = { flags: UPD_CONFIRMED_REC_A };
  assertEquals(exchange(peer, update).status, Status.NOENT);
  const unconfirmed = exchange(peer);
  assertEquals(exchange(peer, update).status, Status.NOENT);
  assertEquals(create(peer, unconfirmed).status, Status.OK);
});

Deno.test("EXCHANGE_ID case 8: an update with another verifier is NOT_SAME (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  const { peer, id } = confirmedClient(server);
  const update = { flags: UPD_CONFIRMED_REC_A, verifier: 2 };
  assertEquals(exchange(peer, update).status, Status.NOT_SAME);
  assertEquals(
    exchange(server.connect(1000), update).status,
    Status.NOT_SAME,
  );
  assertEquals(exchange(peer).id, id);
});

Deno.test("EXCHANGE_ID case 9: an update by another principal is PERM (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  const { peer, id } = confirmedClient(server);
  const update = { flags: UPD_CONFIRMED_REC_A };
  assertEquals(exchange(server.connect(1000), update).status, Status.PERM);
  assertEquals(exchange(server.connect(-1), update).status, Status.PERM);
  assertEquals(exchange(peer).id, id);
});

Deno.test("EXCHANGE_ID refuses undefined flags and CONFIRMED_R with INVAL (RFC 8881 18.35.3)", () => {
  const peer = new SessionServer().connect();
  for (const flags of [CONFIRMED_R, 0x8, 0x1000, 0x0008_0000, 0x2000_0000]) {
    assertEquals(exchange(peer, { flags }).status, Status.INVAL);
  }
  const defined = 0x4007_0103 & ~UPD_CONFIRMED_REC_A;
  assertEquals(exchange(peer, { flags: defined }).status, Status.OK);
});

Deno.test("EXCHANGE_ID knows SUPP_FENCE_OPS in NFSv4.2 only (RFC 7862 14.1)", () => {
  const peer = new SessionServer().connect();
  const flags = ExchangeFlag.SUPP_FENCE_OPS;
  assertEquals(exchange(peer, { flags }).status, Status.INVAL);
  assertEquals(exchange(peer, { flags, minorVersion: 2 }).status, Status.OK);
});

Deno.test("EXCHANGE_ID refuses SP4_MACH_CRED without RPCSEC_GSS (RFC 8881 18.35.3)", () => {
  const peer = new SessionServer().connect();
  const protection = (xdr: XdrWriter) => {
    xdr.uint32(1);
    writeOperations(xdr);
  };
  assertEquals(exchange(peer, { protection }).status, Status.INVAL);
});

Deno.test("EXCHANGE_ID refuses SP4_SSV: INVAL for empty parameters, else no algorithm (RFC 8881 18.35.3)", () => {
  const server = new SessionServer();
  const ask = (hashes: number, ciphers: number, window: number) =>
    exchange(server.connect(), {
      protection: (xdr) => {
        xdr.uint32(2);
        writeOperations(xdr);
        xdr.array(new Array(hashes).fill(bytes("oid")), writeOid);
        xdr.array(new Array(ciphers).fill(bytes("oid")), writeOid);
        xdr.uint32(window);
        xdr.uint32(1);
      },
    }).status;
  assertEquals(ask(0, 1, 1), Status.INVAL);
  assertEquals(ask(1, 0, 1), Status.INVAL);
  assertEquals(ask(1, 1, 0), Status.INVAL);
  assertEquals(ask(1, 1, 1), Status.ENCR_ALG_UNSUPP);
  assertEquals(server.state.clients.size, 0);
});

Deno.test("EXCHANGE_ID reads one implementation id and refuses two (RFC 8881 18.35.1)", () => {
  const peer = new SessionServer().connect();
  const send = (count: number) =>
    peer.call(exchangeId, (xdr) => {
      xdr.opaqueFixed(verifier(1));
      xdr.opaque(bytes("owner"));
      xdr.uint32(0);
      xdr.uint32(0);
      xdr.array(new Array(count).fill("kernel.org"), (out, domain) => {
        out.string(domain);
        out.string("Linux");
        out.uint64(0n);
        out.uint32(0);
      });
    });
  assertEquals(send(1).status, Status.OK);
  assertThrows(() => send(2), XdrError);
});

Deno.test("EXCHANGE_ID refuses an owner of more than 1024 bytes and an unknown protection (RFC 8881 18.35.1)", () => {
  const peer = new SessionServer().connect();
  const owner = "x".repeat(1024);
  assertEquals(exchange(peer, { owner }).status, Status.OK);
  assertThrows(() => exchange(peer, { owner: owner + "x" }), XdrError);
  const protection = (xdr: XdrWriter) => xdr.uint32(3);
  assertThrows(() => exchange(peer, { protection }), XdrError);
});

Deno.test("EXCHANGE_ID's record is gone when nobody confirms it for a lease (RFC 8881 18.35.4)", () => {
  const server = new SessionServer();
  const peer = server.connect();
  const client = exchange(peer);
  server.clock.advance(LEASE + 1);
  assertEquals(create(peer, client).status, Status.STALE_CLIENTID);
});

Deno.test("EXCHANGE_ID of a server full of clients with state and a lease is answered DELAY", () => {
  const server = new SessionServer({ maxClients: 2 });
  const peer = server.connect();
  establish(peer, { owner: "a" });
  establish(peer, { owner: "b" });
  for (const client of server.state.clients) server.hold(client);
  assertEquals(exchange(peer, { owner: "c" }).status, Status.DELAY);
  server.clock.advance(LEASE + 1);
  finish(server.state.clients.sweep(server.clock.now()));
  assertEquals(exchange(peer, { owner: "c" }).status, Status.OK);
  assertEquals(server.state.clients.size, 2);
});

function writeOperations(xdr: XdrWriter): void {
  xdr.array([0xffff_ffff, 1], (out, word) => out.uint32(word));
  xdr.array([], (out, word: number) => out.uint32(word));
}

function writeOid(xdr: XdrWriter, oid: Uint8Array): void {
  xdr.opaque(oid);
}
