/** A lease that runs out is a courtesy until somebody minds (RFC 8881 8.4.3). */

import { assertEquals } from "@std/assert";
import { Share, Status } from "../../../src/nfs4/constants.ts";
import {
  bytesOf,
  op,
  type OpenedFile,
  type OpenFileOptions,
  type Session,
} from "../../support/client/mod.ts";
import { created, Fixture, NOT_WANTED, statusOfOpen } from "./fixture.ts";

const ACCESS_READ = Share.ACCESS_READ | NOT_WANTED;
const ACCESS_WRITE = Share.ACCESS_WRITE | NOT_WANTED;
const ACCESS_BOTH = Share.ACCESS_BOTH | NOT_WANTED;
const DENY_READ = 1;
const DENY_WRITE = 2;
const LEASE_SECONDS = 1;

/** A write lock over the whole file. */
function lock(session: Session, file: OpenedFile) {
  const owner = { clientid: 0n, owner: bytesOf("lock") };
  return session.compound([
    op.putfh(file.filehandle),
    op.lock({ locker: { openStateid: file.stateid, owner } }),
  ]);
}

/** Lets the leases of all clients run out. */
function lapse(): Promise<void> {
  const ms = LEASE_SECONDS * 1000 + 50;
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What is held, what somebody then wants of the same file. */
const conflicts: Record<string, readonly [OpenFileOptions, OpenFileOptions]> = {
  "an open for writing gives way to one that denies it": [
    { access: ACCESS_WRITE },
    { access: ACCESS_READ, deny: DENY_WRITE },
  ],
  "an open that denies writing gives way to one for it": [
    { access: ACCESS_BOTH, deny: DENY_WRITE },
    { access: ACCESS_WRITE },
  ],
  "an open that denies reading gives way to one for it": [
    { access: ACCESS_WRITE, deny: DENY_READ },
    { access: ACCESS_READ },
  ],
};

Deno.test("state whose lease ran out gives way to whoever is in conflict, and stays for its owner otherwise (RFC 8881 8.4.3)", async (t) => {
  await using fixture = await Fixture.open({ leaseSeconds: LEASE_SECONDS });
  const holders: Session[] = [];
  for (const [name, [held, wanted]] of Object.entries(conflicts)) {
    const holder = await fixture.session();
    await holder.open([name], { ...held, create: created });
    // The same twice: two clients that lapse, both in the way.
    const second = await fixture.session();
    if (held.deny !== DENY_WRITE) await second.open([name], held);
    const other = await fixture.session();
    const denied = await statusOfOpen(other, [name], wanted);
    assertEquals(denied, Status.SHARE_DENIED, name);
    holders.push(holder);
  }
  const locker = await fixture.session();
  const access = ACCESS_BOTH;
  const locked = await locker.open(["locked"], { access, create: created });
  await lock(locker, locked);
  const quiet = await fixture.session();
  const kept = await quiet.open(["kept"], { access, create: created });
  const { stateid } = (await lock(quiet, kept)).get("LOCK");

  await lapse();

  for (const [name, [, wanted]] of Object.entries(conflicts)) {
    await t.step(name, async () => {
      const other = await fixture.session();
      assertEquals(await statusOfOpen(other, [name], wanted), Status.OK);
    });
  }
  await t.step("a lock gives way to another", async () => {
    const other = await fixture.session();
    const access = ACCESS_WRITE;
    await lock(other, await other.open(["locked"], { access }));
    await locker.expectStatus(Status.BADSESSION, []);
  });
  await t.step("nobody minds: the lock is still there", async () => {
    await quiet.compound([
      op.putfh(kept.filehandle),
      op.locku({ stateid }),
      op.close(kept.stateid),
    ]);
  });
  for (const holder of holders) {
    await holder.expectStatus(Status.BADSESSION, []);
  }
});

Deno.test("a client ID that nobody confirms for a lease is gone (RFC 8881 18.35.4)", async () => {
  await using fixture = await Fixture.open({ leaseSeconds: LEASE_SECONDS });
  const [quick, slow] = [await fixture.client(), await fixture.client()];
  await quick.exchangeId();
  await slow.exchangeId();
  await quick.createSession();
  await lapse();
  const late = op.createSession(slow.sessionArguments());
  await slow.compound([late], { expect: Status.STALE_CLIENTID });
});
