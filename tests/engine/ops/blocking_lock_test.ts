import { assertEquals } from "@std/assert";
import type { Client } from "../../../src/state/client.ts";
import type { WaitingLock } from "../../../src/state/lock_queue.ts";
import { bytesOf, op } from "../../support/client/mod.ts";
import { testConnection } from "../../support/connection.ts";
import { LEASE } from "../../state/fixture.ts";
import { Locker, read, waiting, write } from "../locker.ts";
import { AT_FILE, type StateClient, StateFixture } from "../state_fixture.ts";

const SECOND = 1_000;
const MAY_NOTIFY = 0x20;
const all = write(0n, 10n);

/** A server whose notifications are a list of "client owner offset". */
class Fixture extends StateFixture {
  readonly told: string[] = [];
  /** Clients that can't be told. */
  readonly deaf = new Set<bigint>();
  readonly #names = new Map<bigint, string>();

  constructor(options: ConstructorParameters<typeof StateFixture>[0] = {}) {
    super(options);
    const name = (client: Client) => this.#names.get(client.id);
    this.services.state.waiting.notifier = {
      canNotify: (client) => !this.deaf.has(client.id),
      notify: (lock: WaitingLock) => {
        const owner = new TextDecoder().decode(lock.owner.name);
        this.told.push(`${name(lock.open.client)} ${owner} ${lock.start}`);
      },
    };
  }

  get line(): number {
    return this.services.state.waiting.size;
  }

  /** A client with this name, and its locker. */
  async locker(
    minor: 0 | 1 | 2,
    name: string,
    connection = testConnection(),
  ): Promise<Locker> {
    const client = await this.client(minor, { connection });
    this.#names.set(client.clientid, name);
    return await Locker.of(client);
  }

  /** Another locker of a client. */
  second(client: StateClient, name: string): Promise<Locker> {
    return Locker.of(client, { name });
  }

  /** Time passes in which everybody is heard of. */
  async pass(ms: number, ...heard: Locker[]): Promise<void> {
    this.clock.advance(ms);
    for (const { client } of heard) {
      const owner = client.owner("nobody");
      const renew = op.lockt({ ...read(99n, 1n), owner });
      await client.ok("LOCKT", ...AT_FILE, renew);
    }
    this.services.state.sweep(this.clock.now());
  }
}

for (const minor of [0, 1, 2] as const) {
  const test = (name: string, run: (fixture: Fixture) => Promise<void>) =>
    Deno.test(`NFSv4.${minor}: ${name}`, () => run(new Fixture()));

  const trio = async (fixture: Fixture) =>
    [
      await fixture.locker(minor, "one"),
      await fixture.locker(minor, "two"),
      await fixture.locker(minor, "three"),
    ] as const;

  test("who has waited gets the lock before who comes later (RFC 8881 9.6, RFC 7530 9.4)", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(all);
    assertEquals(await two.lock(waiting(all)), "DENIED 0+10 write");
    await one.unlock(all);
    assertEquals(await three.lock(write(3n, 1n)), "DENIED 0+10 write");
    assertEquals(await one.lock(waiting(read(9n, 1n))), "DENIED 0+10 write");
    assertEquals(await three.lock(write(10n, 1n)), "OK");
    assertEquals(await two.lock(waiting(all)), "OK");
    assertEquals(fixture.line, 1);
  });

  test("a lock that is kept for somebody is no lock for LOCKT", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(all));
    await one.unlock(all);
    assertEquals(await three.test(all), "OK");
  });

  test("the line is kept in order", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(all));
    await three.lock(waiting(all));
    await one.unlock(all);
    assertEquals(await three.lock(waiting(all)), "DENIED 0+10 write");
    assertEquals(await two.lock(waiting(all)), "OK");
    await two.unlock(all);
    assertEquals(await two.lock(waiting(all)), "DENIED 0+10 write");
    assertEquals(await three.lock(waiting(all)), "OK");
    assertEquals(fixture.line, 1);
  });

  test("readers in line don't keep each other back", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(read(0n, 10n)));
    await one.unlock(all);
    assertEquals(await three.lock(read(0n, 10n)), "OK");
    assertEquals(await two.lock(waiting(read(0n, 10n))), "OK");
  });

  test("nobody is kept back for somebody who could not lock either", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(write(5n, 1n));
    await two.lock(waiting(all));
    assertEquals(await three.lock(write(0n, 1n)), "OK");
  });

  test("a lock is kept for as long as the waiter keeps its pace", async (fixture) => {
    fixture.deaf.add(0n);
    const [one, two, three] = await trio(fixture);
    for (const { client } of [one, two, three]) {
      fixture.deaf.add(client.clientid);
    }
    const deaf = await fixture.second(two.client, "deaf");
    await one.lock(all);
    await deaf.lock(waiting(all));
    await fixture.pass(10 * SECOND, one);
    await deaf.lock(waiting(all));
    await one.unlock(all);
    await fixture.pass(14 * SECOND, one, three);
    assertEquals(await three.lock(all), "DENIED 0+10 write");
    await fixture.pass(2 * SECOND, one, three);
    assertEquals(await three.lock(all), "OK");
  });

  test("who has asked once keeps others back for a moment only", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(all));
    await one.unlock(all);
    await fixture.pass(6 * SECOND, one, three);
    assertEquals(await three.lock(all), "OK");
    assertEquals(await two.lock(waiting(all)), "DENIED 0+10 write");
  });

  test("who has not asked for a lease time is forgotten", async (fixture) => {
    const [one, two] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(all));
    await fixture.pass(LEASE - 1, one, two);
    assertEquals(fixture.line, 1);
    await fixture.pass(2, one, two);
    assertEquals(fixture.line, 0);
  });

  test("asking without waiting gives up the place in line (RFC 8881 9.6)", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(all));
    await three.lock(waiting(all));
    assertEquals(await two.lock(all), "DENIED 0+10 write");
    assertEquals(fixture.line, 1);
    await one.unlock(all);
    assertEquals(await three.lock(waiting(all)), "OK");
  });

  test("CLOSE takes the waiting along, and frees for those in line", async (fixture) => {
    const [one, two, three] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(all));
    await three.lock(waiting(all));
    await two.close();
    assertEquals(fixture.line, 1);
    await one.close();
    assertEquals(await three.lock(waiting(all)), "OK");
    assertEquals(fixture.line, 0);
  });

  test("a client that is gone waits for nothing", async (fixture) => {
    const [one, two] = await trio(fixture);
    await one.lock(all);
    await two.lock(waiting(all));
    const { state } = fixture.services;
    const client = state.clients.find(two.client.clientid, minor ? 1 : 0)!;
    state.dropClient(client, "expired");
    assertEquals(fixture.line, 0);
  });

  test("the lines of a client and of a file are bounded; beyond it nobody has a place", async () => {
    const fixture = new Fixture({
      limits: { maxWaitingLocksPerClient: 3, maxWaitingLocksPerFile: 8 },
    });
    const [one, two, three] = await trio(fixture);
    await one.lock(write(0n, 100n));
    for (let at = 0n; at < 5n; at++) {
      assertEquals(
        await two.lock(waiting(write(at, 1n))),
        "DENIED 0+100 write",
      );
    }
    assertEquals(fixture.line, 3);
    for (let at = 5n; at < 10n; at++) await three.lock(waiting(write(at, 1n)));
    assertEquals(fixture.line, 4);
    await one.unlock(write(0n, 100n));
    assertEquals(await two.lock(waiting(write(7n, 1n))), "OK");
    assertEquals(await three.lock(waiting(write(0n, 1n))), "DENIED 0+1 write");
  });

  test("a party that waits for more than its share leaves others a place in the line of a file", async () => {
    const fixture = new Fixture({ limits: { maxWaitingLocksPerFile: 8 } });
    const [one, two] = await trio(fixture);
    await one.lock(all);
    for (let at = 0n; at < 9n; at++) await two.lock(waiting(write(at, 1n)));
    assertEquals(fixture.line, 4);
    const other = testConnection({ party: "user 1000" });
    const three = await fixture.locker(minor, "another's", other);
    await three.lock(waiting(write(9n, 1n)));
    assertEquals(fixture.line, 5);
    // What has left the line is counted no more.
    await one.unlock(all);
    for (let at = 0n; at < 4n; at++) {
      assertEquals(await two.lock(waiting(write(at, 1n))), "OK");
    }
    assertEquals(fixture.line, 1);
    await one.lock(waiting(write(0n, 1n)));
    assertEquals(fixture.line, 2);
  });
}

Deno.test("RELEASE_LOCKOWNER takes the waiting along (RFC 7530 16.37)", async () => {
  const fixture = new Fixture();
  const one = await fixture.locker(0, "one");
  const two = await fixture.locker(0, "two");
  await one.lock(all);
  await two.lock(waiting(all));
  const { client } = two;
  const release = op.releaseLockowner({
    clientid: client.clientid,
    owner: bytesOf("locker"),
  });
  await client.ok("RELEASE_LOCKOWNER", release);
  assertEquals(fixture.line, 0);
});

Deno.test("whose turn it is is told once, in the order of the line (RFC 8881 20.11)", async () => {
  const fixture = new Fixture();
  const [one, two, three] = [
    await fixture.locker(1, "one"),
    await fixture.locker(2, "two"),
    await fixture.locker(1, "three"),
  ];
  await one.lock(write(0n, 100n));
  await two.lock(waiting(write(0n, 10n)));
  await three.lock(waiting(write(0n, 10n)));
  await three.lock(waiting(write(50n, 10n)));
  assertEquals(fixture.told, []);
  await one.unlock(write(0n, 5n));
  assertEquals(fixture.told, []);
  await one.unlock(write(0n, 10n));
  await one.unlock(write(10n, 10n));
  assertEquals(fixture.told, ["two locker 0"]);
  await one.unlock({});
  assertEquals(fixture.told, ["two locker 0", "three locker 50"]);
  await two.lock(waiting(write(0n, 10n)));
  await two.unlock({});
  assertEquals(fixture.told.slice(2), ["three locker 0"]);
});

Deno.test("a downgrade and a CLOSE tell as well", async () => {
  const fixture = new Fixture();
  const one = await fixture.locker(1, "one");
  const two = await fixture.locker(1, "two");
  const three = await fixture.locker(1, "three");
  await one.lock(all);
  await two.lock(waiting(read(0n, 10n)));
  await three.lock(waiting(all));
  await one.lock(read(0n, 10n));
  assertEquals(fixture.told, ["two locker 0"]);
  assertEquals(await two.lock(waiting(read(0n, 10n))), "OK");
  await two.close();
  await one.close();
  assertEquals(fixture.told, ["two locker 0", "three locker 0"]);
});

Deno.test("who was told has two seconds, then the next one is told", async () => {
  const fixture = new Fixture();
  const one = await fixture.locker(1, "one");
  const two = await fixture.locker(1, "two");
  const three = await fixture.locker(1, "three");
  await one.lock(all);
  await two.lock(waiting(all));
  await three.lock(waiting(all));
  await fixture.pass(30 * SECOND, one, two, three);
  await one.unlock(all);
  await fixture.pass(1.9 * SECOND);
  assertEquals(await three.lock(waiting(all)), "DENIED 0+10 write");
  assertEquals(fixture.told, ["two locker 0"]);
  await fixture.pass(0.2 * SECOND);
  assertEquals(fixture.told, ["two locker 0", "three locker 0"]);
  assertEquals(await three.lock(waiting(all)), "OK");
});

Deno.test("OPEN promises only what can be kept (OPEN4_RESULT_MAY_NOTIFY_LOCK, RFC 8881 18.16.3)", async () => {
  const fixture = new Fixture();
  const flags = async (client: StateClient, seqid = 0) => {
    const open = client.openOp("file", { seqid, owner: `owner ${seqid}` });
    return (await client.ok("OPEN", op.putrootfh(), open)).flags & MAY_NOTIFY;
  };
  const old = await fixture.client(0);
  assertEquals(await flags(old), 0);
  const one = await fixture.locker(1, "one");
  const two = await fixture.locker(1, "two");
  assertEquals(await flags(two.client), MAY_NOTIFY);
  fixture.deaf.add(two.client.clientid);
  assertEquals(await flags(two.client), 0);
  const deaf = await fixture.second(two.client, "deaf");
  await one.lock(all);
  await deaf.lock(waiting(all));
  await one.unlock(all);
  assertEquals(fixture.told, []);
});
