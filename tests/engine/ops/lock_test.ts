import { assertEquals } from "@std/assert";
import {
  FileType,
  LockType,
  op,
  type Request,
  TO_END,
  walk,
} from "../../support/client/mod.ts";
import { LEASE } from "../../state/fixture.ts";
import { Locker, read, write } from "../locker.ts";
import { AT_FILE, StateFixture } from "../state_fixture.ts";

const MAX = TO_END;

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`LOCK 4.${minor}: ${name}`, body);
  const pair = async (fixture = new StateFixture()) => {
    const one = await Locker.of(await fixture.client(minor));
    const two = await Locker.of(await fixture.client(minor));
    return { fixture, one, two };
  };

  test("readers share, writers don't, and the holder is named (RFC 8881 18.10.3)", async () => {
    const { one, two } = await pair();
    assertEquals(await one.lock(read(0n, 10n)), "OK");
    assertEquals(await two.lock(read(5n, 10n)), "OK");
    assertEquals(await two.lock(write(12n, 2n)), "OK");
    assertEquals(await one.lock(write(13n, 4n)), "DENIED 12+2 write");
    assertEquals(await one.test(write(5n, 1n)), "DENIED 5+7 read");
    assertEquals(await one.test(read(5n, 1n)), "OK");
    const reply = await one.client.call(...AT_FILE, one.lockOp(write(12n, 1n)));
    const { denied } = reply.last!.value as {
      denied: { clientid: bigint; owner: Uint8Array };
    };
    assertEquals(denied.clientid, two.client.clientid);
    assertEquals(new TextDecoder().decode(denied.owner), "locker");
  });

  test("the seqid of the stateid counts each change (RFC 8881 8.2.2)", async () => {
    const { one } = await pair();
    await one.lock(write(0n, 1n));
    assertEquals(one.state.seqid, 1);
    const { other } = one.state;
    await one.lock(write(5n, 1n));
    await one.unlock({});
    assertEquals(one.state, { seqid: 3, other });
  });

  test("split, join, upgrade and downgrade (POSIX)", async () => {
    const { one, two } = await pair();
    await one.lock(write(0n, 100n));
    await one.unlock({ offset: 40n, length: 20n });
    assertEquals(await two.test(write(40n, 20n)), "OK");
    assertEquals(await two.test(write(39n, 1n)), "DENIED 0+40 write");
    assertEquals(await two.test(write(60n, 1n)), "DENIED 60+40 write");
    await one.lock(write(40n, 20n));
    assertEquals(await two.test(write(50n, 1n)), "DENIED 0+100 write");
    await one.lock(read(50n, 10n));
    assertEquals(await two.test(read(50n, 10n)), "OK");
    assertEquals(await two.lock(read(50n, 10n)), "OK");
    assertEquals(await one.lock(write(50n, 10n)), "DENIED 50+10 read");
    await two.unlock({});
    assertEquals(await one.lock(write(50n, 10n)), "OK");
    assertEquals(await two.test(read(50n, 1n)), "DENIED 0+100 write");
  });

  test("64-bit ranges, to the end, and those that there are none of (RFC 8881 18.10.3)", async () => {
    const { one, two } = await pair();
    assertEquals(await one.lock(write(MAX, MAX)), "OK");
    assertEquals(await two.test(write(MAX, MAX)), `DENIED ${MAX}+${MAX} write`);
    assertEquals(await two.test(write(MAX - 1n, 1n)), "OK");
    await one.unlock({});
    assertEquals(await one.lock(write(7n, MAX)), "OK");
    assertEquals(await two.test(write(MAX, MAX)), `DENIED 7+${MAX} write`);
    const status = (request: Request) => two.client.status(...AT_FILE, request);
    const owner = two.client.owner();
    for (
      const [offset, length] of [[0n, 0n], [2n, MAX - 1n], [MAX, 1n]] as const
    ) {
      assertEquals(await status(two.lockOp({ offset, length })), "INVAL");
      assertEquals(await status(op.lockt({ offset, length, owner })), "INVAL");
    }
  });

  test("what waits is denied like the rest, and the client asks again (RFC 8881 9.6)", async () => {
    const { one, two } = await pair();
    await one.lock({ ...write(0n, 1n), type: LockType.WRITEW });
    const blocking = { ...read(0n, 1n), type: LockType.READW };
    assertEquals(await two.lock(blocking), "DENIED 0+1 write");
    await one.unlock({});
    assertEquals(await two.lock(blocking), "OK");
  });

  test("an open must allow what the lock keeps others from (OPENMODE)", async () => {
    const fixture = new StateFixture();
    const client = await fixture.client(minor);
    const reader = await Locker.of(client, { access: 1, name: "r" });
    const writer = await Locker.of(client, { access: 2, name: "w" });
    const status = (request: Request) => client.status(...AT_FILE, request);
    assertEquals(await status(reader.lockOp(write(0n, 1n))), "OPENMODE");
    assertEquals(await status(writer.lockOp(read(0n, 1n))), "OPENMODE");
    assertEquals(await reader.lock(read(0n, 1n)), "OK");
  });

  test("two owners of one client are two (RFC 8881 9.1)", async () => {
    const fixture = new StateFixture();
    const client = await fixture.client(minor);
    const one = await Locker.of(client, { name: "a" });
    const two = await Locker.of(client, { name: "b" });
    await one.lock(write(0n, 4n));
    assertEquals(await two.lock(write(3n, 4n)), "DENIED 0+4 write");
  });

  test("LOCKT of an unknown owner leaves no trace (RFC 8881 18.11)", async () => {
    const { fixture, one } = await pair();
    await one.lock(write(0n, 1n));
    const before = fixture.counts;
    const { counts } = fixture.services.state.budget;
    const { owner: owners } = counts;
    const { client } = one;
    for (const [offset, expected] of [[0n, "DENIED"], [1n, "OK"]] as const) {
      const lockt = op.lockt({
        offset,
        length: 1n,
        owner: client.owner("new"),
      });
      assertEquals(await client.status(...AT_FILE, lockt), expected);
    }
    assertEquals([fixture.counts, counts.owner], [before, owners]);
  });

  test("CLOSE lets the locks go (RFC 8881 18.2.3, RFC 7530 16.2.4)", async () => {
    const { fixture, one, two } = await pair();
    await one.lock(write(0n, MAX));
    const { state, client } = one;
    await client.ok("CLOSE", ...AT_FILE, op.close(one.open, 4));
    assertEquals(await two.lock(write(0n, MAX)), "OK");
    const unlock = op.locku({ stateid: state });
    assertEquals(await client.status(...AT_FILE, unlock), "BAD_STATEID");
    const known = fixture.services.state.clients.find(
      client.clientid,
      minor === 0 ? 0 : 1,
    )!;
    assertEquals(known.states.ranges, 0);
  });

  test("a client whose lease ran out keeps its locks until somebody minds (RFC 8881 8.4.3)", async () => {
    const { fixture, one, two } = await pair();
    await one.lock(write(0n, 1n));
    fixture.clock.advance(LEASE + 1);
    // Nobody minded: it is still there.
    const lockt = op.lockt({
      offset: 0n,
      length: 1n,
      owner: one.client.owner(),
    });
    assertEquals(await one.client.status(...AT_FILE, lockt), "DENIED");
    fixture.clock.advance(LEASE + 1);
    assertEquals(await two.lock(write(0n, 1n)), "OK");
    const stateid = one.state;
    const lost = await one.client.status(...AT_FILE, op.read({ stateid }));
    assertEquals(lost, minor === 0 ? "EXPIRED" : "BADSESSION");
  });

  test("no more locks than the limit", async () => {
    const { one } = await pair(
      new StateFixture({ limits: { maxLocksPerClient: 2 } }),
    );
    await one.lock(write(0n, 1n));
    await one.lock(write(2n, 1n));
    const full = minor === 0 ? "RESOURCE" : "DELAY";
    const third = await one.client.status(
      ...AT_FILE,
      one.lockOp(write(4n, 1n)),
    );
    assertEquals(third, full);
  });

  test("only stateids of the right kind (RFC 8881 8.2.4)", async () => {
    const { one } = await pair();
    await one.lock(write(0n, 1n));
    const { client, open, state } = one;
    const statuses = [
      op.lock({ locker: { lockStateid: open, lockSeqid: 2 } }),
      op.locku({ stateid: open, seqid: 2 }),
      op.close(state, 4),
      op.openDowngrade({ stateid: state, access: 1 }),
      op.lock({
        locker: { openStateid: state, openSeqid: 4, owner: client.owner("n") },
      }),
    ].map((request) => client.status(...AT_FILE, request));
    assertEquals(await Promise.all(statuses), Array(5).fill("BAD_STATEID"));
  });

  test("files that can't be locked, lock types that there are none of", async () => {
    const client = await new StateFixture({ tree: { dir: {} } }).client(minor);
    const lockt = op.lockt({ owner: client.owner() });
    assertEquals(await client.status(...walk(["dir"]), lockt), "ISDIR");
    const link = op.create({ type: FileType.LNK, name: "link", link: "x" });
    await client.call(op.putrootfh(), link);
    const expected = minor === 0 ? "INVAL" : "SYMLINK";
    assertEquals(await client.status(...walk(["link"]), lockt), expected);
    for (const type of [0, 5]) {
      const bad = op.lockt({ type, owner: client.owner() });
      assertEquals(await client.status(...walk(["dir"]), bad), "BADXDR");
    }
  });

  test("reclaims in the grace period and only there (RFC 8881 8.4.2.1)", async () => {
    const fixture = new StateFixture({ graceMs: 1000 });
    const client = await fixture.client(minor, { reclaimComplete: false });
    const claim = { claim: "previous", delegate: 0 } as const;
    const open = client.openOp("", { claim, seqid: 1 });
    const { stateid } = await client.ok("OPEN", ...AT_FILE, open);
    const lockOp = (reclaim: boolean, seqid: number) =>
      op.lock({
        reclaim,
        locker: {
          openStateid: stateid,
          openSeqid: seqid,
          lockSeqid: 1,
          owner: client.owner(`${seqid}`),
        },
      });
    const status = (request: Request) => client.status(...AT_FILE, request);
    const lockt = op.lockt({ owner: client.owner() });
    assertEquals(await status(lockt), "GRACE");
    assertEquals(await status(lockOp(false, 2)), "GRACE");
    assertEquals(await status(lockOp(true, 3)), "OK");
    assertEquals(await status(lockOp(true, 4)), "RECLAIM_CONFLICT");
    fixture.clock.advance(2000);
    assertEquals(await status(lockOp(true, 5)), "NO_GRACE");
  });
}
