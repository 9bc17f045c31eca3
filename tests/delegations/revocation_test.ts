import { FakeClock } from "../support/fake_clock.ts";
import { assert, assertEquals } from "@std/assert";
import { ofLease, retryPolicyOf } from "../../src/backchannel/retry_policy.ts";
import { revocableAt } from "../../src/delegations/revocation.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import { Client } from "../../src/state/client.ts";
import type { Delegation } from "../../src/state/delegations.ts";
import { op } from "../support/client/mod.ts";
import { StateFixture } from "../engine/state_fixture.ts";

function client(protocol: 0 | 1): Client {
  return new Client({
    id: 1n,
    protocol,
    owner: Uint8Array.of(1),
    verifier: new Uint8Array(8),
    principal: "sys:0",
    party: "",
    account: new StateBudget().account(""),
    renewedAt: 0,
  });
}

/** When what was asked back at 1,000 may be taken away, with a lease of 300. */
function revocable(client: Client, isDelivered: boolean): number {
  const delegation = { client } as Delegation;
  const since = 1_000;
  return revocableAt({ delegation, since, wantedAt: since, isDelivered }, 300);
}

Deno.test("a delegation is revoked a lease after the conflict (RFC 8881 10.4.5)", () => {
  for (const protocol of [0, 1] as const) {
    for (const delivered of [true, false]) {
      assertEquals(revocable(client(protocol), delivered), 1_300);
    }
  }
});

Deno.test("a delegation that is recalled and in no client's way is not revoked", () => {
  const delegation = { client: client(1) } as Delegation;
  const recall = { delegation, since: 1_000, isDelivered: true };
  assertEquals(revocableAt({ ...recall, wantedAt: undefined }, 300), Infinity);
  // Its client has had its time from the recall on, whenever another came to want it.
  assertEquals(revocableAt({ ...recall, wantedAt: 2_000 }, 300), 1_300);
});

Deno.test("4.0: a recall that did not arrive counts from the last RENEW that did not say so (RFC 7530 10.4.6)", () => {
  const unaware = client(0);
  unaware.renewedUnawareAt = 1_200;
  assertEquals(revocable(unaware, false), 1_500);
  // Who has the recall knows.
  assertEquals(revocable(unaware, true), 1_300);
  // And who is in the way has waited enough some time.
  unaware.renewedUnawareAt = 1_590;
  assertEquals(revocable(unaware, false), 1_600);
});

Deno.test("4.0: who was told CB_PATH_DOWN has a third of a lease to return what it holds (RFC 7530 10.4.6)", () => {
  const told = client(0);
  told.toldPathDownAt = 1_290;
  assertEquals(revocable(told, false), 1_390);
  told.toldPathDownAt = 1_050;
  assertEquals(revocable(told, false), 1_300);
  told.noteCallbackPath(true);
  assertEquals(told.toldPathDownAt, undefined);
});

Deno.test("RENEW notes what it said of the callback path (RFC 7530 10.4.6)", async () => {
  const fixture = new StateFixture();
  const asks = await fixture.client(0);
  const { state } = fixture.services;
  const record = state.clients.find(asks.clientid, 0)!;
  const renew = () => asks.status(op.renew(asks.clientid));
  assertEquals(await renew(), "OK");
  assertEquals(record.renewedUnawareAt, fixture.clock.now());
  record.states.delegations = 1;
  record.noteCallbackPath(false);
  const since = fixture.clock.now() + 5;
  fixture.clock.advance(5);
  assertEquals(await renew(), "CB_PATH_DOWN");
  fixture.clock.advance(5);
  assertEquals(await renew(), "CB_PATH_DOWN");
  assertEquals(record.toldPathDownAt, since);
});

Deno.test("with every lease a dead path is found out in time to be told of", () => {
  for (let leaseMs = 1_000; leaseMs <= 200_000; leaseMs += 1_000) {
    const { replyTimeout, attempts, backoff } = retryPolicyOf({
      clock: new FakeClock(),
      leaseMs,
    });
    // RENEW comes every two thirds of a lease: one of them has to know.
    assert(replyTimeout <= leaseMs / 3, `${leaseMs}`);
    // A session is at fault after all attempts, each over two connections.
    const waits = backoff.slice(0, attempts - 1).reduce((a, b) => a + b);
    if (leaseMs < 3_000) continue;
    assert(2 * attempts * replyTimeout + waits < leaseMs, `${leaseMs}`);
  }
});

Deno.test("times of a lease of 90 s and more are whole, those of a shorter one in proportion", () => {
  assertEquals([45_000, 90_000, 900_000].map((ms) => ofLease(10_000, ms)), [
    5_000,
    10_000,
    10_000,
  ]);
  const given = retryPolicyOf({
    clock: new FakeClock(),
    leaseMs: 9_000,
    replyTimeout: 7,
    backoff: [1],
  });
  assertEquals([given.replyTimeout, given.backoff], [7, [1]]);
});
