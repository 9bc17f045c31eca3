import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import {
  authSys,
  type Delegation,
  op,
  type OpenedFile,
  type Request,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";
import { CallbackListener } from "../../support/client/callback_listener.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { CREATE, type Fixture, type Peer, startFixture } from "./fixture.ts";

const { ACCESS_READ, ACCESS_WRITE } = Share;
const create = { ...CREATE, attributes: { mode: 0o666 } };

/** A file, and the delegation that its client was given when it came back to it. */
interface Held {
  readonly file: OpenedFile;
  readonly stateid: Stateid;
}

const LEASE_SECONDS = 10;

async function start(clock: Clock = systemClock): Promise<[Fixture, Peer]> {
  const fixture = await startFixture({ leaseSeconds: LEASE_SECONDS, clock });
  const holder = await fixture.peer({ registered: false });
  await holder.client.register();
  return [fixture, holder];
}

async function hold(
  holder: Peer,
  access: number,
  { name = "new", deny = 0 } = {},
): Promise<Held> {
  let file = await holder.open(name, { access, deny, create });
  for (let i = 0; i < 50 && !isGranted(file.delegation); i++) {
    // The server has to try the way back first.
    await new Promise((resolve) => setTimeout(resolve, 5));
    file = await holder.open(name, { access, deny });
  }
  const { delegation } = file;
  assert(isGranted(delegation), delegation.type);
  assertEquals(delegation.type, access === ACCESS_READ ? "read" : "write");
  return { file, stateid: delegation.stateid };
}

function isGranted(
  delegation: Delegation,
): delegation is Delegation & { type: "read" | "write"; stateid: Stateid } {
  return delegation.type === "read" || delegation.type === "write";
}

/** Asks until it is no longer DELAYed; `meanwhile` once it was. */
async function persist(
  ask: () => Promise<string>,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<string> {
  let asked = 0;
  while (true) {
    const status = await ask();
    if (status !== "DELAY") return status;
    if (asked++ === 0) await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What the holder's listener was asked to return, once it was. */
async function recalled({ client }: Peer, times = 1): Promise<void> {
  const { peer } = client.listener;
  for (let i = 0; i < 200 && peer.recalls.length < times; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertEquals(peer.recalls.length, times);
}

async function giveBack(holder: Peer, { file, stateid }: Held): Promise<void> {
  await recalled(holder);
  const at = op.putfh(file.filehandle);
  assertEquals(await holder.status(at, op.delegreturn(stateid)), "OK");
}

for (const access of [ACCESS_READ, ACCESS_WRITE]) {
  const type = access === ACCESS_READ ? "read" : "write";
  Deno.test(`a ${type} delegation is asked back for another client's OPEN, and waited for (10.4.2)`, async () => {
    const [fixture, holder] = await start();
    await using _ = fixture;
    const held = await hold(holder, access);
    const other = await fixture.peer({ credential: authSys(1, 1) });
    const open = () => other.openStatus("new", { access: ACCESS_WRITE });
    const status = await persist(open, () => giveBack(holder, held));
    assertEquals(status, "OK");
    assertEquals(holder.client.listener.peer.recalls[0]!.stateid, held.stateid);
  });

  Deno.test(`a ${type} delegation that is not given back is gone after a lease (10.4.6)`, async () => {
    const clock = new FakeClock();
    const [fixture, holder] = await start(clock);
    await using _ = fixture;
    await hold(holder, access);
    const other = await fixture.peer({ credential: authSys(1, 1) });
    const open = () => other.openStatus("new", { access: ACCESS_WRITE });
    const status = await persist(async () => {
      clock.advance(LEASE_SECONDS * 300);
      await holder.ok(op.renew(holder.client.clientid));
      return await open();
    });
    assertEquals(status, "OK");
  });
}

Deno.test("a client that answers the recall with an error loses it like one that is silent (10.4.6)", async () => {
  const clock = new FakeClock();
  const [fixture, holder] = await start(clock);
  await using _ = fixture;
  await hold(holder, ACCESS_READ);
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const { SERVERFAULT } = Status;
  holder.client.listener.peer.always({ kind: "status", status: SERVERFAULT });
  const status = await persist(async () => {
    clock.advance(LEASE_SECONDS * 300);
    await holder.ok(op.renew(holder.client.clientid));
    return await other.openStatus("new", { access: ACCESS_WRITE });
  });
  assertEquals(status, "OK");
});

/** What else a read delegation is in the way of (10.4.2). */
const changes: [string, () => Request[]][] = [
  ["REMOVE", () => [op.putrootfh(), op.remove("new")]],
  ["RENAME", () => [op.putrootfh(), op.savefh(), op.rename("new", "newer")]],
  ["RENAME over it", () => [
    op.putrootfh(),
    op.savefh(),
    op.rename("file", "new"),
  ]],
  ["LINK", () => [
    ...walk(["new"]),
    op.savefh(),
    op.putrootfh(),
    op.link("newer"),
  ]],
];

for (const [name, ops] of changes) {
  Deno.test(`${name} of a delegated file waits for it, also when its holder asks (10.4.2)`, async () => {
    const [fixture, holder] = await start();
    await using _ = fixture;
    const held = await hold(holder, ACCESS_READ);
    const status = await persist(
      () => holder.status(...ops()),
      () => giveBack(holder, held),
    );
    assertEquals(status, "OK");
  });
}

Deno.test("an OPEN that a share denies recalls nothing (16.16.5)", async () => {
  const [fixture, holder] = await start();
  await using _ = fixture;
  await hold(holder, ACCESS_READ, { deny: Share.DENY_WRITE });
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const write = { access: ACCESS_WRITE };
  assertEquals(await other.openStatus("new", write), "SHARE_DENIED");
  await recalled(holder, 0);
});

Deno.test("a delegation outlives CLOSE, and goes on while its file is opened and locked by others for reading (10.4)", async () => {
  const [fixture, holder] = await start();
  await using _ = fixture;
  const held = await hold(holder, ACCESS_READ);
  assertEquals(await holder.close(held.file), "OK");
  const read = { access: ACCESS_READ, owner: "2" };
  const again = await holder.open("new", read);
  assertEquals(
    await holder.lockStatus(again, { owner: "2", type: 1 }),
    "OK",
  );
  await recalled(holder, 0);
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const status = await persist(
    () => other.openStatus("new", { access: ACCESS_WRITE }),
    () => giveBack(holder, held),
  );
  assertEquals(status, "OK");
});

Deno.test("recalls go where the last SETCLIENTID says (16.33.5)", async () => {
  const [fixture, holder] = await start();
  await using _ = fixture;
  const held = await hold(holder, ACCESS_READ);
  const { client } = holder;
  const { program, ident } = client;
  await using moved = new CallbackListener({ v40: { program, ident } });
  moved.peer.delegations.hold(held.file.filehandle, held.file.delegation);
  await client.register({
    netid: moved.netid,
    address: moved.universalAddress,
  });
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const status = await persist(
    () => other.openStatus("new", { access: ACCESS_WRITE }),
    async () => {
      for (let i = 0; i < 200 && moved.peer.recalls.length === 0; i++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const at = op.putfh(held.file.filehandle);
      await holder.ok(at, op.delegreturn(held.stateid));
    },
  );
  assertEquals(status, "OK");
  assertEquals(moved.peer.recalls.length, 1);
  await recalled(holder, 0);
});

/** OPEN by the delegation, of an owner that has nothing open. */
async function openByIt(
  holder: Peer,
  { stateid }: Held,
  access: number,
): Promise<string> {
  const owner = holder.client.owner("late");
  const claim = { claim: "delegate_cur", stateid, name: "new" } as const;
  const open = op.open({ seqid: owner.seqid, owner, access, claim });
  return await holder.status(op.putrootfh(), open);
}

for (const access of [ACCESS_READ, ACCESS_WRITE]) {
  const type = access === ACCESS_READ ? "read" : "write";
  Deno.test(`while a ${type} delegation is asked back, any owner of its holder opens the file by it (16.16.5, CLAIM_DELEGATE_CUR)`, async () => {
    const [fixture, holder] = await start();
    await using _ = fixture;
    const held = await hold(holder, access);
    const other = await fixture.peer({ credential: authSys(1, 1) });
    const status = await persist(
      () => other.openStatus("new", { access: ACCESS_WRITE }),
      async () => {
        await recalled(holder);
        assertEquals(await openByIt(holder, held, access), "OK");
        await giveBack(holder, held);
      },
    );
    assertEquals(status, "OK");
  });
}

Deno.test("an OPEN by a delegation does not ask for it back, whoever's it is (16.16.5)", async () => {
  const [fixture, holder] = await start();
  await using _ = fixture;
  const held = await hold(holder, ACCESS_WRITE);
  assertEquals(await openByIt(holder, held, ACCESS_WRITE), "OK");
  await recalled(holder, 0);
});

Deno.test("RENEW tells a holder whose callbacks don't arrive: CB_PATH_DOWN (16.28.5)", async () => {
  const [fixture, holder] = await start();
  await using _ = fixture;
  await hold(holder, ACCESS_READ);
  const { listener, clientid } = holder.client;
  listener.peer.always({ kind: "close", executed: false });
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const renewals: string[] = [];
  for (let i = 0; i < 20 && !renewals.includes("CB_PATH_DOWN"); i++) {
    await other.openStatus("new", { access: ACCESS_WRITE });
    await new Promise((resolve) => setTimeout(resolve, 30));
    renewals.push(await holder.status(op.renew(clientid)));
  }
  assertEquals(renewals.at(-1), "CB_PATH_DOWN");
});

Deno.test("a stranger who names a clientid is not taken for its holder, whose own GETATTR asks nobody (10.4.3)", async () => {
  const [fixture, holder] = await start();
  await using _fixture = fixture;
  const { file } = await hold(holder, Share.ACCESS_BOTH);
  const stranger = await fixture.peer({ credential: authSys(4242, 4242) });
  const { clientid } = holder.client;
  const owner = { clientid, owner: Uint8Array.of(1) };
  await stranger.status(
    op.putrootfh(),
    op.open({ seqid: 1, owner, claim: { claim: "null", name: "file" } }),
  );
  const size = [op.putfh(file.filehandle), op.getattr(["size"])];
  const { peer } = holder.client.listener;
  const asked = () =>
    peer.calls.flatMap(({ compound }) => compound?.ops ?? [])
      .filter(({ op }) => op === "GETATTR").length;
  await holder.ok(...size);
  assertEquals(asked(), 0);
  await stranger.status(...size);
  assertEquals(asked(), 1);
});
