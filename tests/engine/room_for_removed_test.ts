/** Who gives way where a file system can keep no more removed files for those that have them open. */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { FsError, type FsErrorCode } from "../../src/vfs/mod.ts";
import { op, walk } from "../support/client/mod.ts";
import { start } from "../delegations/keeper_fixture.ts";
import { LEASE } from "../state/fixture.ts";
import type { StateClient } from "./state_fixture.ts";

/** Files by name, and the owner that each has. */
type Owners = Readonly<Record<string, number>>;

/** A file system that refuses to let go of a last name once it is told to. */
function place(owners: Owners) {
  const fs = memory(
    Object.fromEntries(Object.keys(owners).map((name) => [name, ""])),
  );
  for (const [name, uid] of Object.entries(owners)) {
    fs.setattr(fs.lookup(fs.root(), name)!, { uid });
  }
  const { fixture, clock } = start({ fs });
  const held = async (...names: string[]) => {
    const client = await fixture.client(1);
    for (const name of names) await client.open(name, { owner: name });
    return client;
  };
  return {
    fixture,
    held,
    /** A client that has removed these, and has them open. */
    async keeper(...names: string[]) {
      const client = await held(...names);
      for (const name of names) assertEquals(await remove(client, name), "OK");
      return client;
    },
    refuse(code: FsErrorCode) {
      fs.remove = () => {
        throw new FsError(code);
      };
    },
    /** The clients fall asleep, and another one tries to remove `name`. */
    async removeAfterTheirLease(name: string, ...awake: StateClient[]) {
      clock.advance(LEASE + 1);
      for (const client of awake) assertEquals(await client.status(), "OK");
      const remover = await fixture.client(1);
      assertEquals(await remove(remover, name), "DELAY");
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

function remove(client: StateClient, name: string): Promise<string> {
  return client.status(op.putrootfh(), op.remove(name));
}

/** Of each client whether it goes on. */
function goOn(...clients: StateClient[]): Promise<boolean[]> {
  return Promise.all(
    clients.map(async (client) => await client.status() === "OK"),
  );
}

Deno.test("clients without a lease give way by the removed files that they have open (RFC 8881 8.4.2.4), and no others", async () => {
  const at = place({ removed: 0, open: 0, other: 0 });
  const keeper = await at.keeper("removed");
  const bystander = await at.held("open");
  at.refuse("too-many-removed");
  assertEquals(await remove(bystander, "other"), "DELAY");
  assertEquals(await goOn(keeper), [true]);
  await at.removeAfterTheirLease("other");
  assertEquals(await goOn(keeper, bystander), [false, true]);
});

Deno.test("they give way to none who is told to come again for another reason", async () => {
  const at = place({ removed: 0, other: 0 });
  const keeper = await at.keeper("removed");
  at.refuse("busy");
  await at.removeAfterTheirLease("other");
  assertEquals(await goOn(keeper), [true]);
});

Deno.test("they give way to an owner who has no more removed files than theirs has", async () => {
  const owners = { a: 1, b: 2, c: 2, d: 3, e: 3, f: 3, other: 2 };
  const at = place(owners);
  const fewer = await at.keeper("a");
  const own = await at.keeper("b");
  const asking = await at.keeper("c");
  const more = await at.keeper("d", "e", "f");
  at.refuse("too-many-removed");
  await at.removeAfterTheirLease("other", asking);
  assertEquals(await goOn(fewer, own, asking, more), [
    true,
    false,
    true,
    false,
  ]);
});

Deno.test("what is closed counts for no owner, and an owner without any comes before all", async () => {
  const at = place({ a: 1, b: 2, c: 2, other: 2 });
  const one = await at.keeper("a");
  const closed = await at.keeper("b", "c");
  // It has been started anew.
  closed.verifier = new Uint8Array(8).fill(1);
  await closed.register(true);
  at.refuse("too-many-removed");
  await at.removeAfterTheirLease("other");
  assertEquals(await goOn(one), [false]);
});

Deno.test("one stays whose removed file is held by a client that has a lease, too", async () => {
  const at = place({ shared: 0, other: 0 });
  const awake = await at.held("shared");
  const asleep = await at.keeper("shared");
  at.refuse("too-many-removed");
  await at.removeAfterTheirLease("other", awake);
  assertEquals(await goOn(asleep, awake), [true, true]);
});

Deno.test("where they alone have open what is to be removed, they give way, and no others", async () => {
  const at = place({ removed: 0, other: 0 });
  const keeper = await at.keeper("removed");
  const holders = [await at.held("other"), await at.held("other")] as const;
  at.refuse("too-many-removed");
  await at.removeAfterTheirLease("other");
  assertEquals(await goOn(keeper, ...holders), [true, false, false]);
});

Deno.test("a delegation of a removed file is in the way as an open is", async () => {
  const at = place({ removed: 0, other: 0 });
  const keeper = await at.fixture.client(1);
  const opened = await keeper.ok(
    "OPEN",
    op.putrootfh(),
    keeper.openOp("removed", { access: 1 | 0x100 }),
    op.getfh(),
  );
  assertEquals(opened.delegation.type, "read");
  const close = op.close(opened.stateid);
  await keeper.ok("CLOSE", ...walk(["removed"]), close);
  assertEquals(await remove(keeper, "removed"), "OK");
  at.refuse("too-many-removed");
  await at.removeAfterTheirLease("other");
  assertEquals(await goOn(keeper), [false]);
});
