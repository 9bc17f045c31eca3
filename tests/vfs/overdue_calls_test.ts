import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { type FileSystem, FsError } from "../../src/vfs/mod.ts";
import { type Asker, workFor } from "../../src/base/asker.ts";
import { silentLogger } from "../../src/base/log.ts";
import { CheckedFileSystem } from "../../src/vfs/checked_file_system.ts";
import { MOST_AT_ONE } from "../../src/vfs/overdue_calls.ts";
import { FakeClock } from "../support/fake_clock.ts";

const LIMIT = 1_000;
const MOST = 64;
const FILES = 200;

/** A file system of others with files "0", "1" and so on, whose `hung` methods never return. */
class Hanging {
  readonly clock = new FakeClock();
  readonly refused: string[] = [];
  readonly fs: CheckedFileSystem;
  /** Calls of hung methods that were made and have not returned. */
  readonly #held: PromiseWithResolvers<never>[] = [];

  constructor(...hung: (keyof FileSystem)[]) {
    const names = Array.from({ length: FILES }, (_, i) => [`${i}`, "x"]);
    const tree = memory(Object.fromEntries(names)) as FileSystem;
    const hold = () => {
      const held = Promise.withResolvers<never>();
      this.#held.push(held);
      return held.promise;
    };
    for (const method of hung) Object.assign(tree, { [method]: hold });
    this.fs = new CheckedFileSystem(tree, {
      ...{ name: "/", timeout: LIMIT, maxOverdue: MOST, maxUnderWay: 256 },
      ...{ clock: this.clock, log: silentLogger },
      observer: { refused: (call) => this.refused.push(call) },
    });
  }

  get calls(): number {
    return this.#held.length;
  }

  file(i: number): object {
    return this.fs.lookup(this.fs.root(), `${i}`) as object;
  }

  read(i: number): unknown {
    return this.fs.read(this.file(i), 0, new Uint8Array(1));
  }

  /** Has an operation of a party wait until it is told to try again; "OK" where it need not. */
  async ask(who: Asker, act: () => unknown): Promise<string> {
    const asked = workFor(who, async () => {
      await act();
      return "OK";
    }).catch((error) => (error as FsError).code);
    // Nothing of what it is told at once waits for anything else.
    for (let i = 0; i < 5; i++) await Promise.resolve();
    this.clock.advance(LIMIT);
    this.fs.sweep();
    return await asked;
  }

  /** All that was made fails after all. */
  async fail(): Promise<void> {
    for (const { reject } of this.#held) reject(new FsError("io"));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

const one = { party: "one" };
const other = { party: "other" };

Deno.test("a file whose reads never return costs a few calls, and keeps no other file waiting", async () => {
  const hanging = new Hanging("read");
  const { fs } = hanging;
  for (let i = 0; i < 3 * MOST; i++) {
    assertEquals(await hanging.ask(one, () => hanging.read(0)), "busy");
  }
  assertEquals(hanging.calls, MOST_AT_ONE);
  assertEquals(hanging.refused.length, 3 * MOST - MOST_AT_ONE);
  for (const who of [one, other]) {
    assertEquals(await hanging.ask(who, () => fs.getattr(fs.root())), "OK");
    assertEquals(await hanging.ask(who, () => hanging.file(0)), "OK");
    const getattr = () => fs.getattr(hanging.file(0));
    assertEquals(await hanging.ask(who, getattr), "OK");
  }
  assertEquals(fs.failure(), undefined);
  assertEquals(await hanging.ask(other, () => hanging.read(1)), "busy");
  assertEquals(hanging.calls, MOST_AT_ONE + 1, "another file is asked for");
  await hanging.fail();
  assertEquals(fs.overdue, 0);
  await hanging.ask(one, () => hanging.read(0));
  assertEquals(hanging.calls, MOST_AT_ONE + 2, "it is asked again");
});

Deno.test("a name whose lookups never return keeps no other name waiting, whatever its node is made of", async () => {
  const hanging = new Hanging("lookup");
  const { fs } = hanging;
  const { inner } = fs;
  const lookUp = (name: string) => () => fs.lookup({}, name);
  Object.assign(inner, { identify: () => Uint8Array.of(1) });
  for (let i = 0; i < 2 * MOST_AT_ONE; i++) {
    await hanging.ask(one, lookUp("a"));
  }
  assertEquals(hanging.calls, MOST_AT_ONE);
  await hanging.ask(one, lookUp("b"));
  assertEquals(hanging.calls, MOST_AT_ONE + 1);
});

Deno.test("a party that asks for many files that hang has half of the overdue calls, and the others go on", async () => {
  const hanging = new Hanging("read");
  const { fs } = hanging;
  const getattr = () => fs.getattr(fs.root());
  for (let i = 0; i < MOST; i++) {
    await hanging.ask(one, () => hanging.read(i));
  }
  assertEquals(hanging.calls, MOST / 2);
  assertEquals(await hanging.ask(one, getattr), "busy");
  assertEquals(await hanging.ask(other, getattr), "OK");
  assertEquals(
    fs.failure(),
    `${MOST / 2} calls of the file system have not returned`,
  );
  await hanging.fail();
  assertEquals(await hanging.ask(one, getattr), "OK");
  assertEquals(fs.failure(), undefined);
});

Deno.test("calls that one party has given up at once leave the others as many as ever", async () => {
  const hanging = new Hanging("read");
  const { fs } = hanging;
  const burst = Array.from(
    { length: 2 * MOST },
    (_, i) => () => hanging.read(i),
  );
  await hanging.ask(one, () => Promise.all(burst.map((read) => read())));
  assertEquals(fs.overdue, 2 * MOST);
  for (let i = 0; i < MOST; i++) {
    await hanging.ask(other, () => hanging.read(FILES - 1 - i));
  }
  assertEquals(hanging.calls, 2 * MOST + MOST / 4);
  await hanging.fail();
  assertEquals(fs.overdue, 0);
  assertEquals(await hanging.ask(one, () => fs.getattr(fs.root())), "OK");
});
