import { assertEquals } from "@std/assert";
import type { DelegationPolicy } from "../../src/state/delegations.ts";
import {
  anonymousStateid,
  op,
  type Request,
  type Stateid,
  walk,
} from "../support/client/mod.ts";
import { testConnection } from "../support/connection.ts";
import { AT_FILE, type StateClient, StateFixture } from "./state_fixture.ts";

const WRITE = 2;

/** A client of root's with a write delegation of "file", and "other", which all may open. */
async function start() {
  let recalls = 0;
  const delegations: DelegationPolicy = {
    offer: () => "write",
    recall: () => recalls++,
  };
  const fixture = new StateFixture({
    tree: { file: "0123456789", other: "text" },
    delegations,
  });
  const holder = await fixture.client(0);
  for (const name of ["file", "other"]) {
    await holder.call(...walk([name]), op.setattr({ mode: 0o666 }));
  }
  // Its owner is confirmed by then.
  await holder.open("other", { owner: "o" });
  const opening = holder.openOp("file", { owner: "o", seqid: 2 });
  const { delegation } = await holder.ok("OPEN", op.putrootfh(), opening);
  assertEquals(delegation.type, "write");
  const { stateid } = delegation as { stateid: Stateid };
  assertEquals(recalls, 0);
  const stranger = await fixture.client(0, { uid: 1000 });
  return { holder, stranger, stateid, recalls: () => recalls };
}

function write(stateid: Stateid = anonymousStateid): Request {
  return op.write({ stateid, data: "x" });
}

Deno.test("4.0: who names another's clientid passes none of its delegations (RFC 7530 10.4)", async () => {
  const { holder, stranger, recalls } = await start();
  const posing = op.lockt({ owner: holder.owner("locker") });
  const all = [...walk(["other"]), posing, ...AT_FILE, write()];
  assertEquals(await stranger.status(...all), "DELAY");
  assertEquals(recalls(), 1);
});

Deno.test("4.0: nor does who opens the file in the name of the client that holds it", async () => {
  const { holder, stranger, recalls } = await start();
  const opening = holder.openOp("file", { access: WRITE, owner: "posing" });
  assertEquals(await stranger.status(op.putrootfh(), opening), "DELAY");
  assertEquals(recalls(), 1);
});

Deno.test("4.0: nor does who has opened another file in its name", async () => {
  const { holder, stranger, recalls } = await start();
  const own = holder.openOp("other", { owner: "posing" });
  const { stateid } = await stranger.ok("OPEN", op.putrootfh(), own);
  const confirm = op.openConfirm(stateid, 1);
  const confirmed = await stranger.ok(
    "OPEN_CONFIRM",
    ...walk(["other"]),
    confirm,
  );
  const read = op.read({ stateid: confirmed.stateid });
  const all = [...walk(["other"]), read, ...AT_FILE, write()];
  assertEquals(await stranger.status(...all), "DELAY");
  assertEquals(recalls(), 1);
});

Deno.test("4.0: other users of the holder's connection, and its other connections, use what it holds (RFC 7530 10.4.1)", async () => {
  const { holder, stranger: elsewhere, stateid, recalls } = await start();
  assertEquals(await elsewhere.status(...AT_FILE, write(stateid)), "OK");
  holder.uid = 1000;
  const naming = op.lockt({ owner: holder.owner("locker") });
  assertEquals(await holder.status(...AT_FILE, naming, write()), "OK");
  holder.uid = 0;
  assertEquals(await holder.status(...AT_FILE, naming, write()), "OK");
  assertEquals(recalls(), 0);
});

/** The client's connection is closed. */
function cut(client: StateClient): void {
  Object.assign(client.connection, { closeReason: "peer" });
}

Deno.test("4.0: while a client has no connection, who names it does not become its connection", async () => {
  const { holder, stranger, recalls } = await start();
  cut(holder);
  const posing = op.lockt({ owner: holder.owner("locker") });
  const all = [...walk(["other"]), posing, ...AT_FILE, write()];
  assertEquals(await stranger.status(...all), "DELAY");
  assertEquals(recalls(), 1);
});

Deno.test("4.0: nor does who reads what it has opened in the client's name", async () => {
  const { holder, stranger, recalls } = await start();
  stranger.clientid = holder.clientid;
  const stateid = await stranger.open("other", { owner: "posing" });
  cut(holder);
  const read = [...walk(["other"]), op.read({ stateid })];
  assertEquals(await stranger.status(...read), "OK");
  assertEquals(await stranger.status(...AT_FILE, write()), "DELAY");
  const naming = op.lockt({ owner: holder.owner("locker") });
  assertEquals(await stranger.status(...AT_FILE, naming, write()), "DELAY");
  assertEquals(recalls(), 1);
});

Deno.test("4.0: a client that has lost its connection is known on the next by what it holds", async () => {
  const { holder, stateid, recalls } = await start();
  cut(holder);
  holder.connection = testConnection();
  holder.uid = 1000;
  const naming = op.lockt({ owner: holder.owner("locker") });
  const own = [...AT_FILE, op.read({ stateid })];
  assertEquals(await holder.status(...own), "OK");
  assertEquals(await holder.status(...AT_FILE, naming, write()), "OK");
  assertEquals(recalls(), 0);
});

Deno.test("4.0: who opens a file in another client's name is given no delegation of it", async () => {
  const { holder, stranger } = await start();
  stranger.clientid = holder.clientid;
  await stranger.open("other", { owner: "posing" });
  const opening = stranger.openOp("other", { owner: "posing", seqid: 2 });
  const { delegation } = await stranger.ok("OPEN", op.putrootfh(), opening);
  assertEquals(delegation.type, "none");
});

Deno.test("4.0: to another party a client is not known, and its lease goes on to run out (RFC 7530 13.1.10.2)", async () => {
  const { holder, stranger } = await start();
  stranger.connection = testConnection({ party: "user 1000" });
  const { clock, services } = holder.fixture;
  const client = services.state.clients.find(holder.clientid, 0)!;
  holder.uid = 1000;
  await holder.open("other", { owner: "user" });
  const { renewedAt } = client;
  clock.advance(1_000);
  const owner = holder.owner("locker");
  const naming = [
    [op.putrootfh(), holder.openOp("other")],
    [...AT_FILE, op.lockt({ owner })],
    [op.releaseLockowner(owner)],
  ];
  for (const ops of naming) {
    assertEquals(await stranger.status(...ops), "STALE_CLIENTID");
  }
  assertEquals(await stranger.status(op.renew(holder.clientid)), "ACCESS");
  assertEquals(client.renewedAt, renewedAt);
  assertEquals(client.states.openOwners.size, 2);
});
