/** Who may have the name of a client that is another's. */

import { assertEquals } from "@std/assert";
import { isStatus, Status, type StatusCode } from "../../src/nfs4/constants.ts";
import type { Client } from "../../src/state/client.ts";
import { exchangeClientId } from "../../src/state/exchange_id.ts";
import { confirmClientId, setClientId } from "../../src/state/setclientid.ts";
import { bytes, LEASE, StateFixture } from "./fixture.ts";

const ROOT = { principal: "sys:0", party: "user 0" };
const USER = { principal: "sys:1000", party: "user 1000" };
const OTHER_USER = { principal: "sys:1001", party: "user 1001" };
const ELSEWHERE = { principal: "sys:1000", party: "192.0.2.1" };
/** Of whom the host says nothing. */
const ANYBODY = { principal: "sys:1000", party: "127" };
const BY_ROOT_ELSEWHERE = { principal: "sys:0", party: "192.0.2.2" };

type Who = typeof ROOT;

const VERSIONS = {
  /** EXCHANGE_ID, and CREATE_SESSION where it is to be confirmed. */
  "4.1": ({ state }: StateFixture, who: Who, isConfirmed: boolean) => {
    const verifier = bytes(who.party.padEnd(8).slice(0, 8));
    const request = { owner: bytes("name"), verifier, update: false, ...who };
    const client = exchangeClientId(state, request);
    if (isStatus(client)) return client;
    if (isConfirmed) state.confirmClient(client);
    return client;
  },
  /** SETCLIENTID, and SETCLIENTID_CONFIRM. */
  "4.0": ({ state }: StateFixture, who: Who, isConfirmed: boolean) => {
    const verifier = bytes(who.party.padEnd(8).slice(0, 8));
    const local = { hostname: "127.0.0.1", port: 2049 };
    const where = { netid: "tcp", address: "", peer: "127.0.0.1", local };
    const callback = { program: 1, ident: 1, ...where };
    const request = { owner: bytes("name"), verifier, callback, ...who };
    const id = setClientId(state, request);
    if (isStatus(id)) return id;
    if (isConfirmed) {
      const { principal } = who;
      const status = confirmClientId(state, { ...id, principal });
      if (status !== Status.OK) return status;
    }
    return state.clients.find(id.id, 0)!;
  },
} satisfies Record<
  string,
  (
    fixture: StateFixture,
    who: Who,
    isConfirmed: boolean,
  ) => Client | StatusCode
>;

for (const [version, come] of Object.entries(VERSIONS)) {
  const first = (fixture: StateFixture, who: Who) => {
    const client = come(fixture, who, true) as Client;
    fixture.hold(client);
    return client;
  };

  Deno.test(`${version}: root of this host has the name of a user's client, and then keeps it`, () => {
    const fixture = new StateFixture();
    const squatter = first(fixture, USER);
    const root = first(fixture, ROOT);
    assertEquals([squatter.isGone, root.isGone], [true, false]);
    for (const isConfirmed of [true, false]) {
      const status = come(fixture, USER, isConfirmed);
      assertEquals(status, Status.CLID_INUSE);
    }
  });

  Deno.test(`${version}: no user of this host replaces what root is about to confirm`, () => {
    const fixture = new StateFixture();
    come(fixture, USER, false);
    const root = come(fixture, ROOT, false) as Client;
    assertEquals(come(fixture, USER, false), Status.CLID_INUSE);
    assertEquals(root.isGone, false);
    // But not for ever.
    fixture.clock.advance(LEASE + 1);
    fixture.state.sweep(fixture.clock.now());
    assertEquals(isStatus(come(fixture, USER, false)), false);
  });

  for (
    const [what, holder, comer] of [
      ["another user's", USER, OTHER_USER],
      ["another host's, also for root", ELSEWHERE, ROOT],
      ["one of whom the host says nothing", ANYBODY, BY_ROOT_ELSEWHERE],
      ["a user's, for root of another host", USER, BY_ROOT_ELSEWHERE],
    ] as const
  ) {
    Deno.test(`${version}: a name that is ${what} is in use (RFC 8881 18.35.4, RFC 7530 16.33.5)`, () => {
      const fixture = new StateFixture();
      const client = first(fixture, holder);
      assertEquals(come(fixture, comer, true), Status.CLID_INUSE);
      assertEquals(client.isGone, false);
    });
  }
}
