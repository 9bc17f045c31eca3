import { assert, assertEquals } from "@std/assert";
import { ofLease, retryPolicyOf } from "../../src/backchannel/retry_policy.ts";
import { PROMPT_MS } from "../../src/delegations/late_returns.ts";
import { revocableAt } from "../../src/delegations/revocation.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { Client } from "../../src/state/client.ts";
import type { Delegation } from "../../src/state/delegations.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import { StateClient, StateFixture } from "../engine/state_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import { op, type Stateid, walk } from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  answer,
  delegationOf,
  readDelegation,
  start,
} from "./keeper_fixture.ts";

const READ = 1;
const BOTH = 3;
const WANT_ANY = 0x300;
/** A user whom the files do not belong to. */
const OTHER = 1000;
/** The longest time in which a recall is answered in time. */
const IN_TIME = LEASE / 30;
const NAMES = ["a", "b", "c", "d"] as const;

/** A client that has a delegation of each file, and another one that may want them. */
async function hoard({ access = READ } = {}) {
  const tree = Object.fromEntries(NAMES.map((name) => [name, "content"]));
  const started = start({ tree, contention: 0 });
  await openRoot(started.fixture);
  const { fixture, keeper, clock } = started;
  const holder = await fixture.client(1);
  const other = await fixture.client(1, { uid: OTHER });
  const stateids: Stateid[] = [];
  for (const name of NAMES) {
    const open = holder.openOp(name, { access: access | WANT_ANY });
    const opened = await holder.ok("OPEN", op.putrootfh(), open);
    const { delegation } = opened;
    if (delegation.type === "read" || delegation.type === "write") {
      stateids.push(delegation.stateid);
    }
    const close = op.close(opened.stateid);
    assertEquals(await holder.status(...walk([name]), close), "OK");
  }
  assertEquals(stateids.length, NAMES.length);
  /** Some time, in which both keep their leases. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await holder.call();
    await other.call();
    keeper.sweep();
  };
  return { ...started, holder, other, stateids, pass };
}

/** Every user may remove files. */
async function openRoot(fixture: StateFixture): Promise<void> {
  const root = await fixture.client(1);
  const open = op.setattr({ mode: 0o777 });
  assertEquals(await root.status(op.putrootfh(), open), "OK");
}

function remove(client: StateClient, name: string): Promise<string> {
  return client.status(op.putrootfh(), op.remove(name));
}

Deno.test("a client that is late with one delegation has all recalled, and costs others one lease in all (RFC 8881 10.4.5)", async () => {
  const { other, pass, way, state } = await hoard();
  assertEquals(await remove(other, "a"), "DELAY");
  assertEquals(way.sent.length, 1);
  await pass(IN_TIME);
  assertEquals(way.sent.length, 1, "it is not late yet");
  await pass(1);
  assertEquals(way.sent.length, NAMES.length);
  await pass(LEASE - IN_TIME - 1);
  assertEquals(await remove(other, "a"), "OK");
  // The others were recalled when it was late: until then it may return them.
  assertEquals(await remove(other, "b"), "DELAY");
  await pass(IN_TIME + 1);
  for (const name of ["b", "c", "d"]) {
    assertEquals(await remove(other, name), "OK", name);
  }
  assertEquals(state.files.delegations, 0);
});

Deno.test("what a late client was asked for, and is in no client's way, it may return when it can", async () => {
  const { holder, other, stateids, pass, keeper, state } = await hoard();
  assertEquals(await remove(other, "a"), "DELAY");
  for (let i = 0; i < 8; i++) await pass(LEASE / 2);
  assertEquals(state.files.delegations, NAMES.length - 1);
  const back = op.delegreturn(stateids[1]!);
  assertEquals(await holder.status(...walk(["b"]), back), "OK");
  // It was not fought over.
  assertEquals(await delegationOf(other, READ | WANT_ANY, "b"), "read");
  assertEquals(keeper.held.recalls, NAMES.length - 2);
});

Deno.test("who returns late has the rest recalled as well, though no sweep has seen it", async () => {
  const { holder, other, stateids, clock, way } = await hoard();
  assertEquals(await remove(other, "a"), "DELAY");
  clock.advance(IN_TIME + 1);
  const back = op.delegreturn(stateids[0]!);
  assertEquals(await holder.status(...walk(["a"]), back), "OK");
  assertEquals(way.sent.length, NAMES.length);
});

Deno.test("who returns in time keeps the rest", async () => {
  const { holder, other, stateids, clock, way, keeper } = await hoard();
  assertEquals(await remove(other, "a"), "DELAY");
  answer(way.sent[0]!, Status.OK);
  clock.advance(IN_TIME);
  const back = op.delegreturn(stateids[0]!);
  assertEquals(await holder.status(...walk(["a"]), back), "OK");
  keeper.sweep();
  assertEquals(way.sent.length, 1);
});

/** Has it return each a while after another client wants it; how many were recalled then. */
async function returnEach(after: number, each: number) {
  const { holder, other, stateids, clock, way } = await hoard();
  for (const [i, name] of NAMES.slice(0, each).entries()) {
    if (await remove(other, name) !== "DELAY") break;
    clock.advance(after);
    const back = op.delegreturn(stateids[i]!);
    await holder.call(...walk([name]), back);
    assertEquals(await remove(other, name), "OK");
  }
  return way.sent.length;
}

Deno.test("who returns each just in time has the rest recalled after the second", async () => {
  assertEquals(await returnEach(IN_TIME, 1), 1);
  assertEquals(await returnEach(IN_TIME, 2), NAMES.length);
  assertEquals(await returnEach(IN_TIME / 2, 2), 2);
  assertEquals(await returnEach(IN_TIME / 2, 3), NAMES.length);
});

Deno.test("who returns each promptly keeps the rest, however many are wanted", async () => {
  const { holder, other, stateids, clock, keeper, way } = await hoard();
  for (let i = 0; i < 100; i++) {
    assertEquals(await remove(other, "a"), "DELAY");
    clock.advance(PROMPT_MS);
    const back = op.delegreturn(stateids[0]!);
    assertEquals(await holder.status(...walk(["a"]), back), "OK");
    stateids[0] = await readDelegation(holder, "a");
  }
  keeper.sweep();
  assertEquals(way.sent.length, 100);
});

Deno.test("two that are wanted at once keep others waiting once", async () => {
  const { holder, other, stateids, clock, way } = await hoard();
  assertEquals(await remove(other, "a"), "DELAY");
  assertEquals(await remove(other, "b"), "DELAY");
  clock.advance(IN_TIME);
  for (const i of [0, 1] as const) {
    const back = op.delegreturn(stateids[i]!);
    assertEquals(await holder.status(...walk([NAMES[i]]), back), "OK");
  }
  assertEquals(way.sent.length, 2);
});

Deno.test("under another name the same principal of the same party has its delegations recalled too", async () => {
  const { fixture, other, pass, way } = await hoard();
  const alias = await fixture.client(1);
  const stranger = await fixture.client(1, { uid: OTHER });
  await readDelegation(alias, "b");
  await readDelegation(stranger, "b");
  assertEquals(await remove(other, "a"), "DELAY");
  await pass(IN_TIME + 1);
  assertEquals(way.sent.length, NAMES.length + 1);
});

Deno.test("where two principals of a party were late all of it goes without, for another costs nothing", async () => {
  const { fixture, holder, other, stateids, pass, way } = await hoard();
  for (const i of [1, 3] as const) {
    const back = op.delegreturn(stateids[i]!);
    assertEquals(await holder.status(...walk([NAMES[i]]), back), "OK");
  }
  const late = async (name: string) => {
    assertEquals(await remove(other, name), "DELAY");
    await pass(IN_TIME + 1);
  };
  const third = await fixture.client(1, { uid: OTHER + 2 });
  await readDelegation(third, "c");
  await late("a");
  // By another uid it is given one, and is late once more.
  const second = await fixture.client(1, { uid: OTHER + 1 });
  await readDelegation(second, "d");
  const { length: sent } = way.sent;
  await late("d");
  assertEquals(way.sent.length - sent, 2, "the third's as well");
  const wanted = READ | WANT_ANY;
  const fourth = await fixture.client(1, { uid: OTHER + 3 });
  assertEquals(await delegationOf(fourth, wanted, "b"), "none_ext 2");
  const peer = { hostname: "192.0.2.1", port: 700 };
  const far = new StateClient(fixture, 1, 99);
  far.connection = testConnection({ peer });
  await far.register(true);
  assertEquals(await delegationOf(far, wanted, "b"), "read");
});

Deno.test("a stat of what a late client has a delegation for writing of waits for no lease of its own", async () => {
  const { holder, other, pass } = await hoard({ access: BOTH });
  assertEquals(await remove(other, "a"), "DELAY");
  await pass(IN_TIME + 1);
  const look = () => other.status(...walk(["b"]), op.getattr(["size"]));
  assertEquals(await look(), "DELAY");
  await pass(LEASE);
  assertEquals(await look(), "OK");
  const free = holder.status(...walk(["b"]), op.getattr(["size"]));
  assertEquals(await free, "OK");
});

Deno.test("the host waits for no lease of its own either", async () => {
  const { other, pass, keeper, state } = await hoard();
  assertEquals(await remove(other, "a"), "DELAY");
  await pass(IN_TIME + 1);
  await pass(LEASE);
  const [client] = [...state.clients].filter((each) =>
    each.states.delegations > 0
  );
  const file = [...client!.states.all.values()]
    .find(({ kind, revoked }) => kind === "delegation" && !revoked)!.file.file;
  await keeper.recallFile(file);
  assertEquals(keeper.held.recalls, NAMES.length - 2);
});

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

const TIMES = { leaseMs: 300, graceOverAt: -Infinity };

/** When what was asked back at 1,000 may be taken away, with a lease of 300. */
function revocable(client: Client, isDelivered: boolean): number {
  const delegation = { client } as Delegation;
  const since = 1_000;
  return revocableAt(
    { delegation, since, wantedAt: since, isDelivered },
    TIMES,
  );
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
  assertEquals(
    revocableAt({ ...recall, wantedAt: undefined }, TIMES),
    Infinity,
  );
  // Its client has had its time from the recall on, whenever another came to want it.
  assertEquals(revocableAt({ ...recall, wantedAt: 2_000 }, TIMES), 1_300);
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
  record.states.delegated.read = 1;
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
