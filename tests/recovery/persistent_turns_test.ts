/** Where COMPOUNDs of persistent sessions let others have their turn, and what a crash finds then. */

import { assert, assertEquals } from "@std/assert";
import type { Turn } from "../../src/base/turn.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { LONGEST_TURN } from "../../src/engine/compound_run.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { decodeSlot } from "../../src/recovery/session_format.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { op } from "../support/client/mod.ts";
import {
  look,
  mkdir,
  PersistentFixture,
  type TestRecords,
} from "./persistent_fixture.ts";

/** Each operation takes so long that others get a turn before the next one. */
function slowDown({ fixture: { clock, services } }: PersistentFixture): void {
  const now = clock.now.bind(clock);
  Object.assign(clock, {
    now() {
      clock.advance(LONGEST_TURN);
      return now();
    },
  });
  Object.assign(services, { observer: { operation() {} } });
}

Deno.test("persistent session: a crash of a slow machine finds a request before its changes or with its answer (RFC 8881 2.10.6.5)", async () => {
  const store = sqlite(":memory:", { mode: 0o777 });
  const saved: Uint8Array[] = [];
  const { records: kept } = store;
  const records: TestRecords = {
    get changes() {
      return kept.changes;
    },
    put(collection, key, value) {
      if (collection.startsWith("slots")) saved.push(value);
      kept.put(collection, key, value);
    },
    delete: (collection, key) => kept.delete(collection, key),
    all: (collection) => kept.all(collection),
  };
  const server = new PersistentFixture({ fs: store as FileSystem, records });
  const client = await server.client();
  slowDown(server);
  saved.length = 0;
  const answers = ["a", "b"].map((name, slot) =>
    client.ok([...mkdir(name), op.getattr(["change"])], { slot })
  );
  await Promise.all(answers);
  assertEquals(saved.length, 2);
  for (const image of saved) assert(decodeSlot(image).isAnswered);
});

/** A server each of whose operations takes long, and its only client. */
async function slowServer(next: Turn["next"]) {
  const server = new PersistentFixture();
  const client = await server.client();
  slowDown(server);
  Object.assign(server.fixture.services, { turn: { isOver: false, next } });
  return { server, client };
}

Deno.test("persistent session: a COMPOUND of many changes that take long lets others have their turn", async () => {
  let turns = 0;
  const next = () => Promise.resolve(void turns++);
  const { server, client } = await slowServer(next);
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const changes = names.flatMap((name) => mkdir(name));
  await client.ok(changes);
  // After each change but the last.
  assert(turns >= names.length - 1, `${turns}`);
  server.restart();
  client.reconnect();
  await client.ok(look, { slot: 1 });
  assertEquals((await client.again(changes)).status, Status.OK);
});

/** One change, and much that looks behind it. */
const LOOKS = 20;
const longBehind = (name: string) => [
  ...mkdir(name),
  ...Array.from({ length: LOOKS }, () => op.getattr(["change"])),
];

Deno.test("persistent session: a COMPOUND that goes on for long behind its change lets others have their turn", async () => {
  let turns = 0;
  const next = () => Promise.resolve(void turns++);
  const { server, client } = await slowServer(next);
  const answer = await client.ok(longBehind("a"));
  // Not before the first few, and then before each second one.
  assert(turns >= (LOOKS - 4) / 2, `${turns}`);
  server.restart();
  client.reconnect();
  assertEquals((await client.again(longBehind("a"))).bytes, answer.bytes);
});

Deno.test("persistent session: a crash in a turn behind a change is the end of the session, and the change not made twice (RFC 8881 2.10.6.5)", async () => {
  const gate = Promise.withResolvers<void>();
  const { server, client } = await slowServer(() => gate.promise);
  const answer = client.send(longBehind("a"));
  // Killed while the others have their turn.
  const { fs } = server;
  server.restart();
  client.reconnect();
  assert(await fs.lookup(fs.root(), "a") !== undefined);
  assertEquals((await client.again(longBehind("a"))).status, Status.BADSESSION);
  gate.resolve();
  await answer;
});
