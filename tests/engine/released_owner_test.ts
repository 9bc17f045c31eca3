/** NFSv4.0: a LOCK that waits while its owner is released. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { nextTurn } from "../../src/base/turn.ts";
import { op } from "../support/client/mod.ts";
import { Locker, read } from "./locker.ts";
import { AT_FILE, StateFixture } from "./state_fixture.ts";

const RANGE = { offset: 0n, length: 1n };

/** A file system in which the next look at the file waits. */
function slowOnce() {
  const fs = memory({ file: "content" });
  const gate = Promise.withResolvers<void>();
  const { getattr } = fs;
  const file = fs.lookup(fs.root(), "file");
  let isSlow = false;
  fs.getattr = (...args) => {
    const told = getattr.apply(fs, args);
    if (!isSlow || args[0] !== file) return told;
    isSlow = false;
    return gate.promise.then(() => told) as never;
  };
  const slowDown = () => {
    isSlow = true;
  };
  return { fs, slowDown, goOn: gate.resolve };
}

/** A client whose lock owner has a stateid and no lock, and stands with two LOCKs behind a slow look. */
async function twoLocks() {
  const { fs, slowDown, goOn } = slowOnce();
  const fixture = new StateFixture({ fs });
  const client = await fixture.client(0);
  const locker = await Locker.of(client);
  await locker.lock(RANGE);
  await locker.unlock(RANGE);
  const other = { access: 3, seqid: 1, owner: "other" };
  const openStateid = await client.open("file", other);
  slowDown();
  const first = client.status(...AT_FILE, locker.lockOp(read(8n, 1n)));
  await nextTurn();
  const owner = client.owner("locker");
  const request = op.lock({
    ...RANGE,
    locker: { openStateid, openSeqid: 3, lockSeqid: 3, owner },
  });
  const second = client.call(...AT_FILE, request);
  await nextTurn();
  return { fixture, client, owner, first, second, goOn };
}

Deno.test("NFSv4.0: a LOCK that waits while its owner is released has a lock that is good, by an owner that is new", async () => {
  const { fixture, client, owner, first, second, goOn } = await twoLocks();
  assertEquals(await client.status(op.releaseLockowner(owner)), "OK");
  goOn();
  assertEquals(await first, "BAD_STATEID");
  const { stateid } = (await second).get("LOCK");
  const rival = await Locker.of(await fixture.client(1));
  assertEquals(await rival.lock(RANGE), "DENIED 0+1 write");
  const unlock = op.locku({ ...RANGE, stateid, seqid: 4 });
  assertEquals(await client.status(...AT_FILE, unlock), "OK");
  assertEquals(await rival.lock(RANGE), "OK");
});
