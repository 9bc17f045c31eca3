/** What one request may cost, however much a client holds: counted, not timed. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ByteRanges } from "../../src/state/byte_ranges.ts";
import { workFor } from "../../src/base/asker.ts";
import { EffectQueue, type Piecework } from "../../src/state/effects.ts";
import {
  grantDelegation,
  revokeDelegation,
} from "../../src/state/delegations.ts";
import { addLockState } from "../../src/state/locks.ts";
import { addOpen } from "../../src/state/opens.ts";
import {
  addOpenOwner,
  guestOwnerKey,
  LockOwner,
  OpenOwner,
} from "../../src/state/owners.ts";
import { StateFixture as Engine } from "../engine/state_fixture.ts";
import { op, type Request } from "../support/client/mod.ts";
import { looksOf } from "../support/looks.ts";
import { fileRef, LEASE, StateFixture } from "./fixture.ts";

const N = 20_000;

interface Holder {
  readonly owner: object;
}

/** Every other byte locked by the holder itself, and one behind them by somebody else. */
function crowded(write: boolean) {
  const own: Holder = { owner: {} };
  const other: Holder = { owner: {} };
  const later: Piecework[] = [];
  const ranges = new ByteRanges<object, Holder>((work) => later.push(work));
  const at = (byte: number) => ({ start: BigInt(byte), last: BigInt(byte) });
  for (let i = 0; i < N; i++) ranges.lock(own, at(2 * i), write);
  ranges.lock(other, at(2 * N), write);
  return { ranges, own, other, later };
}

for (const write of [false, true]) {
  const kind = write ? "write" : "read";
  Deno.test(`behind ${N} ${kind} locks of one's own somebody else's is found in some hundred looks`, () => {
    const { ranges, own, other } = crowded(write);
    let looks = 0;
    // Whoever is asked for its start, or compared with a range, counts.
    const span = {
      start: 0n,
      get last() {
        looks++;
        return BigInt(4 * N);
      },
    };
    assertEquals(
      ranges.conflict(own.owner, span, { write: true })?.holder,
      other,
    );
    assert(looks < 200, `${looks} nodes`);
  });

  Deno.test(`unlocking ${N} ${kind} locks leaves them to be cleared away in pieces, and in nobody's way`, () => {
    const { ranges, own, other, later } = crowded(write);
    const all = { start: 0n, last: BigInt(4 * N) };
    assertEquals(ranges.unlock(own.owner, all), -N);
    assertEquals([ranges.size, ranges.isHeldBy(own)], [1, false]);
    assertEquals(later.length, 1);
    const behind = { start: BigInt(2 * N - 2), last: BigInt(2 * N - 2) };
    assertEquals(
      ranges.conflict(other.owner, behind, { write: true }),
      undefined,
    );
    // Too many at once: whoever asks is put off.
    const found = ranges.conflict(other.owner, all, { write: true });
    assertEquals(found?.isOver, true);
    let pieces = 0;
    while (!later[0]!.next().done) pieces++;
    assertEquals(pieces, N);
    assertEquals(ranges.conflict(other.owner, all, { write: true }), undefined);
  });
}

Deno.test("work in pieces is done some hundred at a time, and short work does not wait for long work", () => {
  const effects = new EffectQueue();
  const done: string[] = [];
  function* work(name: string): Piecework {
    for (let i = 0; i < N; i++) {
      done.push(name);
      yield 1;
    }
  }
  effects.begin(work("a"));
  effects.begin(work("b"));
  effects.goOn();
  assert(done.includes("b"));
  effects.begin([1, 1].values());
  let isRecalled = false;
  effects.begin(function* (): Piecework {
    yield 1;
    isRecalled = true;
  }());
  effects.goOn();
  assertEquals(isRecalled, true);
  let turns = 3;
  while (effects.goOn()) {
    assert(done.length < (turns + 1) * 200, "no turn does it all");
    turns++;
  }
  assertEquals(done.length, 2 * N);
  assert(turns > 100);
});

Deno.test("a party that leaves much to be done in pieces keeps no other's waiting", () => {
  const effects = new EffectQueue();
  const begin = (party: string, pieces: number) => {
    let left = pieces;
    workFor({ party }, () =>
      effects.begin(function* (): Piecework {
        for (; left > 0; left--) yield 1;
      }()));
    return { isDone: () => left === 0 };
  };
  for (let i = 0; i < 1_000; i++) begin("loud", 200);
  const short = begin("quiet", 20);
  for (let turns = 0; turns < 2; turns++) effects.goOn();
  assert(short.isDone());
  assert(effects.works > 900);
  while (effects.goOn());
  assertEquals(effects.works, 0);
});

Deno.test("what work leaves to be done is its party's too, in whichever turn it is done", () => {
  const effects = new EffectQueue();
  const long = () => Array<number>(1_000).fill(1).values();
  workFor({ party: "loud" }, () =>
    effects.begin(function* (): Piecework {
      for (let i = 0; i < N; i++) yield 1;
      for (let i = 0; i < 100; i++) effects.begin(long());
    }()));
  while (effects.works < 100) effects.goOn();
  let isDone = false;
  workFor({ party: "quiet" }, () =>
    effects.begin(function* (): Piecework {
      yield 1;
      isDone = true;
    }()));
  for (let turns = 0; turns < 2; turns++) effects.goOn();
  assert(isDone);
});

Deno.test("the grace period ends for all in time, whichever party's request comes to end it", () => {
  const PIECES = 1_000;
  const fixture = new StateFixture({
    grace: {
      durationMs: 10,
      onEnd: () => Array<number>(PIECES).fill(1).values(),
    },
  });
  const { state, effects, clock } = fixture;
  const loud = { party: "loud" };
  for (let i = 0; i < 1_000; i++) {
    workFor(loud, () => effects.begin(Array<number>(200).fill(1).values()));
  }
  clock.advance(11);
  workFor(loud, () => assert(state.grace.isActive));
  let turns = 0;
  for (; state.grace.isActive; turns++) effects.goOn();
  assert(turns <= PIECES / 16 + 1, `${turns}`);
});

Deno.test("ranges that are over count as their holder's until they are cleared away", () => {
  const fixture = new StateFixture();
  const { state, effects } = fixture;
  const client = fixture.client();
  const file = state.files.obtain(fileRef("f"), client);
  const owner = new OpenOwner(client, "owner");
  addOpenOwner(owner);
  const open = addOpen(state, { owner, file, uid: 0 });
  const lock = addLockState(state, open, new LockOwner(client, "locker"));
  for (let i = 0; i < N; i++) {
    const at = BigInt(2 * i);
    lock.lock({ start: at, last: at }, true);
  }
  const { counts } = state.budget;
  assertEquals([counts.range, counts.over], [N, 0]);
  lock.unlockAll();
  assertEquals(counts.range, 0);
  assert(counts.over > N - 200, `${counts.over}`);
  const before = state.budget.used;
  while (effects.goOn());
  assertEquals(counts.over, 0);
  assert(state.budget.used < before);
});

Deno.test("work in pieces stops when the turn is over, and gets on by one at least", () => {
  const turn = { isOver: true };
  const effects = new EffectQueue(turn);
  let done = 0;
  function* work(): Piecework {
    for (let i = 0; i < 10; i++) {
      done++;
      yield 1;
    }
  }
  effects.begin(work());
  assertEquals(done, 1);
  assertEquals([effects.goOn(), done], [true, 2]);
  turn.isOver = false;
  assertEquals([effects.goOn(), done], [false, 10]);
});

Deno.test(`the end of a client with ${N} opens is nobody's wait: it is gone at once, and cleared away in pieces`, () => {
  const fixture = new StateFixture();
  const { state, effects } = fixture;
  const client = fixture.client();
  const file = state.files.obtain(fileRef("f"), client);
  for (let i = 0; i < N; i++) {
    const owner = new OpenOwner(client, `owner ${i}`);
    addOpenOwner(owner);
    addOpen(state, { owner, file, uid: 0 }).share(3, 0);
  }
  const { counts } = state.budget;
  const step = (act: () => unknown) => {
    const before = counts.open;
    act();
    assert(before - counts.open < 200, `${before - counts.open} in one turn`);
  };
  step(() => state.dropClient(client, "replaced"));
  const conflict = file.shares.conflict(0, 3);
  assertEquals(conflict?.isGone, true);
  let turns = 0;
  for (; effects.hasWork; turns++) step(() => effects.goOn());
  assert(turns > 50);
  assertEquals([counts.open, counts.owner, counts.file], [0, 0, 0]);
});

Deno.test("short of memory, as many lapsed clients go as make room, one after the other", () => {
  const fixture = new StateFixture({ maxStateBytes: 400_000, maxClients: 200 });
  const { state, clock, effects } = fixture;
  let clients = 0;
  for (; !state.budget.isTight; clients++) {
    fixture.hold(fixture.client(`client ${clients}`));
  }
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  while (effects.goOn());
  assertEquals(state.budget.isTight, false);
  const gone = fixture.events.filter((event) => event === "gone evicted");
  assert(gone.length > 0 && gone.length < 4, `${gone.length} of ${clients}`);
});

Deno.test("a sweep looks at some thousand clients and sessions in each turn", () => {
  const { state, effects, clock } = new StateFixture({ maxClients: 2 * N });
  const register = (i: number) => {
    const owner = new TextEncoder().encode(`client ${i}`);
    const terms = { protocol: 1, owner, principal: "sys:0" } as const;
    const verifier = new Uint8Array(8);
    return state.clients.register({ ...terms, verifier })!;
  };
  for (let i = 0; i < N; i++) state.confirmClient(register(i));
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  assert(state.clients.counts.courtesy < N / 2);
  let turns = 1;
  while (effects.goOn()) turns++;
  assert(turns > 4, `${turns} turns`);
  assertEquals(state.clients.counts.courtesy, N);
});

Deno.test("NFSv4.0: owners that never confirmed their opens are forgotten some hundred at a time, by a sweep or in the way", async () => {
  const engine = new Engine();
  const { state, effects } = engine.services;
  const client = await engine.client(0);
  const rival = await engine.client(0);
  for (let i = 0; i < 1_000; i++) {
    const open = client.openOp("file", { seqid: 1, owner: `${i}` });
    await client.ok("OPEN", op.putrootfh(), open);
  }
  const { openOwners } = state.clients.find(client.clientid, 0)!.states;
  engine.clock.advance(LEASE + 1);
  await client.call(op.renew(client.clientid));
  await rival.call(op.renew(rival.clientid));
  const denying = { seqid: 1, deny: 3 };
  assertEquals(await rival.openStatus("file", denying), "DELAY");
  assert(openOwners.size > 700, `${openOwners.size} left`);
  const before = openOwners.size;
  state.sweep(engine.clock.now());
  assert(before - openOwners.size < 200);
  while (effects.goOn());
  assertEquals(openOwners.size, 0);
  assertEquals(await rival.openStatus("file", { ...denying, seqid: 2 }), "OK");
});

Deno.test("a sweep looks at some hundred files in each turn whose locks are waited for", async () => {
  const fixture = new StateFixture({ maxClients: 1_000 });
  const { state, effects, clock } = fixture;
  for (let c = 0; c < 250; c++) {
    const client = fixture.client(`client ${c}`);
    const owner = new OpenOwner(client, "owner");
    const span = { start: 0n, last: 9n };
    for (let i = 0; i < 8; i++) {
      const file = state.files.obtain(fileRef(`${c} ${i}`), client);
      const open = addOpen(state, { owner, file, uid: 0 });
      const locker = new LockOwner(client, "locker");
      state.waiting.denied({ open, owner: locker, ...span, write: true }, true);
    }
  }
  assertEquals(state.waiting.size, 2_000);
  clock.advance(LEASE + 1);
  const looks = await looksOf(() => state.waiting.sweep());
  assert(looks < 1_000, `${looks} looks`);
  assert(state.waiting.size > 1_800);
  // One that is asked for meanwhile is none.
  state.waiting.sweep();
  while (effects.goOn());
  assertEquals(state.waiting.size, 0);
});

Deno.test("a sweep that is asked for while another goes on follows it", () => {
  const fixture = new StateFixture({ maxClients: 2 * N });
  const { state, effects, clock } = fixture;
  for (let i = 0; i < N; i++) fixture.client(`client ${i}`);
  state.sweep(clock.now());
  assertEquals(effects.hasWork, true);
  clock.advance(LEASE + 1);
  state.sweep(clock.now());
  while (effects.goOn());
  assertEquals(state.clients.counts.courtesy, N);
});

/** A client that holds `n` opens, locks and delegations, `lock` under an open and of an owner that have as many. */
async function laden(minorVersion: 0 | 1, n: number) {
  const engine = new Engine();
  const { state } = engine.services;
  const client = await engine.client(minorVersion);
  const holder = state.clients.find(client.clientid, minorVersion)!;
  const opens = Array.from({ length: n }, (_, i) => {
    const owner = new OpenOwner(holder, `owner ${i}`);
    addOpenOwner(owner);
    const file = state.files.obtain(fileRef(`${i}`), holder);
    const open = addOpen(state, { owner, file, uid: i });
    open.share(3, 0);
    return open;
  });
  const owners = opens.map((_, i) => new LockOwner(holder, `locker ${i}`));
  const [lock] = owners.map((owner) => addLockState(state, opens[0]!, owner));
  for (const open of opens.slice(1)) {
    const span = { start: 0n, last: 1n };
    addLockState(state, open, owners[0]!).lock(span, true);
  }
  const delegations = opens.map((open) =>
    grantDelegation(state, open, { type: "read" })
  );
  return { state, client, holder, open: opens[0]!, lock: lock!, delegations };
}

type Laden = Awaited<ReturnType<typeof laden>>;

const requests: readonly {
  readonly name: string;
  readonly minorVersion: 0 | 1;
  readonly status: string;
  readonly request: (laden: Laden) => Request;
}[] = [
  {
    name: "RENEW",
    minorVersion: 0,
    status: "OK",
    request: ({ client }) => op.renew(client.clientid),
  },
  {
    name: "RENEW of another user of the client's",
    minorVersion: 0,
    status: "OK",
    request: ({ client }) => {
      client.uid = 7;
      return op.renew(client.clientid);
    },
  },
  {
    name: "RENEW without a path for callbacks",
    minorVersion: 0,
    status: "CB_PATH_DOWN",
    request: ({ client, holder }) => {
      holder.noteCallbackPath(false);
      return op.renew(client.clientid);
    },
  },
  {
    name: "FREE_STATEID of an open",
    minorVersion: 1,
    status: "LOCKS_HELD",
    request: ({ open }) => op.freeStateid(open),
  },
  {
    name: "FREE_STATEID of a lock",
    minorVersion: 1,
    status: "OK",
    request: ({ lock }) => op.freeStateid(lock),
  },
  {
    name: "FREE_STATEID of a delegation that was revoked, as all were",
    minorVersion: 1,
    status: "OK",
    request: ({ state, delegations }) => {
      for (const each of delegations) revokeDelegation(state, each);
      return op.freeStateid(delegations[0]!);
    },
  },
];

for (const { name, minorVersion, status, request } of requests) {
  Deno.test(`${name} costs the same however much its client holds`, async () => {
    const looks = async (n: number) => {
      const prepared = await laden(minorVersion, n);
      const asked = request(prepared);
      return await looksOf(async () =>
        assertEquals(await prepared.client.status(asked), status)
      );
    };
    // Eight, so that the user 7 has an open as well.
    assertEquals(await looks(N / 10), await looks(8));
  });
}

Deno.test(`RELEASE_LOCKOWNER of what ${N} guests call the same releases it at once, and clears it away in pieces`, async () => {
  const prepared = await laden(0, 8);
  const { state, client, holder, open } = prepared;
  const name = String.fromCharCode(...client.owner("shared").owner);
  const keys = Array.from({ length: N }, (_, i) => guestOwnerKey(`${i}`, name));
  const locks = keys.map((key) =>
    addLockState(state, open, new LockOwner(holder, key))
  );
  const wish = { open, start: 0n, last: 0n, write: false };
  for (const key of keys.slice(0, 8)) {
    state.waiting.denied({ ...wish, owner: new LockOwner(holder, key) }, true);
  }
  const { counts } = state.budget;
  const release = op.releaseLockowner(client.owner("shared"));
  const before = counts.lock;
  const looks = await looksOf(async () =>
    assertEquals(await client.status(release), "OK")
  );
  assert(looks < 2_000, `${looks} looks`);
  assert(before - counts.lock < 300, `${before - counts.lock} in one turn`);
  assertEquals(state.waiting.size, 0);
  assert(locks.every(({ isGone }) => isGone));
  // Who locks anew meanwhile is in no way of what is left of the others.
  const anew = addLockState(state, open, new LockOwner(holder, keys[N - 1]!));
  while (client.fixture.services.effects.goOn());
  assertEquals(counts.lock, before - N + 1);
  assertEquals(anew.isGone, false);
  assertEquals(holder.states.lockOwners.get(keys[N - 1]!), anew.owner);
  assertEquals(holder.states.lockOwners.get(keys[0]!), undefined);
});

Deno.test("work in pieces that fails is heard of once, and the rest goes on", () => {
  const effects = new EffectQueue({ isOver: true });
  let done = 0;
  effects.begin(function* (): Piecework {
    yield 1;
    throw new Error("ours");
  }());
  effects.begin(function* (): Piecework {
    yield 1;
    done++;
  }());
  assertThrows(
    () => {
      while (effects.goOn());
    },
    Error,
    "ours",
  );
  while (effects.goOn());
  assertEquals([done, effects.isEmpty], [1, true]);
});
