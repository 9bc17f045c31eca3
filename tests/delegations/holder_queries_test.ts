import { assertEquals, assertNotEquals } from "@std/assert";
import { nextTurn } from "../../src/base/turn.ts";
import type { CallbackRequest } from "../../src/backchannel/callback_request.ts";
import type { CallbackRouter } from "../../src/backchannel/router.ts";
import { DelegationKeeper } from "../../src/delegations/delegation_keeper.ts";
import { Status } from "../../src/nfs4/constants.ts";
import type { HeldAttributes } from "../../src/state/delegations.ts";
import {
  anonymousStateid,
  op,
  type Request,
  type Stateid,
} from "../support/client/mod.ts";
import {
  AT_FILE,
  type StateClient,
  StateFixture,
} from "../engine/state_fixture.ts";

const BOTH = 3;
const WANT_WRITE = 0x200;
/** Set by the holder, long ago. */
const LONG_AGO = { seconds: 1_000_000_000n, nanoseconds: 0 };

/** A holder of a delegation for writing, another client, and the callbacks that go to the holder. */
async function start() {
  const fixture = new StateFixture();
  const { state } = fixture.services;
  const sent: CallbackRequest[] = [];
  const router = {
    isProven: () => true,
    send(_client, request) {
      sent.push(request);
      return { tryAnew: () => {} };
    },
  } as Pick<CallbackRouter, "isProven" | "send"> as CallbackRouter;
  state.files.policy = new DelegationKeeper({ state, router });
  const holder = await fixture.client(1);
  const other = await fixture.client(1);
  const open = holder.openOp("file", { access: BOTH | WANT_WRITE });
  const { delegation } = await holder.ok("OPEN", op.putrootfh(), open);
  if (delegation.type !== "write") throw new Error(delegation.type);
  const { stateid } = delegation;
  /** GETATTR of the other client, and the holder's answer to the question for it. */
  const look = async (held: HeldAttributes) => {
    const looked = other.call(...AT_FILE, ASKED);
    answer(sent.at(-1)!, held);
    return (await looked).get("GETATTR").attributes;
  };
  return { fixture, holder, other, stateid, sent, look };
}

const ASKED = op.getattr(["change", "size", "time_modify"]);

/** Which callbacks went to the holder. */
function names(sent: readonly CallbackRequest[]): readonly string[] {
  return sent.map(({ operations: [op] }) => op!.row.name);
}

/** Answers CB_GETATTR. */
function answer(request: CallbackRequest, value: HeldAttributes): void {
  const status = Status.OK;
  request.done({ kind: "answered", results: [{ status, value }] });
}

async function seen(client: StateClient) {
  return (await client.ok("GETATTR", ...AT_FILE, ASKED)).attributes;
}

/** What the holder does when it is about to be done with the file. */
function flush(client: StateClient, stateid: Stateid): Promise<string> {
  const write: Request = op.write({ stateid, stable: 2, data: "CONTENT" });
  return client.status(...AT_FILE, write);
}

function backdate(client: StateClient, stateid: Stateid): Promise<string> {
  const set = op.setattr({ time_modify_set: LONG_AGO }, stateid);
  return client.status(...AT_FILE, set);
}

Deno.test("times that a holder sets stay, though it had once more than the server (RFC 8881 10.4.3)", async () => {
  const { holder, stateid, look } = await start();
  const { change, size } = await seen(holder);
  const clean = { change: change!, size: Number(size!) };
  const first = await look({ ...clean, change: change! + 1n });
  assertNotEquals(first.change, change);
  assertEquals(await flush(holder, stateid), "OK");
  assertEquals(await backdate(holder, stateid), "OK");
  const done = await seen(holder);
  assertEquals(done.time_modify, LONG_AGO);
  for (let i = 0; i < 2; i++) assertEquals(await look(clean), done);
  assertEquals(await seen(holder), done);
});

Deno.test("what a holder says again and again is a change each time (RFC 8881 10.4.3)", async () => {
  const { holder, look } = await start();
  const { change } = await seen(holder);
  const dirty = { change: change! + 1n, size: 9 };
  const first = await look(dirty);
  const second = await look(dirty);
  assertEquals([first.size, second.size], [9n, 9n]);
  assertEquals(second.change! > first.change!, true);
});

Deno.test("a holder that answers late, time and again, is late with all that it has (RFC 8881 10.4)", async () => {
  const { fixture, holder, other, sent } = await start();
  const { change, size } = await seen(holder);
  const clean = { change: change!, size: Number(size!) };
  const recalls = () =>
    names(sent).filter((name) => name === "CB_RECALL").length;
  for (let i = 0; i < 20 && recalls() === 0; i++) {
    const looked = other.status(...AT_FILE, ASKED);
    fixture.clock.advance(450);
    answer(sent.at(-1)!, clean);
    assertEquals(await looked, "OK");
  }
  assertEquals(recalls(), 1);
});

Deno.test("an answer that comes after its holder has set the times changes nothing: it is asked anew", async () => {
  const { fixture, holder, other, stateid, sent } = await start();
  const { change, size } = await seen(holder);
  const clean = { change: change!, size: Number(size!) };
  const first = other.call(...AT_FILE, ASKED);
  assertEquals(await backdate(holder, stateid), "OK");
  // The holder is asked once for both.
  const second = (await fixture.client(1)).call(...AT_FILE, ASKED);
  await nextTurn();
  assertEquals(sent.length, 1);
  answer(sent[0]!, { ...clean, change: change! + 1n });
  await nextTurn();
  assertEquals(sent.length, 2);
  answer(sent[1]!, clean);
  const done = await seen(holder);
  assertEquals(done.time_modify, LONG_AGO);
  for (const looked of [await first, await second]) {
    assertEquals(looked.get("GETATTR").attributes, done);
  }
});

Deno.test("a holder whose own changes overtake its answers each time is recalled", async () => {
  const { holder, other, stateid, sent } = await start();
  const { change, size } = await seen(holder);
  const looked = other.status(...AT_FILE, ASKED);
  for (let asked = 1; asked <= 3; asked++) {
    assertEquals(names(sent), Array(asked).fill("CB_GETATTR"));
    assertEquals(await backdate(holder, stateid), "OK");
    answer(sent.at(-1)!, { change: change! + 1n, size: Number(size!) });
    await nextTurn();
  }
  assertEquals(await looked, "DELAY");
  assertEquals(names(sent).slice(3), ["CB_RECALL"]);
  const giveBack = op.delegreturn(stateid);
  assertEquals(await holder.status(...AT_FILE, giveBack), "OK");
  assertEquals((await seen(other)).time_modify, LONG_AGO);
});

Deno.test("who asked the holder of a delegation that was returned meanwhile is told what the server knows", async () => {
  const { holder, other, stateid, sent } = await start();
  const { change, size } = await seen(holder);
  const looked = other.call(...AT_FILE, ASKED);
  const giveBack = op.delegreturn(stateid);
  assertEquals(await holder.status(...AT_FILE, giveBack), "OK");
  assertEquals(await backdate(holder, anonymousStateid), "OK");
  answer(sent[0]!, { change: change! + 1n, size: Number(size!) });
  const { attributes } = (await looked).get("GETATTR");
  assertEquals(attributes, await seen(holder));
  assertEquals(attributes.time_modify, LONG_AGO);
  assertEquals(names(sent), ["CB_GETATTR"]);
});
