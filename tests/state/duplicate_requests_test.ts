import { assert, assertEquals } from "@std/assert";
import { UNKNOWN } from "../../src/rpc/auth.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import type { RpcCall } from "../../src/rpc/message.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import {
  DuplicateRequests,
  LONGEST_ANSWER,
} from "../../src/state/duplicate_requests.ts";
import { finish } from "../../src/state/effects.ts";
import {
  ANSWER_AGE_MS,
  ANSWERS_PER_CONNECTION,
  ARRIVAL_MS,
} from "../../src/state/kept_answers.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { testConnection } from "../support/connection.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { StateFixture } from "./fixture.ts";

const ANSWER = Uint8Array.of(1, 2, 3, 4);

function call(xid: number, ...words: number[]): RpcCall {
  const bytes = new Uint8Array(4 * words.length);
  words.forEach((word, i) => new DataView(bytes.buffer).setUint32(4 * i, word));
  const header = { program: 1, version: 4, procedure: 1 };
  const body = new XdrReader(bytes);
  return { xid, ...header, credential: UNKNOWN, seal: PLAIN, body };
}

function connection(hostname = "192.0.2.1", port = 700): Connection {
  return testConnection({ peer: { hostname, port } });
}

function close(connection: Connection): void {
  Object.assign(connection, { isHalfClosed: true });
}

/** What is kept of NFSv4.0 requests, whose arguments are a word each. */
class Kept {
  readonly clock = new FakeClock();
  readonly budget: StateBudget;
  readonly requests: DuplicateRequests;

  constructor(
    {
      maxBytes = Infinity,
      maxStateBytes = Infinity,
      keepsForRoot = false,
    } = {},
  ) {
    this.budget = new StateBudget(maxStateBytes, { keepsForRoot });
    const { clock, budget } = this;
    this.requests = new DuplicateRequests({ clock, budget, maxBytes });
  }

  begin(from: Connection, xid: number, word = xid) {
    return this.requests.begin(call(xid, word), from, 0);
  }

  /** A request is carried out, and has changed something. */
  answer(from: Connection, xid: number, answer = ANSWER, word = xid): void {
    const entry = this.begin(from, xid, word)!;
    this.requests.finish(entry, answer, { hasChanged: true });
  }

  find(from: Connection, xid: number, word = xid) {
    return this.requests.find(call(xid, word), from);
  }

  /** Which of the requests are known. */
  known(from: Connection, xids: readonly number[]): number[] {
    return xids.filter((xid) => this.find(from, xid) !== undefined);
  }

  sweep(): void {
    finish(this.requests.sweep());
  }
}

const upTo = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i + 1);

Deno.test("an answer is found by xid, arguments and sender", () => {
  const { requests } = new Kept();
  const here = connection();
  const entry = requests.begin(call(1, 5, 6), here, 0)!;
  requests.finish(entry, ANSWER, { hasChanged: true });
  const find = (xid: number, words: number[], from = here) =>
    requests.find(call(xid, ...words), from);
  assertEquals(find(1, [5, 6]), ANSWER);
  assertEquals(find(2, [5, 6]), undefined);
  assertEquals(find(1, [5, 7]), undefined);
  assertEquals(find(1, [5]), undefined);
  assertEquals(find(1, [5, 6], connection()), ANSWER);
  assertEquals(find(1, [5, 6], connection("192.0.2.2")), undefined);
  assertEquals(requests.hits, 2);
});

Deno.test("another port is another client, unless the first connection is gone", () => {
  const kept = new Kept();
  const here = connection();
  kept.answer(here, 1);
  const elsewhere = connection("192.0.2.1", 701);
  assertEquals(kept.find(elsewhere, 1), undefined);
  close(here);
  assertEquals(kept.find(elsewhere, 1), ANSWER);
  assertEquals(kept.requests.hits, 1);
});

/** A client that has sent some calls, with a while between them, and closed its connection. */
function sent(
  kept: Kept,
  xids: readonly number[],
  { pause = ARRIVAL_MS, hasAnswered = true } = {},
): void {
  const here = connection();
  Object.assign(here, { hasAnswered });
  for (const xid of xids) {
    assertEquals(kept.find(here, xid), undefined);
    kept.answer(here, xid);
    kept.clock.advance(pause);
  }
  close(here);
}

Deno.test("an answer that has arrived, for calls of much later came, is given on no other connection", () => {
  const kept = new Kept();
  sent(kept, [1, 2, 3, 4]);
  assertEquals(kept.find(connection("192.0.2.1", 701), 1), undefined);
  assertEquals(kept.find(connection("192.0.2.1", 702), 2), undefined);
  // That these have arrived is not sure.
  assertEquals(kept.find(connection("192.0.2.1", 703), 3), ANSWER);
  assertEquals(kept.find(connection("192.0.2.1", 704), 4), ANSWER);
});

Deno.test("calls that were on their way when their connection broke are known again, whatever had been written by then", () => {
  for (const pause of [0, 1, 30, ARRIVAL_MS / 2 - 1]) {
    const kept = new Kept();
    sent(kept, [1, 2, 3], { pause });
    const again = connection("192.0.2.1", 701);
    assertEquals(kept.known(again, [1, 2, 3]), [1, 2, 3]);
  }
});

Deno.test("an answer that waits in the server has not arrived, however late calls come", () => {
  const kept = new Kept();
  sent(kept, [1, 2, 3, 4], { hasAnswered: false });
  const again = connection("192.0.2.1", 701);
  assertEquals(kept.known(again, [1, 2, 3, 4]), [1, 2, 3, 4]);
});

Deno.test("who uses the xids of what was read anew is given nothing of that connection", () => {
  const kept = new Kept();
  sent(kept, [1, 2, 3, 4]);
  const again = connection("192.0.2.1", 701);
  assertEquals(kept.known(again, [1, 2, 3, 4]), []);
});

Deno.test("what another client of the address has read under an xid keeps nothing from who lost its answer", () => {
  const kept = new Kept();
  sent(kept, [1, 2, 3, 4]);
  const other = connection("192.0.2.1", 800);
  kept.answer(other, 1);
  close(other);
  assertEquals(kept.find(connection("192.0.2.1", 801), 1), ANSWER);
});

Deno.test("on its own port a client is told again what it asks again", () => {
  const kept = new Kept();
  sent(kept, [1, 2, 3, 4]);
  assertEquals(kept.known(connection(), [1, 2, 3, 4]), [1, 2, 3, 4]);
});

Deno.test("where ends have no ports, as of Unix sockets, each connection is an end of its own", () => {
  const kept = new Kept();
  const unix = () =>
    testConnection({ peer: { hostname: "unix", port: undefined } });
  const here = unix();
  kept.answer(here, 1);
  assertEquals(kept.find(here, 1), ANSWER);
  assertEquals(kept.find(unix(), 1), undefined);
  close(here);
  assertEquals(kept.find(unix(), 1), ANSWER);
});

Deno.test("a client that begins on a connection is told nothing that others asked", () => {
  const kept = new Kept();
  sent(kept, [1]);
  const again = connection("192.0.2.1", 701);
  kept.requests.begins(again);
  assertEquals(kept.find(again, 1), undefined);
});

Deno.test("a client that asks while it is being done gets the same answer", async () => {
  const kept = new Kept();
  const here = connection();
  const entry = kept.begin(here, 1)!;
  const waiting = kept.find(here, 1);
  const long = new Uint8Array(100_000).fill(7);
  kept.requests.finish(entry, long, { hasChanged: true });
  assertEquals(await waiting, long);
  // Answers of that length are not kept.
  assertEquals(kept.find(here, 1), undefined);
  assertEquals(kept.budget.used, 0);
});

Deno.test("what has changed nothing is not kept, but told to those who wait", async () => {
  const kept = new Kept();
  const here = connection();
  const entry = kept.begin(here, 1)!;
  const waiting = kept.find(here, 1);
  kept.requests.finish(entry, ANSWER, { hasChanged: false });
  assertEquals(await waiting, ANSWER);
  assertEquals(kept.find(here, 1), undefined);
  assertEquals(kept.budget.used, 0);
});

Deno.test("what one user was answered is not for another", () => {
  const { requests } = new Kept();
  const here = connection();
  const by = (uid: number): RpcCall => {
    const user = { machineName: "m", uid, gid: 0, gids: [] };
    return { ...call(1, 5), credential: sysCredential(user) };
  };
  const entry = requests.begin(by(0), here, 0)!;
  requests.finish(entry, ANSWER, { hasChanged: true });
  assertEquals(requests.find(by(1000), here), undefined);
  assertEquals(requests.find(call(1, 5), here), undefined);
  assertEquals(requests.find(by(0), here), ANSWER);
});

Deno.test("a sweep frees answers that are too old to be asked for, and all their memory", () => {
  const kept = new Kept();
  const here = connection(), there = connection("192.0.2.2");
  kept.answer(here, 1);
  kept.clock.advance(1);
  kept.answer(here, 2);
  kept.answer(there, 3);
  const { used } = kept.budget;
  kept.clock.advance(ANSWER_AGE_MS - 1);
  assertEquals(kept.known(here, [1, 2]), [1, 2]);
  kept.sweep();
  assertEquals(kept.budget.used, used);
  kept.clock.advance(1);
  // Also before it is swept.
  assertEquals(kept.known(here, [1, 2]), [2]);
  kept.sweep();
  assert(kept.budget.used < used);
  kept.clock.advance(1);
  kept.sweep();
  assertEquals([kept.budget.used, kept.requests.bytes], [0, 0]);
});

Deno.test("what a sweep does is bounded by what is kept, and done in pieces", () => {
  const kept = new Kept();
  upTo(100).forEach((port) => kept.answer(connection("192.0.2.1", port), port));
  kept.clock.advance(ANSWER_AGE_MS + 1);
  const pieces = [...kept.requests.sweep()];
  assertEquals(pieces.length, 200);
  assertEquals([...kept.requests.sweep()], []);
});

Deno.test("a busy connection pushes out its own old answers, and no other's of its address", () => {
  const kept = new Kept();
  const quiet = connection("192.0.2.1", 700);
  const busy = connection("192.0.2.1", 701);
  kept.answer(quiet, 1, ANSWER, 7);
  const many = upTo(3 * ANSWERS_PER_CONNECTION);
  many.forEach((xid) => kept.answer(busy, xid));
  assertEquals(kept.find(quiet, 1, 7), ANSWER);
  assertEquals(kept.known(busy, many), many.slice(-ANSWERS_PER_CONNECTION));
});

Deno.test("an address that has had its share makes room among its own answers", () => {
  const kept = new Kept({ maxBytes: 1 << 20 });
  const victim = connection("192.0.2.2", 700);
  kept.answer(victim, 1);
  const long = new Uint8Array(8_000);
  for (const port of upTo(100)) {
    const other = connection("192.0.2.1", port);
    for (const xid of upTo(20)) kept.answer(other, 1_000 * port + xid, long);
  }
  assert(kept.requests.bytes <= 3 / 4 * (1 << 20) + 10_000);
  assertEquals(kept.known(victim, [1]), [1]);
  // The next address finds room as well.
  kept.answer(connection("192.0.2.3"), 1);
  assertEquals(kept.known(connection("192.0.2.3"), [1]), [1]);
});

Deno.test("where an address has no room for state its answers go, and no other's", () => {
  const kept = new Kept({ maxStateBytes: 1 << 20 });
  const { budget } = kept;
  const victim = connection("192.0.2.2");
  kept.answer(victim, 1);
  const other = connection("192.0.2.1");
  upTo(10).forEach((xid) => kept.answer(other, xid));
  const account = budget.account("192.0.2.1");
  while (!account.isFull) account.count("client", 1);
  kept.answer(other, 11);
  assertEquals(kept.known(other, [1, 11]), [11]);
  assertEquals(kept.known(victim, [1]), [1]);
  while (budget.used < budget.limit) account.count("client", 1);
  kept.answer(other, 12);
  assertEquals(kept.known(other, upTo(12)), []);
  assertEquals(kept.known(victim, [1]), [1]);
});

Deno.test("however many users of the host have answers kept, root's are", () => {
  const kept = new Kept({ maxBytes: 100_000, keepsForRoot: true });
  const of = (uid: number): Connection =>
    testConnection({
      peer: { hostname: "127.0.0.1", port: 700 + (uid % 10_000) },
      party: `user ${uid}`,
    });
  for (let uid = 100_000; uid < 100_100; uid++) {
    for (const xid of upTo(100)) kept.answer(of(uid), xid);
  }
  const root = of(0);
  kept.answer(root, 1);
  assertEquals(kept.known(root, [1]), [1]);
});

Deno.test("an address whose share has shrunk gives up a few answers with each request", () => {
  const kept = new Kept({ maxStateBytes: 4 << 20 });
  const here = connection();
  const xids = upTo(ANSWERS_PER_CONNECTION);
  xids.forEach((xid) => kept.answer(here, xid));
  const { budget } = kept;
  const other = budget.account("192.0.2.2");
  while (budget.used < budget.limit) other.count("client", 1);
  kept.answer(here, 0);
  // One in whose place the new one was to be, and 32 more.
  assertEquals(kept.known(here, [0, ...xids]), xids.slice(33));
  for (let i = 0; i < 32; i++) kept.answer(here, 0);
  assertEquals(kept.known(here, [0]), [0]);
});

Deno.test("a request that is being carried out is never forgotten", async () => {
  const kept = new Kept({ maxBytes: 20_000 });
  const here = connection();
  const entry = kept.begin(here, 1, 7)!;
  upTo(2_000).forEach((xid) => kept.answer(here, xid));
  for (const port of upTo(200)) {
    kept.answer(connection("192.0.2.1", port), 1, ANSWER, port + 1_000);
  }
  kept.clock.advance(ANSWER_AGE_MS + 1);
  kept.sweep();
  const waiting = kept.find(here, 1, 7);
  kept.requests.finish(entry, ANSWER, { hasChanged: true });
  assertEquals(await waiting, ANSWER);
});

Deno.test("requests of one xid are few, however many connections use it", () => {
  const kept = new Kept();
  const from = (port: number) => connection("192.0.2.1", port);
  const begun = upTo(100).map((port) => kept.begin(from(port), 1, port));
  assertEquals(begun.filter((entry) => entry !== undefined).length, 64);
  for (const entry of begun.slice(0, 64)) {
    kept.requests.finish(entry!, ANSWER, { hasChanged: true });
  }
  kept.answer(from(100), 1, ANSWER, 100);
  assertEquals(kept.find(from(100), 1, 100), ANSWER);
  assertEquals(kept.find(from(1), 1, 1), undefined);
});

Deno.test("a connection that uses an xid anew has read the answer to the request before", () => {
  const kept = new Kept();
  const here = connection();
  const { budget } = kept;
  kept.answer(here, 1, ANSWER, 7);
  const { used } = budget;
  kept.answer(here, 1, ANSWER, 8);
  assertEquals(kept.find(here, 1, 7), undefined);
  assertEquals(kept.find(here, 1, 8), ANSWER);
  assertEquals(budget.used, used);
});

Deno.test("the sweep of the server's state frees old answers too", () => {
  const { state, clock } = new StateFixture();
  const { duplicates, budget } = state;
  const entry = duplicates.begin(call(1, 5), connection(), 0)!;
  duplicates.finish(entry, ANSWER, { hasChanged: true });
  assert(budget.used > 0);
  clock.advance(ANSWER_AGE_MS + 1);
  state.sweep(clock.now());
  assertEquals([budget.used, duplicates.bytes], [0, 0]);
});

Deno.test("requests of the same xid from one address push out no answer to another", () => {
  const kept = new Kept();
  const here = connection();
  kept.answer(here, 1);
  for (let port = 1; port <= 100; port++) {
    kept.answer(connection("192.0.2.2", port), 1, ANSWER, 2);
  }
  assertEquals(kept.find(here, 1), ANSWER);
});

Deno.test("a long answer by which nothing has changed is not given to those that wait for it", async () => {
  const { requests } = new Kept();
  const here = connection();
  for (const length of [LONGEST_ANSWER, LONGEST_ANSWER + 4]) {
    const entry = requests.begin(call(length, 5), here, 0)!;
    const waiting = requests.find(call(length, 5), here);
    const answer = new Uint8Array(length);
    requests.finish(entry, answer, { hasChanged: false });
    const isGiven = length <= LONGEST_ANSWER;
    assertEquals(await waiting, isGiven ? answer : undefined);
  }
});
