/** COPY that goes on behind its answer: OFFLOAD_STATUS, OFFLOAD_CANCEL, and all that ends it. */

import { assert, assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { type FileSystem, FsError } from "../../../src/vfs/mod.ts";
import { nextTurn } from "../../../src/base/turn.ts";
import type { Client } from "../../../src/state/client.ts";
import type { EndedCopy } from "../../../src/state/copies.ts";
import {
  anonymousStateid,
  op,
  type Stateid,
  statusName,
  walk,
} from "../../support/client/mod.ts";
import { LEASE } from "../../state/fixture.ts";
import { testConnection } from "../../support/connection.ts";
import {
  type StateClient,
  StateFixture,
  type StateFixtureOptions,
} from "../state_fixture.ts";

const MiB = 2 ** 20;
const SIZE = 6 * MiB;

/** A server whose file system writes to "target" as far as it is let. */
class Copying {
  readonly fixture: StateFixture;
  readonly told: EndedCopy[] = [];
  /** Called for each that was told. */
  readonly heard: (() => void)[] = [];
  readonly forgotten: EndedCopy[] = [];
  /** Writes that may be made. */
  allowed = 0;
  error: FsError | undefined;
  readonly #waiting: (() => void)[] = [];
  #stopped: (() => void) | undefined;

  constructor(options: StateFixtureOptions = {}) {
    const source = new Uint8Array(SIZE).fill(7);
    const inner = memory({ source, target: "", other: "" });
    const write: FileSystem["write"] = async (file, ...rest) => {
      while (this.allowed === 0 && this.error === undefined) {
        this.#stopped?.();
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      if (this.error !== undefined) throw this.error;
      this.allowed--;
      return inner.write(file as never, ...rest);
    };
    const fs = new Proxy(inner as FileSystem, {
      get(target, name) {
        if (name === "write") return write;
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    this.fixture = new StateFixture({ ...options, fs });
    this.state.copies.notifier = {
      canNotify: () => true,
      notify: (copy, heard) => {
        this.told.push(copy);
        this.heard.push(heard);
      },
      forget: (copy) => void this.forgotten.push(copy),
    };
  }

  get state() {
    return this.fixture.services.state;
  }

  /** Lets so many chunks be written, and waits until the next one would be, or no job is left. */
  async write(chunks: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#stopped = resolve);
    this.allowed += chunks;
    this.#go();
    await Promise.race([stopped, this.fixture.services.jobs.finished()]);
  }

  fail(code: "no-space" | "busy"): void {
    this.error = new FsError(code);
    this.#go();
  }

  /** Has all be written. */
  finish(): Promise<void> {
    return this.write(Infinity);
  }

  #go(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const AT_TARGET = walk(["target"]);

const copied = (target = "target", synchronous = false) =>
  [
    ...walk(["source"]),
    op.savefh(),
    ...walk([target]),
    op.copy({
      ...{ source: anonymousStateid, destination: anonymousStateid },
      synchronous,
    }),
  ] as const;

/** Begins a copy, and returns its stateid. */
async function begin(client: StateClient, target?: string): Promise<Stateid> {
  const { response, ...how } = await client.ok("COPY", ...copied(target));
  assertEquals(how, { consecutive: true, synchronous: false });
  assertEquals(response.count, 0n);
  assert(response.callbackId !== undefined);
  return response.callbackId;
}

const status = (client: StateClient, stateid: Stateid) =>
  client.ok("OFFLOAD_STATUS", ...AT_TARGET, op.offloadStatus(stateid));

const cancel = (client: StateClient, stateid: Stateid) =>
  client.status(...AT_TARGET, op.offloadCancel(stateid));

const asked = (client: StateClient, stateid: Stateid) =>
  client.status(...AT_TARGET, op.offloadStatus(stateid));

async function size(client: StateClient, name = "target"): Promise<number> {
  const get = op.getattr(["size"]);
  const { attributes } = await client.ok("GETATTR", ...walk([name]), get);
  return Number(attributes.size);
}

Deno.test("a long COPY goes on behind its answer, and its client is told of the end (RFC 7862 15.2.3, 16.1)", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  const stateid = await begin(client);
  assertEquals(stateid.seqid, 1);
  await it.write(3);
  const { count, complete } = await status(client, stateid);
  assertEquals([count, complete], [BigInt(3 * 65_536), undefined]);
  assertEquals(it.state.copies.running, 1);
  await it.finish();
  const [copy] = it.told;
  assertEquals([copy!.done, copy!.end], [SIZE, {
    status: 0,
    stability: "file",
  }]);
  assertEquals([copy!.other, copy!.client.id], [
    stateid.other,
    client.clientid,
  ]);
  assertEquals(it.state.copies.running, 0);
  assertEquals(it.state.copies.bytes, SIZE);
  assertEquals(await size(client), SIZE);
  // Until its client has heard of it, it may ask.
  assertEquals(await status(client, stateid), {
    count: BigInt(SIZE),
    complete: 0,
  });
  it.heard[0]!();
  assertEquals(await asked(client, stateid), "BAD_STATEID");
});

Deno.test("a short COPY, one that is to be done first, and one whose client can't be told are done before the answer", async () => {
  const it = new Copying();
  it.allowed = Infinity;
  const client = await it.fixture.client(2);
  const at = async (...ops: Parameters<StateClient["call"]>) => {
    const { response, synchronous } = await client.ok("COPY", ...ops);
    assertEquals([response.callbackId, synchronous], [undefined, true]);
    return Number(response.count);
  };
  assertEquals(await at(...copied("target", true)), 4 * MiB);
  it.state.copies.notifier = {
    ...it.state.copies.notifier,
    canNotify: () => false,
  };
  assertEquals(await at(...copied()), 4 * MiB);
  assertEquals(it.state.copies.running, 0);
});

Deno.test("OFFLOAD_CANCEL ends a copy, of which its client hears nothing more (RFC 7862 15.8)", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  const stateid = await begin(client);
  await it.write(2);
  let answered = false;
  const cancelled = cancel(client, stateid).finally(() => answered = true);
  for (let i = 0; i < 3; i++) await nextTurn();
  // What the client writes after the answer no write of the copy's comes upon.
  assertEquals(answered, false);
  await it.finish();
  assertEquals(await cancelled, "OK");
  assertEquals(await cancel(client, stateid), "BAD_STATEID");
  assertEquals([it.told.length, it.state.copies.running], [0, 0]);
  // The write that was under way is made.
  assertEquals(await size(client), 3 * 65_536);
});

Deno.test("OFFLOAD_CANCEL of a copy that has ended takes its end back", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  const stateid = await begin(client);
  await it.finish();
  assertEquals(await cancel(client, stateid), "OK");
  assertEquals(it.forgotten, it.told);
  assertEquals(await asked(client, stateid), "BAD_STATEID");
});

Deno.test("a copy outlives the session that it was asked for over, and keeps its client from going (RFC 7862 4.8)", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  await begin(client);
  const [session] = clientOf(it).sessions;
  it.state.sessions.destroy(session!, "destroyed-session");
  assertEquals(it.state.holdsOn(clientOf(it)), true);
  await it.finish();
  assertEquals(it.told[0]!.done, SIZE);
  assertEquals(it.state.holdsOn(clientOf(it)), false);
});

Deno.test("setuid that a file gets while a copy is written to it goes with the next chunk", async () => {
  const it = new Copying();
  const root = await it.fixture.client(2);
  const client = await it.fixture.client(2, { uid: 7 });
  await root.ok("SETATTR", ...AT_TARGET, op.setattr({ mode: 0o777 }));
  const stateid = await begin(client);
  await it.write(1);
  await root.ok("SETATTR", ...AT_TARGET, op.setattr({ mode: 0o4777 }));
  await it.write(2);
  const { attributes } = await root.ok(
    "GETATTR",
    ...AT_TARGET,
    op.getattr(["mode"]),
  );
  assertEquals(attributes.mode, 0o777);
  const cancelled = cancel(client, stateid);
  await it.finish();
  await cancelled;
});

Deno.test("a copy's stateid is good for its client and its file, and not with the seqid 0 (RFC 7862 4.8)", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  const other = await it.fixture.client(2);
  const stateid = await begin(client);
  assertEquals(await asked(other, stateid), "BAD_STATEID");
  assertEquals(await cancel(other, stateid), "BAD_STATEID");
  const seqid0 = { ...stateid, seqid: 0 };
  assertEquals(await asked(client, seqid0), "BAD_STATEID");
  const elsewhere = [...walk(["source"]), op.offloadStatus(stateid)];
  assertEquals(await client.status(...elsewhere), "BAD_STATEID");
  assertEquals(await client.status(op.offloadStatus(stateid)), "NOFILEHANDLE");
  assertEquals(await asked(client, stateid), "OK");
  // And for nothing else.
  for (const use of [op.read({ stateid }), op.write({ stateid, data: "x" })]) {
    assertEquals(await client.status(...AT_TARGET, use), "BAD_STATEID");
  }
  await it.finish();
});

Deno.test("an error that ends a copy is told with the bytes before it; one that may pass, as a part that is done", async () => {
  for (
    const [code, chunks, expected] of [
      ["no-space", 2, "NOSPC"],
      ["no-space", 0, "NOSPC"],
      ["busy", 2, "OK"],
      ["busy", 0, "DELAY"],
    ] as const
  ) {
    const it = new Copying();
    const client = await it.fixture.client(2);
    const stateid = await begin(client);
    await it.write(chunks);
    it.fail(code);
    await it.fixture.services.jobs.finished();
    const [{ done, end }] = it.told as [EndedCopy];
    assertEquals([statusName(end.status), done], [expected, chunks * 65_536]);
    const { complete } = await status(client, stateid);
    assertEquals(complete, end.status);
  }
});

/** The only client that there is. */
function clientOf({ state }: Copying): Client {
  const [client] = state.clients;
  return client!;
}

const ends: Record<string, (it: Copying) => unknown> = {
  "DESTROY_CLIENTID and its like": (it) =>
    it.state.dropClient(clientOf(it), "destroyed"),
  "the end of the server": (it) => void it.fixture.services.jobs.stop(),
  "the end of the lease": ({ fixture }) => fixture.clock.advance(LEASE + 1),
};

for (const [name, act] of Object.entries(ends)) {
  Deno.test(`a copy ends with ${name}`, async () => {
    const it = new Copying();
    const client = await it.fixture.client(2);
    await begin(client);
    await it.write(2);
    act(it);
    it.allowed = Infinity;
    await it.finish();
    assertEquals(it.state.copies.running, 0);
    // The write that was under way is made.
    assertEquals(it.state.copies.bytes, 3 * 65_536);
    assertEquals(it.state.files.changes.files, 0);
  });
}

Deno.test("a client, and all of them, have as many copies as they may; further ones are done before the answer in part", async () => {
  const limits = { maxCopiesPerClient: 2, maxCopies: 5 };
  const it = new Copying({ limits });
  const client = await it.fixture.client(2);
  const isLater = async (client: StateClient, target: string) => {
    const copying = client.ok("COPY", ...copied(target));
    const { response } = await copying;
    return response.callbackId !== undefined;
  };
  assertEquals(await isLater(client, "target"), true);
  assertEquals(await isLater(client, "other"), true);
  it.allowed = 1_000;
  assertEquals(await isLater(client, "other"), false);
  await it.finish();
  assertEquals(it.state.copies.running, 0);
  assertEquals(await isLater(client, "other"), true);
  await it.finish();
});

Deno.test("what a lease's end stops is told as a part that is done: the client may come back", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  await begin(client);
  await it.write(2);
  it.fixture.clock.advance(LEASE + 1);
  await it.finish();
  const [{ done, end }] = it.told as [EndedCopy];
  assertEquals([statusName(end.status), done], ["OK", 3 * 65_536]);
});

Deno.test("of copies that ended and are unheard a party's oldest give way to its own", async () => {
  const limits = { maxCopiesPerClient: 2, maxCopies: 2 };
  const it = new Copying({ limits });
  it.allowed = Infinity;
  const client = await it.fixture.client(2);
  const stateids = [];
  for (let i = 0; i < 3; i++) {
    stateids.push(await begin(client));
    await it.finish();
  }
  const answers = [];
  for (const stateid of stateids) answers.push(await asked(client, stateid));
  assertEquals(answers, ["BAD_STATEID", "BAD_STATEID", "OK"]);
  assertEquals(it.forgotten, it.told.slice(0, 2));
  // Another party loses none by that, nor does a client that goes leave any.
  const connection = testConnection({ party: "user 1000" });
  const other = await it.fixture.client(2, { connection });
  const theirs = await begin(other);
  await it.finish();
  stateids.push(await begin(client));
  await it.finish();
  assertEquals(await asked(other, theirs), "OK");
  for (const each of it.state.clients) it.state.dropClient(each, "destroyed");
  assertEquals(it.forgotten.length, it.told.length);
});

Deno.test("as long as a copy goes on no other client may deny its source to be read, nor write to it unseen", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  const other = await it.fixture.client(2);
  await begin(client);
  await it.write(1);
  const deny = () => other.openStatus("source", { access: 1, deny: 1 });
  assertEquals(await deny(), "DELAY");
  await it.finish();
  assertEquals(await deny(), "OK");
});

Deno.test("as long as a copy goes on no other client may deny it, nor has the server forgotten that the file changes", async () => {
  const it = new Copying();
  const client = await it.fixture.client(2);
  const other = await it.fixture.client(2);
  await begin(client);
  await it.write(1);
  const deny = () => other.openStatus("target", { access: 1, deny: 2 });
  assertEquals(await deny(), "DELAY");
  assertEquals(it.state.files.changes.files, 2);
  await it.finish();
  assertEquals(await deny(), "OK");
  assertEquals(it.state.files.changes.files, 0);
});
