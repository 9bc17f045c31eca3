import { assert, assertEquals } from "@std/assert";
import { Status } from "../../src/nfs4/constants.ts";
import { type ChannelAttributes, Direction } from "../../src/nfs4/sessions.ts";
import type { Client } from "../../src/state/client.ts";
import {
  dropDelegation,
  grantDelegation,
  revokeDelegation,
} from "../../src/state/delegations.ts";
import { addLockState } from "../../src/state/locks.ts";
import { addOpen, dropOpen, type OpenState } from "../../src/state/opens.ts";
import { addOpenOwner, LockOwner, OpenOwner } from "../../src/state/owners.ts";
import { STATE_COSTS, StateBudget } from "../../src/state/state_budget.ts";
import { testConnection } from "../support/connection.ts";
import {
  bytes,
  fileRef,
  type FixtureOptions,
  LEASE,
  StateFixture,
} from "./fixture.ts";

const NOTHING = Object.fromEntries(
  Object.keys(STATE_COSTS).map((kind) => [kind, 0]),
);

const FORE: ChannelAttributes = {
  maxRequestSize: 4096,
  maxResponseSize: 4096,
  maxResponseSizeCached: 4096,
  maxOperations: 8,
  maxRequests: 8,
};

function come(
  { state }: StateFixture,
  name: string,
  options: { party?: string; protocol?: 0 | 1 } = {},
): Client | undefined {
  const client = state.clients.register({
    protocol: options.protocol ?? 1,
    owner: bytes(name),
    verifier: new Uint8Array(8),
    principal: "sys:0",
    party: options.party,
  });
  if (client !== undefined) state.confirmClient(client);
  return client;
}

function open({ state }: StateFixture, client: Client, name: string) {
  const file = state.files.obtain(fileRef(name), client);
  const owner = new OpenOwner(client, `owner ${name}`);
  addOpenOwner(owner);
  const opened = addOpen(state, { owner, file, uid: 0 });
  opened.share(3, 0);
  return opened;
}

/** Something of every kind. */
function holdEverything(fixture: StateFixture, protocol: 0 | 1): Client {
  const { state } = fixture;
  const client = come(fixture, "client", { protocol })!;
  const opens = ["a", "b", "c"].map((name) => open(fixture, client, name));
  const lock = addLockState(state, opens[0]!, new LockOwner(client, "locker"));
  for (const at of [1n, 3n, 5n]) lock.lock({ start: at, last: at }, true);
  lock.unlock({ start: 3n, last: 3n });
  const delegations = opens.slice(1).map((open) =>
    grantDelegation(state, open, { type: "read" })
  );
  revokeDelegation(state, delegations[0]!);
  waitFor(fixture, opens[1]!);
  if (protocol === 0) {
    dropOpen(state, opens[2]!, { keepForReplay: true });
    return client;
  }
  const session = state.sessions.create(client, {
    minorVersion: 1,
    fore: FORE,
    back: FORE,
    callback: undefined,
  });
  assert(typeof session !== "number");
  state.sessions.bind(session, testConnection(), Direction.FORE);
  state.sessions.bind(session, testConnection(), Direction.BOTH);
  for (const id of [0, 5]) {
    const slot = session.slots.slot(id)!;
    const message = new Uint8Array(100);
    const request = { sequence: 1, cacheThis: true, principal: "sys:0" };
    slot.begin({ ...request, bytes: message, start: 0, end: 100 });
    slot.finish(new Uint8Array(600));
  }
  return client;
}

function waitFor({ state }: StateFixture, open: OpenState): void {
  const owner = new LockOwner(open.client, "waiter");
  state.waiting.denied({ open, owner, start: 0n, last: 9n, write: true }, true);
}

for (const protocol of [0, 1] as const) {
  Deno.test(`what a client of NFSv4.${protocol} holds is counted, and nothing when it is gone`, () => {
    const fixture = new StateFixture();
    const { state } = fixture;
    const client = holdEverything(fixture, protocol);
    const { budget } = state;
    const { counts } = budget;
    // Revoked: NFSv4.1 has it freed by its client.
    const delegation = protocol === 1 ? 2 : 1;
    const { range, lock, waiting } = counts;
    assertEquals([range, lock, waiting], [2, 1, 1]);
    assertEquals(counts.delegation, delegation);
    assertEquals(counts.open, client.states.opens);
    assertEquals(counts.file, state.files.size);
    assertEquals(counts.slot, protocol === 1 ? 2 : 0);
    assertEquals(counts.reply, counts.slot);
    assertEquals(counts.binding, protocol === 1 ? 2 : 0);
    assertEquals(counts.backchannel, protocol === 1 ? 1 : 0);
    assertEquals(budget.used, client.account.bytes);
    state.dropClient(client, "destroyed");
    assertEquals(counts, NOTHING);
    assertEquals(budget.used, 0);
  });
}

Deno.test("what is given back one by one is no longer counted", () => {
  const fixture = new StateFixture();
  const { state } = fixture;
  const client = come(fixture, "client")!;
  const { used } = state.budget;
  const opened = open(fixture, client, "a");
  const delegation = grantDelegation(state, opened, { type: "write" });
  const lock = addLockState(state, opened, new LockOwner(client, "locker"));
  lock.lock({ start: 0n, last: 100n }, true);
  lock.unlock({ start: 50n, last: 50n });
  assertEquals(state.budget.counts.range, 2);
  dropOpen(state, opened);
  assertEquals(state.budget.counts.file, 1);
  dropDelegation(state, delegation, "returned");
  assertEquals(state.budget.used, used);
});

/** Opens files until there is no room; returns how many. */
function fill(fixture: StateFixture, client: Client): number {
  for (let i = 0;; i++) {
    if (!client.account.admits()) return i;
    open(fixture, client, `${client.id}: ${i}`);
  }
}

const small: FixtureOptions = { maxStateBytes: 1_000_000 };

Deno.test("one party gets three quarters of the memory, and who comes next finds room", () => {
  const fixture = new StateFixture(small);
  const { budget } = fixture.state;
  const greedy = come(fixture, "greedy", { party: "a" })!;
  assert(fill(fixture, greedy) > 100);
  assert(budget.used >= 750_000 && budget.used < 760_000, `${budget.used}`);
  const brother = come(fixture, "brother", { party: "a" });
  assertEquals(brother, undefined);
  assertEquals(budget.refusals, 2);
  for (const party of ["b", "c", "d"]) {
    const other = come(fixture, "other", { party })!;
    assert(fill(fixture, other) > 3);
  }
  assert(budget.used < 1_000_000);
});

Deno.test("any number of users of the host leave root's clients what they hold, and more", () => {
  const fixture = new StateFixture({ ...small, keepsForRoot: true });
  const root = come(fixture, "root", { party: "user 0" })!;
  open(fixture, root, "first");
  for (let uid = 100_000; uid < 100_100; uid++) {
    const party = `user ${uid}`;
    const user = come(fixture, party, { party });
    if (user !== undefined) fill(fixture, user);
  }
  assert(come(fixture, "another", { party: "user 0" }) !== undefined);
  assert(fill(fixture, root) > 10);
  assert(root.account.bytes >= 1_000_000 / 16, `${root.account.bytes}`);
});

Deno.test("a user of the host who has all that it may makes room by what its ended leases held", () => {
  const fixture = new StateFixture({ ...small, keepsForRoot: true });
  const { state, clock } = fixture;
  const away = come(fixture, "away", { party: "user 1000" })!;
  fill(fixture, away);
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  assertEquals(away.isGone, true);
});

Deno.test("without room there are no new sessions, no further slots and no places in line", () => {
  const fixture = new StateFixture(small);
  const { state } = fixture;
  const client = come(fixture, "client")!;
  const terms = { minorVersion: 1, fore: FORE, back: FORE } as const;
  const options = { ...terms, callback: undefined };
  const session = state.sessions.create(client, options);
  assert(typeof session !== "number");
  const opened = open(fixture, client, "first");
  fill(fixture, client);
  assertEquals(state.sessions.create(client, options), Status.DELAY);
  assertEquals(session.slots.slot(1), undefined);
  assertEquals(session.slots.slot(0)?.id, 0);
  waitFor(fixture, opened);
  assertEquals(state.waiting.size, 0);
});

Deno.test("in need of memory the server is courteous to nobody", () => {
  const fixture = new StateFixture(small);
  const { state, clock } = fixture;
  const away = come(fixture, "away", { party: "a" })!;
  fill(fixture, away);
  clock.advance(LEASE + 1);
  const there = come(fixture, "there", { party: "b" })!;
  state.sweep(clock.now());
  assertEquals([away.isGone, there.isGone], [true, false]);
  assertEquals(fixture.events.at(-1), "gone evicted");
});

Deno.test("without a limit there is always room", () => {
  const account = new StateBudget().account("a");
  account.count("open", 1e9);
  assertEquals(account.admits(), true);
});
