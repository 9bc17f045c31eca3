/** Clients with nearly all delegations that they may have are asked to return some. */

import { assertEquals } from "@std/assert";
import type { CallbackRequest } from "../../src/backchannel/callback_request.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { eventually, Fixture, giveBack, hold } from "../backchannel/fixture.ts";
import type { StateClient } from "../engine/state_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import { op } from "../support/client/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  answer,
  delegationOf,
  NOTHING_HELD,
  readDelegation,
  start as startKeeper,
} from "./keeper_fixture.ts";

const MOST = 20;
/** So many are not asked for one. */
const WATERMARK = 18;
const MANY = 64;

const NAMES = Array.from({ length: MANY }, (_, i) => `f${i}`);

function start(maxPerClient = MOST) {
  const tree = Object.fromEntries(NAMES.map((name) => [name, ""]));
  return startKeeper({ tree, maxPerClient });
}

async function holdMany(client: StateClient, count: number) {
  for (const name of NAMES.slice(0, count)) await readDelegation(client, name);
}

/** What CB_RECALL_ANY says. */
function said({ operations: [operation] }: CallbackRequest) {
  return [operation!.row.name, operation!.args];
}

const RECALL_ANY = "CB_RECALL_ANY";

Deno.test("who has more than nine tenths of its delegations may keep three quarters of what it has", async () => {
  const { fixture, keeper, way } = start();
  const client = await fixture.client(1);
  await holdMany(client, WATERMARK);
  keeper.sweep();
  assertEquals(way.sent, []);
  await readDelegation(client, NAMES[WATERMARK]);
  keeper.sweep();
  assertEquals(way.sent.map(said), [[RECALL_ANY, { keep: 14, types: 1 }]]);
});

Deno.test("the types asked for are those that the client has", async () => {
  const { fixture, keeper, way } = start(3);
  const client = await fixture.client(1);
  await client.ok("GET_DIR_DELEGATION", op.putrootfh(), op.getDirDelegation());
  assertEquals(await delegationOf(client, 0x203, "f0"), "write");
  assertEquals(await delegationOf(client, 0x203, "f1"), "write");
  keeper.sweep();
  assertEquals(way.sent.map(said), [[RECALL_ANY, { keep: 2, types: 6 }]]);
});

Deno.test("where memory is short those that have many are asked before there is none", async () => {
  const { fixture, keeper, state, way } = start(10_000);
  const client = await fixture.client(1);
  const other = await fixture.client(1);
  await holdMany(client, MANY);
  await holdMany(other, MANY - 1);
  const { budget } = state;
  budget.limit = 2 * budget.used;
  keeper.sweep();
  assertEquals(way.sent, []);
  budget.limit = 1.35 * budget.used;
  keeper.sweep();
  assertEquals(way.sent.map(said), [[RECALL_ANY, { keep: 48, types: 1 }]]);
  assertEquals(budget.account("").isFull, false);
});

Deno.test("a client is asked once in a lease, and not while it has few enough (RFC 8881 20.6.4)", async () => {
  const { fixture, keeper, way, clock } = start(1);
  const client = await fixture.client(1);
  const stateid = await readDelegation(client, "f0");
  keeper.sweep();
  answer(way.sent[0]!, Status.OK);
  clock.advance(LEASE - 1);
  keeper.sweep();
  assertEquals(way.sent.length, 1);
  clock.advance(1);
  keeper.sweep();
  assertEquals(way.sent.length, 2);
  assertEquals(way.sent[1]!.wanted!(), true);
  const file = [op.putrootfh(), op.lookup("f0")];
  await client.ok("DELEGRETURN", ...file, op.delegreturn(stateid));
  assertEquals(way.sent[1]!.wanted!(), false);
  way.sent[1]!.done({ kind: "stopped" });
  clock.advance(LEASE);
  keeper.sweep();
  assertEquals(way.sent.length, 2);
  assertEquals(keeper.held, NOTHING_HELD);
});

Deno.test("who does not obey keeps what it has", async () => {
  const { fixture, keeper, state, way, clock } = start(1);
  await readDelegation(await fixture.client(1), "f0");
  for (const status of [Status.INVAL, Status.NOTSUPP, Status.DELAY]) {
    keeper.sweep();
    answer(way.sent.at(-1)!, status);
    clock.advance(LEASE);
  }
  assertEquals(way.sent.length, 3);
  assertEquals(state.files.delegations, 1);
  assertEquals(keeper.held, NOTHING_HELD);
});

Deno.test("a client without a way is asked when it has one, a client of NFSv4.0 never", async () => {
  const { fixture, keeper, way } = start(1);
  await readDelegation(await fixture.client(1), "f0");
  way.isProven = false;
  keeper.sweep();
  assertEquals(way.sent, []);
  way.isProven = true;
  keeper.sweep();
  assertEquals(way.sent.length, 1);

  const old = start(1);
  const { clientid } = await old.fixture.client(0);
  old.state.clients.find(clientid, 0)!.states.delegated.read = 1;
  old.state.files.delegations = 1;
  old.keeper.sweep();
  assertEquals(old.way.sent, []);
});

Deno.test("a client is asked over its connection, returns one, and gets another", async () => {
  const clock = new FakeClock();
  await using fixture = await Fixture.open({
    clock,
    limits: { maxDelegationsPerClient: 1 },
  });
  const holder = await fixture.session();
  const held = await hold(holder, "f", 0x101);
  const asked = () =>
    holder.client.callbacks.calls.flatMap(({ compound }) => compound?.ops ?? [])
      .filter(({ op }) => op !== "SEQUENCE");
  clock.advance(1_000);
  await eventually("CB_RECALL_ANY", async () => {
    await nextTurn();
    return asked().length > 0;
  });
  const [recall] = asked();
  assertEquals(recall, { op: "RECALL_ANY", args: { keep: 0, types: [0] } });
  await giveBack(holder, held);
  await hold(holder, "g", 0x101);
  const metrics = await fixture.metrics();
  assertEquals(metrics.get("delegation_surplus_recalls_total"), 1);
});
