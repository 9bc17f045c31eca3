import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { nextTurn } from "../../src/base/turn.ts";
import type { FileSystem } from "../../src/vfs/file_system.ts";
import { op, type Stateid } from "../support/client/mod.ts";
import { LEASE } from "../state/fixture.ts";
import { AT_FILE, type StateClient, StateFixture } from "./state_fixture.ts";

/** A file system whose writes wait for the test. */
function slowWrites() {
  const fs: FileSystem = memory({ file: "0123456789" });
  const write = fs.write!.bind(fs);
  const waiting: (() => void)[] = [];
  fs.write = async (...args) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return write(...args);
  };
  /** Lets the next one go on, as soon as it waits. */
  const release = async () => {
    while (waiting.length === 0) await nextTurn();
    waiting.shift()!();
  };
  return { fs, release };
}

async function lockOp(client: StateClient) {
  const openStateid = await client.open("file");
  const owner = client.owner("locker");
  const seqids = { openSeqid: 2, lockSeqid: 0 };
  return op.lock({ locker: { openStateid, owner, ...seqids } });
}

for (const minorVersion of [0, 1] as const) {
  Deno.test(`NFSv4.${minorVersion}: a lease does not run out while a request is being carried out, and begins with its end (RFC 8881 8.3)`, async () => {
    const { fs, release } = slowWrites();
    const fixture = new StateFixture({ fs });
    const { clock } = fixture;
    const { state } = fixture.services;
    const holder = await fixture.client(minorVersion);
    const rival = await fixture.client(1);
    const locking = await lockOp(holder);
    const { stateid } = await holder.ok("LOCK", ...AT_FILE, locking) as {
      stateid: Stateid;
    };
    const rivals = await lockOp(rival);
    const write = op.write({ stateid, data: "x", stable: 2 });
    const writing = holder.status(...AT_FILE, write, write);
    for (let i = 0; i < 2; i++) {
      clock.advance(LEASE + 1);
      state.sweep(clock.now());
      assertEquals(await rival.status(...AT_FILE, rivals), "DENIED");
      await release();
      for (let turns = 0; turns < 5; turns++) await nextTurn();
    }
    assertEquals(await writing, "OK");
    clock.advance(LEASE);
    assertEquals(await rival.status(...AT_FILE, rivals), "DENIED");
    clock.advance(1);
    assertEquals(await rival.status(...AT_FILE, rivals), "OK");
  });
}
