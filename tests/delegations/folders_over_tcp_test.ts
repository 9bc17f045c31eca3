/** Folders of strict clients over sockets: what one does, the other is told, or asked to return. */

import { assert, assertEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { eventually, Fixture, proceed } from "../backchannel/fixture.ts";
import { op, type Session } from "../support/client/mod.ts";

const ADD = 3;

async function hold(session: Session, kinds: readonly number[] = []) {
  const ask = [op.putrootfh(), op.getDirDelegation(kinds), op.getfh()];
  const reply = await session.compound(ask);
  const { stateid } = reply.get("GET_DIR_DELEGATION");
  assert(stateid !== undefined, "no delegation");
  return { stateid, filehandle: reply.get("GETFH").filehandle };
}

function make(session: Session, name: string) {
  const made = [op.putrootfh(), op.create({ type: 2, name })];
  return session.expectStatus([Status.OK, Status.DELAY], made);
}

/** The callbacks but for CB_SEQUENCE. */
function heardBy({ client: { callbacks } }: Session) {
  return callbacks.calls.flatMap(({ compound }) => compound?.ops ?? [])
    .filter(({ op }) => op !== "SEQUENCE");
}

Deno.test("a folder is recalled, returned and changed", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const { stateid, filehandle } = await hold(holder);
  assertEquals((await make(other, "n")).status, Status.DELAY);
  await eventually("a recall", () => heardBy(holder).length > 0);
  const [recall] = holder.client.callbacks.recalls;
  assertEquals(recall, { stateid, filehandle, truncate: false });
  await holder.compound([op.putfh(filehandle), op.delegreturn(stateid)]);
  const { status } = await proceed(() => make(other, "n"));
  assertEquals(status, Status.OK);
  const metrics = await fixture.metrics();
  const expected = {
    'delegations_granted_total{type="directory"}': 1,
    'delegations_recalled_total{type="directory",reason="create"}': 1,
    'delegations_active{type="directory"}': 0,
  };
  for (const [name, value] of Object.entries(expected)) {
    assertEquals(metrics.get(name), value, name);
  }
});

Deno.test("who asked to be told is told, and keeps the folder", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const { stateid, filehandle } = await hold(holder, [ADD]);
  assertEquals((await make(other, "n")).status, Status.OK);
  await eventually("CB_NOTIFY", () => heardBy(holder).length > 0);
  const [heard] = heardBy(holder);
  assert(heard?.op === "NOTIFY");
  assertEquals(heard.args.stateid, stateid);
  assertEquals(heard.args.filehandle, filehandle);
  assertEquals(heard.args.changes.map(({ mask }) => mask), [[ADD]]);
  const metrics = await eventually("its answer", async () => {
    const metrics = await fixture.metrics();
    return metrics.get("delegation_notice_batches_total") === 1 && metrics;
  });
  assertEquals(metrics.get('delegation_notices_total{type="add"}'), 1);
  assertEquals(metrics.get('delegations_active{type="directory"}'), 1);
  assertEquals(holder.client.callbacks.recalls, []);
});

Deno.test("a client that does not know CB_NOTIFY is asked to return the folder", async () => {
  await using fixture = await Fixture.open();
  const holder = await fixture.session();
  const other = await fixture.session();
  const { stateid, filehandle } = await hold(holder, [ADD]);
  const status = Status.NOTSUPP;
  holder.client.callbacks.next({ kind: "status", status, op: "NOTIFY" });
  await make(other, "n");
  await eventually(
    "a recall",
    () => holder.client.callbacks.recalls.length > 0,
  );
  await holder.compound([op.putfh(filehandle), op.delegreturn(stateid)]);
  await proceed(() => make(other, "m"));
});
