import { assertEquals } from "@std/assert";
import type { Client } from "../../src/state/client.ts";
import { grantDelegation } from "../../src/state/delegations.ts";
import { finish } from "../../src/state/effects.ts";
import { forgetIdleOwners, noteUse } from "../../src/state/idle_owners.ts";
import { addLockState, dropLockState } from "../../src/state/locks.ts";
import { addOpen, dropOpen, type OpenState } from "../../src/state/opens.ts";
import { addOpenOwner, LockOwner, OpenOwner } from "../../src/state/owners.ts";
import { releaseClientState } from "../../src/state/client_release.ts";
import type { FileRef } from "../../src/vfs/file_handle.ts";
import { bytes, fileRef as file, LEASE, StateFixture } from "./fixture.ts";

function register(fixture: StateFixture, protocol: 0 | 1): Client {
  return fixture.state.clients.register({
    protocol,
    owner: bytes(`client ${protocol}`),
    verifier: bytes("verifier"),
    principal: "sys:0",
  })!;
}

/** Opens a file for a new owner and locks a byte of it. */
function openAndLock(
  { state }: StateFixture,
  client: Client,
  { name, of }: { name: string; of: FileRef },
): OpenState {
  const owner = new OpenOwner(client, name);
  owner.isConfirmed = true;
  addOpenOwner(owner);
  const held = state.files.obtain(of, client);
  const open = addOpen(state, { owner, file: held, uid: 0 });
  open.share(3, 0);
  const locker = new LockOwner(client, name);
  const lock = addLockState(state, open, locker);
  const start = BigInt(client.states.opens);
  lock.lock({ start, last: start }, true);
  return open;
}

/** Everything that is left of a client and its files. */
function leftovers({ state }: StateFixture, { states }: Client): number[] {
  return [
    state.budget.counts.owner,
    state.stateids.size,
    state.files.size,
    state.files.delegations,
    states.all.size,
    states.openOwners.size,
    states.idleOwners.size,
    states.opens,
    states.ranges,
    states.delegations,
    states.revoked,
  ];
}

const NOTHING = new Array(11).fill(0);

/** Many times the owners that may stay idle, and a crowd on each of the files. */
const MANY = 20_000;
const FILES = 200;

for (const protocol of [0, 1] as const) {
  Deno.test(`${MANY} opens and locks of NFSv4.${protocol} leave nothing when they are closed`, () => {
    const fixture = new StateFixture();
    const { state } = fixture;
    const client = register(fixture, protocol);
    const opens: OpenState[] = [];
    for (let i = 0; i < MANY; i++) {
      const of = file(`${i % FILES}`);
      opens.push(openAndLock(fixture, client, { name: `${i}`, of }));
    }
    assertEquals(state.stateids.size, 2 * MANY);
    assertEquals(client.states.ranges, MANY);
    for (const open of opens) {
      dropOpen(state, open, { keepForReplay: true });
      if (protocol === 1) continue;
      const { owner } = open;
      const body = new Uint8Array(0);
      const nothing = { current: undefined, conflict: undefined };
      owner.sequence!.answer(1, {
        operation: 4,
        xid: 1,
        principal: "sys:0",
        status: 0,
        body,
        ...nothing,
      });
      noteUse(state, owner, fixture.clock.now());
    }
    if (protocol === 0) {
      // Owners stay for the replay of their CLOSE, as many as are allowed and a lease long.
      assertEquals(client.states.openOwners.size, 1024);
      fixture.clock.advance(LEASE);
      const now = fixture.clock.now();
      assertEquals([...forgetIdleOwners(state, client, now)].length, 1024);
    }
    assertEquals(leftovers(fixture, client), NOTHING);
  });

  Deno.test(`releasing a client of NFSv4.${protocol} drops all that it has, and closes its files`, () => {
    const fixture = new StateFixture();
    const { state, effects } = fixture;
    const client = register(fixture, protocol);
    const open = openAndLock(fixture, client, { name: "a", of: file("x") });
    open.noteFsOpen(1);
    open.noteFsOpen(2);
    const closed = openAndLock(fixture, client, { name: "b", of: file("x") });
    dropOpen(state, closed, { keepForReplay: true });
    grantDelegation(state, open, { type: "read" });
    assertEquals(client.states.isEmpty, false);
    finish(releaseClientState(state, client));
    assertEquals(leftovers(fixture, client), NOTHING);
    assertEquals(client.states.isEmpty, true);
    assertEquals(effects.take().length, 2);
  });
}

Deno.test("a lock state that goes takes its ranges and its owner with it", () => {
  const fixture = new StateFixture();
  const { state } = fixture;
  const client = register(fixture, 1);
  const open = openAndLock(fixture, client, { name: "a", of: file("x") });
  const [lock] = open.locks.values();
  dropLockState(state, lock!);
  assertEquals(client.states.ranges, 0);
  assertEquals(client.states.lockOwners.get("a"), undefined);
  assertEquals(state.stateids.size, 1);
});
