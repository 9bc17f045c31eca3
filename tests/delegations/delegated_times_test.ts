import { assert, assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type { CallbackRequest } from "../../src/backchannel/callback_request.ts";
import type { CallbackRouter } from "../../src/backchannel/router.ts";
import { DelegationKeeper } from "../../src/delegations/delegation_keeper.ts";
import { Status } from "../../src/nfs4/constants.ts";
import type { HeldAttributes } from "../../src/state/delegations.ts";
import {
  AT_FILE,
  type StateClient,
  StateFixture,
} from "../engine/state_fixture.ts";
import {
  anonymousStateid,
  type Attributes,
  op,
  type Stateid,
} from "../support/client/mod.ts";

const READ = 1;
const BOTH = 3;
const WANT_ANY = 0x300;
/** OPEN4_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS */
const WITH_TIMES = 0x10_0000;
/** Of the file when it is delegated, and of the machine, in seconds. */
const BEGIN = 1_000_000;
const NOW = BEGIN + 1_000;

const time = (seconds: number) => ({
  seconds: BigInt(seconds),
  nanoseconds: 0,
});
const stamp = (seconds: number) => ({ seconds, nanoseconds: 0 });
const TIMES = op.getattr(["time_access", "time_modify"]);

/** A file, and the time of day, for its file system and the server. */
async function start(
  { minor = 2, wanted = WITH_TIMES }: {
    readonly minor?: 1 | 2;
    readonly wanted?: number;
  } = {},
) {
  let seconds = BEGIN;
  const fs = memory({ file: "content" }, { now: () => stamp(seconds) });
  const fixture = new StateFixture({ fs, wallClock: () => seconds * 1000 });
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
  const holder = await fixture.client(minor);
  const other = await fixture.client(minor);
  const open = async (access: number) => {
    const request = holder.openOp("file", {
      access: access | WANT_ANY | wanted,
    });
    const opened = await holder.ok("OPEN", op.putrootfh(), request);
    const { delegation } = opened;
    if (!("stateid" in delegation)) throw new Error(delegation.type);
    seconds = NOW;
    return { ...opened, delegation };
  };
  return { fixture, holder, other, open, sent };
}

function set(
  client: StateClient,
  stateid: Stateid,
  times: Attributes,
): Promise<string> {
  return client.status(...AT_FILE, op.setattr(times, stateid));
}

async function timesSeenBy(client: StateClient): Promise<Attributes> {
  return (await client.ok("GETATTR", ...AT_FILE, TIMES)).attributes;
}

Deno.test("a delegation for writing comes with timestamps, where that is wished in NFSv4.2 (RFC 9754)", async () => {
  const timed = async (options: Parameters<typeof start>[0], access = BOTH) => {
    const { delegation } = await (await start(options)).open(access);
    return [delegation.type, delegation.timed ?? false];
  };
  assertEquals(await timed({}), ["write", true]);
  assertEquals(await timed({ wanted: 0 }), ["write", false]);
  assertEquals(await timed({ minor: 1 }), ["write", false]);
  // Of reading many hold one, and none of them is the one that knows.
  assertEquals(await timed({}, READ), ["read", false]);
});

Deno.test("its holder sets the times of what it has written and read", async () => {
  const { holder, open } = await start();
  const { delegation: { stateid } } = await open(BOTH);
  const times = {
    time_deleg_access: time(BEGIN + 20),
    time_deleg_modify: time(BEGIN + 10),
  };
  await holder.ok("WRITE", ...AT_FILE, op.write({ stateid, data: "C" }));
  const request = op.setattr(times, stateid);
  const { attrset } = await holder.ok("SETATTR", ...AT_FILE, request);
  assertEquals(attrset, [84, 85]);
  assertEquals(await timesSeenBy(holder), {
    time_access: time(BEGIN + 20),
    time_modify: time(BEGIN + 10),
  });
});

const PAST = {
  time_deleg_access: time(BEGIN - 1),
  time_deleg_modify: time(BEGIN - 2),
};

Deno.test("what may be written alone was not changed before it was delegated", async () => {
  const { fixture, holder, other, open } = await start();
  await other.ok("SETATTR", ...AT_FILE, op.setattr({ mode: 0o666 }));
  holder.uid = 1000;
  const { delegation: { stateid } } = await open(BOTH);
  const before = await timesSeenBy(holder);
  assertEquals(await set(holder, stateid, PAST), "OK");
  assertEquals(await timesSeenBy(holder), before);
  assertEquals(fixture.counts, { stateids: 2, files: 1 });
});

Deno.test("its owner may have set the times to anything, as Linux does by itself (utimensat)", async () => {
  const { holder, open } = await start();
  const { delegation: { stateid } } = await open(BOTH);
  await holder.ok("WRITE", ...AT_FILE, op.write({ stateid, data: "C" }));
  assertEquals(await set(holder, stateid, PAST), "OK");
  assertEquals(await timesSeenBy(holder), {
    time_access: PAST.time_deleg_access,
    time_modify: PAST.time_deleg_modify,
  });
});

Deno.test("times that are as they were change nothing for others to see", async () => {
  const { holder, open } = await start();
  const { delegation: { stateid } } = await open(BOTH);
  const { time_access, time_modify } = await timesSeenBy(holder);
  const { change } = await clean(holder);
  const same = {
    time_deleg_access: time_access!,
    time_deleg_modify: time_modify!,
  };
  assertEquals(await set(holder, stateid, same), "OK");
  assertEquals((await clean(holder)).change, change);
});

Deno.test("what is yet to come is now", async () => {
  const { holder, open } = await start();
  const { delegation: { stateid } } = await open(BOTH);
  const future = {
    time_deleg_access: time(NOW + 1),
    time_deleg_modify: time(NOW + 100_000),
  };
  assertEquals(await set(holder, stateid, future), "OK");
  const now = { time_access: time(NOW), time_modify: time(NOW) };
  assertEquals(await timesSeenBy(holder), now);
});

Deno.test("nobody else sets them: no open, no delegation without timestamps, no other client", async () => {
  const { holder, other, open } = await start();
  const { stateid: opened, delegation: { stateid } } = await open(BOTH);
  const times = { time_deleg_modify: time(BEGIN + 10) };
  assertEquals(await set(holder, opened, times), "BAD_STATEID");
  assertEquals(await set(holder, anonymousStateid, times), "BAD_STATEID");
  assertEquals(await set(other, stateid, times), "BAD_STATEID");
  const plain = await start({ wanted: 0 });
  const { delegation } = await plain.open(BOTH);
  const status = await set(plain.holder, delegation.stateid, times);
  assertEquals(status, "BAD_STATEID");
});

Deno.test("who may not write the file sets none of them", async () => {
  const { holder, open } = await start();
  const { delegation: { stateid } } = await open(BOTH);
  holder.uid = 1000;
  const times = { time_deleg_modify: time(BEGIN + 10) };
  assertEquals(await set(holder, stateid, times), "ACCESS");
});

/** Has another client look, and the holder answer. */
async function look(
  { other, sent }: Awaited<ReturnType<typeof start>>,
  value: HeldAttributes,
): Promise<Attributes> {
  const looked = other.call(...AT_FILE, TIMES);
  const request = sent.at(-1)!;
  assertEquals(request.operations[0]!.row.name, "CB_GETATTR");
  const results = [{ status: Status.OK, value }];
  request.done({ kind: "answered", results });
  return (await looked).get("GETATTR").attributes;
}

async function clean(holder: StateClient): Promise<HeldAttributes> {
  const asked = op.getattr(["change", "size"]);
  const { attributes } = await holder.ok("GETATTR", ...AT_FILE, asked);
  return { change: attributes.change!, size: Number(attributes.size!) };
}

Deno.test("another client that asks for times is told those of the holder", async () => {
  const served = await start();
  await served.open(BOTH);
  const held = await clean(served.holder);
  const times = { atime: stamp(BEGIN + 30), mtime: stamp(BEGIN + 20) };
  const unchanged = await look(served, { ...held, ...times });
  const told = { time_access: time(BEGIN + 30), time_modify: time(BEGIN + 20) };
  assertEquals(unchanged, told);
  const changed = { ...held, ...times, change: held.change + 1n };
  assertEquals(await look(served, changed), told);
  // As it is in the file now.
  assertEquals(await timesSeenBy(served.holder), told);
});

Deno.test("a holder that tells no times has changed the file now", async () => {
  const served = await start();
  await served.open(BOTH);
  const held = await clean(served.holder);
  const before = await timesSeenBy(served.holder);
  assertEquals(await look(served, held), before);
  const silent = { ...held, change: held.change + 1n };
  const { time_modify } = await look(served, silent);
  assertEquals(time_modify, time(NOW));
});

Deno.test("a client that asks for no times and no size asks no holder", async () => {
  const { other, open, sent } = await start();
  await open(BOTH);
  await other.ok("GETATTR", ...AT_FILE, op.getattr(["mode", "owner"]));
  assertEquals(sent.length, 0);
});

Deno.test("a delegation with timestamps is reclaimed as one", async () => {
  const fixture = new StateFixture({ graceMs: 10_000 });
  const { state } = fixture.services;
  const router = {
    isProven: () => true,
    send: () => ({ tryAnew: () => {} }),
  } as Pick<CallbackRouter, "isProven" | "send"> as CallbackRouter;
  state.files.policy = new DelegationKeeper({ state, router });
  const reclaimed = async (delegate: number) => {
    const client = await fixture.client(2, { reclaimComplete: false });
    const claim = { claim: "previous", delegate } as const;
    const open = client.openOp("", { claim });
    const { delegation, stateid } = await client.ok("OPEN", ...AT_FILE, open);
    assert("stateid" in delegation);
    const back = op.delegreturn(delegation.stateid);
    await client.ok("DELEGRETURN", ...AT_FILE, back);
    await client.ok("CLOSE", ...AT_FILE, op.close(stateid));
    return [delegation.type, delegation.timed ?? false];
  };
  assertEquals(await reclaimed(5), ["write", true]);
  assertEquals(await reclaimed(2), ["write", false]);
  assertEquals(await reclaimed(4), ["read", false]);
});
