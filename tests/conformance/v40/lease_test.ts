import { assertEquals } from "@std/assert";
import { Share } from "../../../src/nfs4/constants.ts";
import {
  authSys,
  LockType,
  op,
  type OpenedFile,
  type Request,
} from "../../support/client/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { CREATE, type Fixture, type Peer, startFixture } from "./fixture.ts";

const LEASE_SECONDS = 10;
const create = { ...CREATE, attributes: { mode: 0o666 } };

interface Pair {
  readonly clock: FakeClock;
  readonly fixture: Fixture;
  readonly other: Peer;
  readonly file: OpenedFile;
}

/** Two clients by two users, and a file of the first that nobody else may write. */
async function start(deny: number): Promise<Pair> {
  const clock = new FakeClock();
  const fixture = await startFixture({ clock, leaseSeconds: LEASE_SECONDS });
  const other = await fixture.peer({ credential: authSys(1, 1) });
  const file = await fixture.open("new", { deny, create });
  return { clock, fixture, other, file };
}

/** Waits until the first client's lease has run out; the other one's goes on. */
async function outlast({ clock }: Pair, ...others: Peer[]): Promise<void> {
  for (let i = 0; i < 3; i++) {
    clock.advance(LEASE_SECONDS * 500);
    for (const other of others) {
      await other.ok(op.renew(other.client.clientid));
    }
  }
}

Deno.test("a lease that ran out harms nobody as long as nobody minds (RFC 7530 9.6.3)", async () => {
  const pair = await start(Share.DENY_WRITE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const lock = await fixture.lock(file);
  await outlast(pair, other);
  const at = op.putfh(file.filehandle);
  const unlock = op.locku({ stateid: lock, seqid: 1 });
  assertEquals(await fixture.status(at, unlock), "OK");
  await outlast(pair, other);
  assertEquals(await fixture.close(file), "OK");
});

Deno.test("an OPEN in conflict ends what had lapsed: EXPIRED to its owner from then on (RFC 7530 9.6.3, 13.1.5.3)", async () => {
  const pair = await start(Share.DENY_WRITE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const lock = await fixture.lock(file);
  const { stateid } = file;
  const { clientid } = fixture.client;
  const { seqid } = fixture.client.owner();
  const write = { access: Share.ACCESS_WRITE };
  assertEquals(await other.openStatus("new", write), "SHARE_DENIED");
  await outlast(pair, other);
  assertEquals(await other.openStatus("new", write), "OK");
  const at = op.putfh(file.filehandle);
  const late: Request[] = [
    op.renew(clientid),
    op.read({ stateid }),
    op.write({ stateid, data: "x" }),
    op.locku({ stateid: lock, seqid: 1 }),
    op.close(stateid, seqid),
    op.close(stateid, seqid),
    op.lockt({ owner: fixture.lockOwner("tester") }),
  ];
  for (const request of late) {
    assertEquals(await fixture.status(at, request), "EXPIRED", request.name);
  }
  const again = await fixture.openStatus("file", { owner: "anew" });
  assertEquals(again, "EXPIRED");
  await fixture.client.register();
  assertEquals(await fixture.openStatus("file", { owner: "anew" }), "OK");
});

Deno.test("a LOCK in conflict ends what had lapsed (RFC 7530 9.6.3)", async () => {
  const pair = await start(Share.DENY_NONE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  await fixture.lock(file);
  const theirs = await other.open("new", { owner: "2", create });
  const wish = { owner: "2", type: LockType.READ };
  assertEquals(await other.lockStatus(theirs, wish), "DENIED");
  await outlast(pair, other);
  assertEquals(await other.lockStatus(theirs, wish), "OK");
});

Deno.test("an owner that asked for a blocking lock and never again is not waited for (RFC 7530 9.4)", async () => {
  const pair = await start(Share.DENY_NONE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const stateid = await fixture.lock(file);
  const wish = { locker: "2", type: LockType.WRITEW };
  assertEquals(await fixture.lockStatus(file, wish), "DENIED");
  await outlast(pair, fixture, other);
  const at = op.putfh(file.filehandle);
  await fixture.ok(at, op.locku({ stateid, seqid: 1 }));
  assertEquals(await fixture.lockStatus(file, { ...wish, locker: "3" }), "OK");
});

Deno.test("reading, writing and locking renew the lease as RENEW does (RFC 7530 9.5)", async () => {
  const pair = await start(Share.DENY_WRITE);
  const { fixture, other, file } = pair;
  await using _ = fixture;
  const at = op.putfh(file.filehandle);
  const { stateid } = file;
  for (
    const request of [
      op.read({ stateid }),
      op.write({ stateid, data: "x" }),
      op.setattr({ size: 1n }, stateid),
    ]
  ) {
    pair.clock.advance(LEASE_SECONDS * 700);
    await fixture.ok(at, request);
    await other.ok(op.renew(other.client.clientid));
  }
  const write = { access: Share.ACCESS_WRITE };
  assertEquals(await other.openStatus("new", write), "SHARE_DENIED");
});
