import { assertEquals } from "@std/assert";
import { Share } from "../../../src/nfs4/constants.ts";
import {
  type Delegation,
  type DelegationPolicy,
  noDelegations,
  revokeDelegation,
  WhyNoDelegation,
} from "../../../src/state/delegations.ts";
import {
  AT_FILE,
  type StateClient,
  StateFixture,
} from "../../engine/state_fixture.ts";
import { RestartFixture } from "../../recovery/restart.ts";
import { LEASE } from "../../state/fixture.ts";
import {
  anonymousStateid,
  FileType,
  LockType,
  op,
  type Request,
  type Stateid,
  walk,
} from "../../support/client/mod.ts";

const tree = { file: "content", more: "" };

/** Grants write delegations as long as it is told to. */
class Granting {
  readonly granted: Delegation[] = [];
  isGenerous = false;
  readonly policy: DelegationPolicy = {
    ...noDelegations,
    offer: () => this.isGenerous ? "write" : WhyNoDelegation.RESOURCE,
    began: (delegation) => void this.granted.push(delegation),
  };
}

/** A client with an open (two OPENs), a lock under it, and perhaps a delegation of `file`. */
interface Held {
  readonly client: StateClient;
  readonly open: Stateid;
  readonly lock: Stateid;
  /** NFSv4.0: the next seqids of the owners. */
  readonly openSeqid: number;
  readonly lockSeqid: number;
}

async function hold(fixture: StateFixture, minor: 0 | 1): Promise<Held> {
  const client = await fixture.client(minor);
  await client.open("file", { seqid: 1 });
  const open = await client.open("file", { seqid: 3, access: 1 });
  const locker = {
    openStateid: open,
    openSeqid: 4,
    lockSeqid: 1,
    owner: client.owner("locker"),
  };
  const range = { type: LockType.READ, offset: 0n, length: 10n };
  const lock = op.lock({ ...range, locker });
  const first = (await client.ok("LOCK", ...AT_FILE, lock)).stateid;
  const again = op.lock({
    ...range,
    locker: { lockStateid: first, lockSeqid: 2 },
  });
  const { stateid } = await client.ok("LOCK", ...AT_FILE, again);
  return { client, open, lock: stateid, openSeqid: 5, lockSeqid: 3 };
}

/** Every operation that takes a stateid of an open or a lock. */
function uses(
  held: Held,
  change: (stateid: Stateid) => Stateid,
): Request[] {
  const { client, openSeqid, lockSeqid } = held;
  const open = change(held.open);
  const lock = change(held.lock);
  const owner = client.owner("another locker");
  return [
    op.read({ stateid: open }),
    op.write({ stateid: lock, data: "x" }),
    op.setattr({ size: 3n }, open),
    op.lock({ locker: { openStateid: open, openSeqid, lockSeqid: 1, owner } }),
    op.lock({ locker: { lockStateid: lock, lockSeqid } }),
    op.locku({ stateid: lock, seqid: lockSeqid + 1 }),
    op.openDowngrade({ stateid: open, seqid: openSeqid + 1, access: 1 }),
    op.close(open, openSeqid + 2),
    ...(client.minorVersion === 0
      ? [op.openConfirm(open, openSeqid + 3)]
      : [op.freeStateid(lock)]),
  ];
}

for (const minor of [0, 1] as const) {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`NFSv4.${minor}: ${name}`, body);

  test("a stateid from before the last change is OLD_STATEID wherever one is taken (RFC 8881 8.2.2, RFC 7530 9.1.4.4)", async () => {
    const fixture = new StateFixture({ tree });
    const held = await hold(fixture, minor);
    const old = (stateid: Stateid) => ({ ...stateid, seqid: 1 });
    for (const request of uses(held, old)) {
      const status = await held.client.status(...AT_FILE, request);
      assertEquals(status, "OLD_STATEID", request.name);
    }
  });

  test("a stateid that nobody gave out is BAD_STATEID wherever one is taken (RFC 8881 8.2.4, RFC 7530 9.1.4.4)", async () => {
    const fixture = new StateFixture({ tree });
    const held = await hold(fixture, minor);
    const bad = ({ seqid, other }: Stateid) => ({
      seqid,
      other: other.with(11, other[11]! ^ 0x55),
    });
    for (const request of uses(held, bad)) {
      const status = await held.client.status(...AT_FILE, request);
      assertEquals(status, "BAD_STATEID", request.name);
    }
    const status = await held.client.status(
      ...AT_FILE,
      op.delegreturn(bad(held.open)),
    );
    assertEquals(status, "BAD_STATEID");
  });

  test("LOCK and LOCKT of what is no file (RFC 8881 18.10.4, RFC 7530 16.10.5)", async () => {
    const client = await new StateFixture().client(minor);
    const symlink = { type: FileType.LNK, name: "link", link: "x" };
    const fifo = { type: FileType.FIFO, name: "fifo" };
    for (const made of [symlink, fifo]) {
      await client.ok("CREATE", op.putrootfh(), op.create(made));
    }
    const owner = client.owner();
    const locker = { openStateid: anonymousStateid, owner };
    const expected = minor === 0
      ? { "": "ISDIR", link: "INVAL", fifo: "INVAL" }
      : { "": "ISDIR", link: "SYMLINK", fifo: "WRONG_TYPE" };
    for (const [name, status] of Object.entries(expected)) {
      const at = walk(name === "" ? [] : [name]);
      assertEquals(await client.status(...at, op.lock({ locker })), status);
      assertEquals(await client.status(...at, op.lockt({ owner })), status);
    }
  });

  test("a range of no bytes, or beyond 2^64, is INVAL (RFC 8881 18.10.3, 18.12.3, RFC 7530 16.10.4)", async () => {
    const fixture = new StateFixture({ tree });
    const { client, lock, lockSeqid } = await hold(fixture, minor);
    const ranges = [
      { offset: 0n, length: 0n },
      { offset: 2n ** 64n - 1n, length: 2n },
    ];
    let seqid = lockSeqid;
    for (const range of ranges) {
      const requests = [
        op.lock({
          ...range,
          locker: { lockStateid: lock, lockSeqid: seqid++ },
        }),
        op.locku({ ...range, stateid: lock, seqid: seqid++ }),
        op.lockt({ ...range, owner: client.owner() }),
      ];
      for (const request of requests) {
        const status = await client.status(...AT_FILE, request);
        assertEquals(status, "INVAL", request.name);
      }
    }
  });

  test("a reclaim that an earlier one forbids is RECLAIM_CONFLICT (RFC 8881 15.1.9.5, RFC 7530 13.1.9.4)", async () => {
    const server = new RestartFixture();
    for (const _ of [0, 1]) {
      const client = await server.fixture.client(minor);
      await client.open("file", { seqid: 1 });
    }
    server.restart();
    const unfinished = { reclaimComplete: false };
    const first = await server.fixture.client(minor, unfinished);
    const second = await server.fixture.client(minor, unfinished);
    const claim = { claim: "previous", delegate: 0 } as const;
    const deny = Share.DENY_BOTH;
    const reclaim = first.openOp("", { claim, deny, seqid: 1 });
    assertEquals(await first.status(...AT_FILE, reclaim), "OK");
    const late = second.openOp("", { claim, seqid: 1 });
    assertEquals(await second.status(...AT_FILE, late), "RECLAIM_CONFLICT");
  });

  test("a delegation's stateid is judged like any other (RFC 8881 18.6.3, RFC 7530 16.8.4)", async () => {
    const granting = new Granting();
    const fixture = new StateFixture({ tree, delegations: granting.policy });
    const client = await fixture.client(minor);
    // NFSv4.0 gets none with an OPEN that is to be confirmed.
    await client.open("more", { seqid: 1 });
    granting.isGenerous = true;
    const opened = await client.ok(
      "OPEN",
      op.putrootfh(),
      client.openOp("file", { access: 2, seqid: 3 }),
    );
    const { stateid } = opened.delegation as { stateid: Stateid };
    const claim = (stateid: Stateid, seqid: number) =>
      client.openOp("file", {
        seqid,
        claim: { claim: "delegate_cur", name: "file", stateid },
      });
    const old = { ...stateid, seqid: minor === 0 ? 0 : stateid.seqid - 1 };
    if (minor === 0) {
      assertEquals(
        await client.status(...AT_FILE, op.delegreturn(old)),
        "OLD_STATEID",
      );
      const status = await client.status(op.putrootfh(), claim(old, 4));
      assertEquals(status, "OLD_STATEID");
    }
    revokeDelegation(fixture.services.state, granting.granted[0]!);
    const gone = minor === 0 ? "BAD_STATEID" : "DELEG_REVOKED";
    const requests = [
      op.read({ stateid }),
      op.write({ stateid, data: "x" }),
      op.setattr({ size: 0n }, stateid),
      op.delegreturn(stateid),
    ];
    for (const request of requests) {
      const status = await client.status(...AT_FILE, request);
      assertEquals(status, gone, request.name);
    }
    const status = await client.status(op.putrootfh(), claim(stateid, 5));
    assertEquals(status, gone);
  });
}

Deno.test("NFSv4.0: what was held by a client that lost its lease is EXPIRED wherever it is named (RFC 7530 9.6.3.1)", async () => {
  const granting = new Granting();
  const fixture = new StateFixture({ tree, delegations: granting.policy });
  const held = await hold(fixture, 0);
  const { client } = held;
  granting.isGenerous = true;
  const opened = await client.ok(
    "OPEN",
    op.putrootfh(),
    client.openOp("more", { access: 2, seqid: 5 }),
  );
  granting.isGenerous = false;
  const { stateid } = opened.delegation as { stateid: Stateid };
  fixture.clock.advance(LEASE + 1);
  const other = await fixture.client(0);
  const deny = { seqid: 1, access: Share.ACCESS_READ, deny: Share.DENY_BOTH };
  assertEquals(await other.openStatus("file", deny), "OK");
  for (const request of uses(held, (stateid) => stateid)) {
    const status = await client.status(...AT_FILE, request);
    assertEquals(status, "EXPIRED", request.name);
  }
  const at = walk(["more"]);
  assertEquals(await client.status(...at, op.delegreturn(stateid)), "EXPIRED");
  const owner = client.owner("locker");
  assertEquals(await client.status(op.releaseLockowner(owner)), "EXPIRED");
  assertEquals(await client.status(op.renew(client.clientid)), "EXPIRED");
  assertEquals(await client.openStatus("more", { seqid: 6 }), "EXPIRED");
  assertEquals(await client.status(...at, op.lockt({ owner })), "EXPIRED");
});

Deno.test("NFSv4.0: a stateid of another start of the server is STALE_STATEID wherever one is taken (RFC 7530 9.1.4.4)", async () => {
  const held = await hold(new StateFixture({ tree }), 0);
  const stale = ({ seqid, other }: Stateid) => ({
    seqid,
    other: other.with(0, other[0]! ^ 0x55),
  });
  const requests = [...uses(held, stale), op.delegreturn(stale(held.open))];
  for (const request of requests) {
    const status = await held.client.status(...AT_FILE, request);
    assertEquals(status, "STALE_STATEID", request.name);
  }
});

Deno.test("NFSv4.1: RECLAIM_COMPLETE of one file system needs a filehandle (RFC 8881 18.51.3)", async () => {
  const client = await new StateFixture().client(1);
  const one = op.reclaimComplete(true);
  assertEquals(await client.status(one), "NOFILEHANDLE");
  assertEquals(await client.status(op.putrootfh(), one), "OK");
});

Deno.test("NFSv4.1: SECINFO_NO_NAME of a file's parent is NOTDIR, of the root's NOENT (RFC 8881 18.45.3)", async () => {
  const client = await new StateFixture().client(1);
  const parent = op.secinfoNoName(1);
  assertEquals(await client.status(...AT_FILE, parent), "NOTDIR");
  assertEquals(await client.status(op.putrootfh(), parent), "NOENT");
});
