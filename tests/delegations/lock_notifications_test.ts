/** CB_NOTIFY_LOCK over TCP: from the promise in OPEN to the lock. */

import { assert, assertEquals } from "@std/assert";
import { Share, Status } from "../../src/nfs4/constants.ts";
import {
  bytesOf,
  LockType,
  type NotifyLock,
  op,
  type OpenedFile,
  openSession,
  type Request,
  type Session,
} from "../support/client/mod.ts";
import { startServer } from "../support/server.ts";

const MAY_NOTIFY = 0x20;
const access = Share.ACCESS_BOTH | 0x0400; // no delegation wanted
const range = { offset: 3n, length: 4n };

/** Opens until the path of callbacks is proven, which the first OPEN may be too quick for. */
async function openPromised(session: Session): Promise<OpenedFile> {
  for (let i = 0; i < 400; i++) {
    const file = await session.open(["f"], { access });
    if ((file.flags & MAY_NOTIFY) !== 0) return file;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("never promised");
}

function lockOp(session: Session, file: OpenedFile, type: number): Request[] {
  const { clientid } = session.client;
  const owner = { clientid, owner: bytesOf(`locker of ${clientid}`) };
  const locker = { openStateid: file.stateid, owner };
  return [op.putfh(file.filehandle), op.lock({ type, ...range, locker })];
}

/** The CB_NOTIFY_LOCKs that a client was sent. */
function notifications(session: Session): readonly NotifyLock[] {
  return session.client.callbacks.calls
    .flatMap((call) => call.compound?.ops ?? [])
    .flatMap((op) => op.op === "NOTIFY_LOCK" ? [op.args] : []);
}

async function notified(session: Session): Promise<NotifyLock> {
  for (let i = 0; i < 400; i++) {
    const [notification] = notifications(session);
    if (notification !== undefined) return notification;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("never told");
}

for (const minorVersion of [1, 2]) {
  Deno.test(`NFSv4.${minorVersion}: a client that waits for a lock is told when its turn comes (RFC 8881 20.11)`, async () => {
    await using server = await startServer({ tree: { f: "" }, metricsPort: 0 });
    const { port } = server;
    await using holder = await openSession({ port, minorVersion });
    await using waiter = await openSession({ port, minorVersion });
    const held = await openPromised(holder);
    const file = await openPromised(waiter);
    const { stateid } = (await holder.compound(
      lockOp(holder, held, LockType.WRITE),
    )).get("LOCK");
    const ask = lockOp(waiter, file, LockType.WRITEW);
    await waiter.expectStatus(Status.DENIED, ask);
    assertEquals(notifications(waiter), []);
    await holder.compound([
      op.putfh(held.filehandle),
      op.locku({ stateid, ...range }),
    ]);
    const { filehandle, owner } = await notified(waiter);
    assertEquals(filehandle, file.filehandle);
    assertEquals(owner.clientid, waiter.client.clientid);
    assertEquals(owner.owner, bytesOf(`locker of ${waiter.client.clientid}`));
    const again = lockOp(holder, held, LockType.WRITEW);
    await holder.expectStatus(Status.DENIED, again);
    await waiter.compound(ask);
    assertEquals(notifications(holder), []);
    waiter.client.callbacks.assertClean();
    holder.client.callbacks.assertClean();
    const url = `http://127.0.0.1:${server.server.metricsPort}/metrics`;
    const metrics = await (await fetch(url)).text();
    const [, count] =
      /_operations_total\{operation="CB_NOTIFY_LOCK",status="NFS4_OK"\} (\d+)/
        .exec(metrics) ?? [];
    assertEquals(count, "1", metrics);
  });
}

Deno.test("a session without a back channel is promised nothing, and asks as before", async () => {
  await using server = await startServer({ tree: { f: "" } });
  const { port } = server;
  await using holder = await openSession({ port });
  await using waiter = await openSession({ port, flags: 0 });
  const held = await openPromised(holder);
  const file = await waiter.open(["f"], { access });
  assertEquals(file.flags & MAY_NOTIFY, 0);
  const { stateid } = (await holder.compound(
    lockOp(holder, held, LockType.WRITE),
  )).get("LOCK");
  const ask = lockOp(waiter, file, LockType.WRITEW);
  await waiter.expectStatus(Status.DENIED, ask);
  await holder.compound([
    op.putfh(held.filehandle),
    op.locku({ stateid, ...range }),
  ]);
  await waiter.compound(ask);
  assert(waiter.client.callbacks.calls.length === 0);
});
