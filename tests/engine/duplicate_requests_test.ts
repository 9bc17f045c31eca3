import { testConnection } from "../support/connection.ts";
import { assertEquals } from "@std/assert";
import { DuplicateRequests } from "../../src/engine/duplicate_requests.ts";
import { StateBudget } from "../../src/state/state_budget.ts";
import { UNKNOWN } from "../../src/rpc/auth.ts";
import { sysCredential } from "../../src/rpc/auth_sys.ts";
import type { Connection } from "../../src/rpc/handlers.ts";
import type { RpcCall } from "../../src/rpc/message.ts";
import { PLAIN } from "../../src/rpc/security.ts";
import { XdrReader } from "../../src/xdr/reader.ts";
import { FakeClock } from "../support/fake_clock.ts";

const ANSWER = Uint8Array.of(1, 2, 3, 4);

function call(xid: number, ...words: number[]): RpcCall {
  const bytes = new Uint8Array(4 * words.length);
  words.forEach((word, i) => new DataView(bytes.buffer).setUint32(4 * i, word));
  const header = { program: 1, version: 4, procedure: 1 };
  const body = new XdrReader(bytes);
  return { xid, ...header, credential: UNKNOWN, seal: PLAIN, body };
}

function connection(hostname: string, port: number): Connection {
  return testConnection({ peer: { hostname, port } });
}

function duplicatesBy(clock: FakeClock, budget = new StateBudget()) {
  return new DuplicateRequests(clock, budget.account(""));
}

Deno.test("an answer is found by xid, arguments and sender", () => {
  const duplicates = duplicatesBy(new FakeClock());
  const here = connection("192.0.2.1", 700);
  duplicates.finish(duplicates.begin(call(1, 5, 6), here, 0), ANSWER);
  const find = (xid: number, words: number[], from = here) =>
    duplicates.find(call(xid, ...words), from);
  assertEquals(find(1, [5, 6]), ANSWER);
  assertEquals(find(2, [5, 6]), undefined);
  assertEquals(find(1, [5, 7]), undefined);
  assertEquals(find(1, [5]), undefined);
  assertEquals(find(1, [5, 6], connection("192.0.2.1", 700)), ANSWER);
  assertEquals(find(1, [5, 6], connection("192.0.2.2", 700)), undefined);
  // Another port is another client, unless the first connection is gone.
  const elsewhere = connection("192.0.2.1", 701);
  assertEquals(find(1, [5, 6], elsewhere), undefined);
  Object.assign(here, { closeReason: "peer" });
  assertEquals(find(1, [5, 6], elsewhere), ANSWER);
});

Deno.test("who asks while it is being done gets the same answer", async () => {
  const duplicates = duplicatesBy(new FakeClock());
  const here = connection("192.0.2.1", 700);
  const entry = duplicates.begin(call(1, 5), here, 0);
  const waiting = duplicates.find(call(1, 5), here);
  const long = new Uint8Array(100_000).fill(7);
  duplicates.finish(entry, long);
  assertEquals(await waiting, long);
  // Answers of that length are not kept.
  assertEquals(duplicates.find(call(1, 5), here), undefined);
});

Deno.test("answers get old, and are many at most", () => {
  const clock = new FakeClock();
  const budget = new StateBudget();
  const duplicates = duplicatesBy(clock, budget);
  const here = connection("192.0.2.1", 700);
  const keep = (xid: number) =>
    duplicates.finish(duplicates.begin(call(xid, xid), here, 0), ANSWER);
  const isKept = (xid: number) =>
    duplicates.find(call(xid, xid), here) !== undefined;
  for (let xid = 1; xid <= 5000; xid++) keep(xid);
  assertEquals([isKept(1), isKept(904), isKept(905)], [false, false, true]);
  clock.advance(120_000);
  assertEquals(isKept(5000), true);
  clock.advance(1);
  assertEquals(isKept(5000), false);
});

Deno.test("what one user was answered is not for another", () => {
  const duplicates = duplicatesBy(new FakeClock());
  const here = connection("192.0.2.1", 700);
  const by = (uid: number): RpcCall => {
    const user = { machineName: "m", uid, gid: 0, gids: [] };
    return { ...call(1, 5), credential: sysCredential(user) };
  };
  duplicates.finish(duplicates.begin(by(0), here, 0), ANSWER);
  assertEquals(duplicates.find(by(1000), here), undefined);
  assertEquals(duplicates.find(call(1, 5), here), undefined);
  assertEquals(duplicates.find(by(0), here), ANSWER);
});

Deno.test("answers count as state, and the oldest go where there is no room", () => {
  const budget = new StateBudget(20_000);
  const duplicates = duplicatesBy(new FakeClock(), budget);
  const here = connection("192.0.2.1", 700);
  const keep = (xid: number) =>
    duplicates.finish(
      duplicates.begin(call(xid, xid), here, 0),
      new Uint8Array(1_000),
    );
  for (let xid = 1; xid <= 100; xid++) keep(xid);
  assertEquals(budget.used <= 16_000, true, `${budget.used}`);
  assertEquals(duplicates.find(call(1, 1), here), undefined);
  assertEquals(duplicates.find(call(100, 100), here) === undefined, false);
});
