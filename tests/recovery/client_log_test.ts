import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ClientLog } from "../../src/recovery/client_log.ts";
import type { ClientRecord } from "../../src/recovery/record_store.ts";
import { FakeClock } from "../state/fixture.ts";

const noFiles =
  Deno.permissions.querySync({ name: "write" }).state !== "granted";

function record(n: number): ClientRecord {
  const owner = Uint8Array.of(n >> 8, n);
  return { protocol: 1, owner, principal: "sys:0", leaseMs: 90_000 };
}

/** One of a client with a name as long as there may be. */
function longRecord(n: number): ClientRecord {
  return { ...record(n), owner: new Uint8Array(1024).fill(n) };
}

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly clock = new FakeClock();
  readonly journal = `${this.path}/clients/here.journal`;
  readonly trouble: string[] = [];

  open(): ClientLog {
    const onTrouble = (message: string) => void this.trouble.push(message);
    return new ClientLog(this.journal, { clock: this.clock, onTrouble });
  }

  /** The numbers of the records that the next process finds. */
  left(): number[] {
    using journal = this.open();
    return journal.load().map(({ owner }) => owner[0]! << 8 | owner[1]!);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function test(name: string, body: (folder: Folder) => void | Promise<void>) {
  Deno.test(`journal: ${name}`, { ignore: noFiles }, async () => {
    using folder = new Folder();
    await body(folder);
  });
}

test("records outlive the process, in files for nobody else to read", async (folder) => {
  {
    using journal = folder.open();
    assertEquals(journal.load(), []);
    for (const n of [1, 2, 3]) journal.put(record(n));
    journal.delete(record(2));
    await journal.flush();
    // It is gone as it is.
    journal.delete(record(2));
    assertEquals(journal.flush(), undefined);
  }
  assertEquals(folder.left(), [1, 3]);
  assertEquals(Deno.statSync(folder.journal).mode! & 0o777, 0o600);
  const { mode } = Deno.statSync(`${folder.path}/clients`);
  assertEquals(mode! & 0o777, 0o700);
});

test("changes before a flush share it, later ones get their own", async (folder) => {
  using journal = folder.open();
  assertEquals(journal.flush(), undefined);
  journal.put(record(1));
  journal.put(record(2));
  const first = journal.flush();
  assertEquals(journal.flush(), first);
  journal.put(record(3));
  const second = journal.flush();
  assertEquals(second === first, false);
  assertEquals(journal.flush(), second);
  await first;
  await second;
  assertEquals(journal.flush(), undefined);
});

test("a second server is refused, and has the records when the first is gone", (folder) => {
  const first = folder.open();
  assertThrows(() => folder.open(), Error, "in use by another server");
  first.put(record(1));
  first[Symbol.dispose]();
  assertEquals(folder.left(), [1]);
});

test("a file of a newer version is refused and left as it is", (folder) => {
  folder.open()[Symbol.dispose]();
  const text = "dittofs-nfs4 client records 3\nwhatever\n";
  Deno.writeTextFileSync(folder.journal, text);
  assertThrows(() => folder.open(), Error, "newer version");
  assertEquals(Deno.readTextFileSync(folder.journal), text);
});

test("damage is told of, and what is left is read without it next time", (folder) => {
  {
    using journal = folder.open();
    for (const n of [1, 2, 3]) journal.put(record(n));
  }
  const text = Deno.readTextFileSync(folder.journal);
  Deno.writeTextFileSync(folder.journal, text.replace("0002", "0004"));
  assertEquals(folder.left(), [3]);
  assertEquals(folder.left(), [3]);
  assertEquals(folder.trouble.length, 1);
});

test("what an interrupted rewrite left is no hindrance", (folder) => {
  {
    using journal = folder.open();
    journal.put(record(1));
  }
  Deno.writeTextFileSync(`${folder.journal}.new`, "x".repeat(10_000));
  assertEquals(folder.left(), [1]);
});

test("a journal of history is rewritten while it is used", async (folder) => {
  using journal = folder.open();
  journal.put(record(1));
  let largest = 0;
  for (let i = 0; i < 1_000; i++) {
    journal.put({ ...longRecord(2), leaseMs: i });
    journal.delete(longRecord(2));
    if (i % 100 === 0) await journal.flush();
    largest = Math.max(largest, Deno.statSync(folder.journal).size);
  }
  await journal.flush();
  assertEquals(largest < 2 * 2 ** 20, true);
  assertEquals(journal.load().map(({ owner }) => owner[1]), [1]);
});

test("clients that come and go don't have it rewritten each time, while everybody waits", async (folder) => {
  using journal = folder.open();
  const files = new Set<number | null>();
  for (let i = 0; i < 200; i++) {
    journal.put({ ...longRecord(1), leaseMs: i });
    journal.delete(longRecord(1));
    if (i % 10 !== 0) continue;
    await journal.flush();
    files.add(Deno.statSync(folder.journal).ino);
  }
  assertEquals(files.size, 1);
});

test("history that can't be rewritten is no reason to fail", async (folder) => {
  const journal = folder.open();
  Deno.mkdirSync(`${folder.journal}.new`);
  for (let i = 0; i < 1_500; i++) {
    journal.put({ ...longRecord(1), leaseMs: 90_000 + i });
    if (i % 100 === 0) await journal.flush();
  }
  await journal.flush();
  assertEquals(Deno.statSync(folder.journal).size > 2 * 2 ** 20, true);
  journal[Symbol.dispose]();
  Deno.removeSync(`${folder.journal}.new`);
  assertEquals(folder.left().length, 1);
});

test("after a failed sync nothing is durable until all of it is in a new file", async (folder) => {
  const journal = folder.open();
  journal.put(record(1));
  await journal.flush();
  const original = Deno.FsFile.prototype.syncData;
  const failure = new Error("no such luck");
  Deno.FsFile.prototype.syncData = () => Promise.reject(failure);
  try {
    journal.put(record(2));
    await assertRejects(async () => await journal.flush(), Error, "luck");
    Deno.mkdirSync(`${folder.journal}.new`);
    // The first attempt is made at once and fails, the next one has to wait.
    assertThrows(() => journal.flush(), Error, "directory");
    assertThrows(() => journal.put(record(3)), Error, "luck");
    journal.delete(record(1));
    Deno.removeSync(`${folder.journal}.new`);
    assertThrows(() => journal.flush(), Error, "luck");
    folder.clock.advance(1_000);
    assertEquals(journal.flush(), undefined);
  } finally {
    Deno.FsFile.prototype.syncData = original;
  }
  journal.put(record(4));
  await journal.flush();
  journal[Symbol.dispose]();
  assertEquals(folder.left(), [2, 4]);
});

test("a line that can't be written whole is taken back", async (folder) => {
  const journal = folder.open();
  const original = Deno.FsFile.prototype.writeSync;
  let room = 10;
  Deno.FsFile.prototype.writeSync = function (bytes) {
    if (room === 0) throw new Error("disk full");
    const taken = original.call(this, bytes.subarray(0, room));
    room -= taken;
    return taken;
  };
  try {
    assertThrows(() => journal.put(record(1)), Error, "disk full");
    room = 1_000;
    journal.put(record(2));
    await journal.flush();
    // A deletion that can't be written holds up everything until it is.
    room = 0;
    journal.delete(record(2));
    assertThrows(() => journal.flush(), Error, "disk full");
    room = 1_000;
    folder.clock.advance(1_000);
    assertEquals(journal.flush(), undefined);
  } finally {
    Deno.FsFile.prototype.writeSync = original;
  }
  journal[Symbol.dispose]();
  assertEquals(folder.left(), []);
});

/** No file gets longer until it is given back; what is there can be written anew. */
function fillDisk(): Disposable {
  const { writeSync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.writeSync = function (bytes) {
    const at = this.seekSync(0, Deno.SeekMode.Current);
    if (at + bytes.length <= this.statSync().size) {
      return writeSync.call(this, bytes);
    }
    throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
  };
  return {
    [Symbol.dispose]: () => void (Deno.FsFile.prototype.writeSync = writeSync),
  };
}

test("what is deleted takes no room, and holds up no client when the disk is full", async (folder) => {
  {
    using journal = folder.open();
    for (const n of [1, 2, 3]) journal.put(record(n));
    journal.put({ ...record(2), leaseMs: 120_000 });
    await journal.flush();
    using _full = fillDisk();
    journal.delete(record(2));
    const flushed = journal.flush();
    assertEquals(flushed instanceof Promise, true);
    await flushed;
    assertThrows(() => journal.put(record(4)), Error, "no space left");
    // It is there as it is, and nothing is left undone.
    journal.put(record(1));
    assertEquals(journal.flush(), undefined);
  }
  assertEquals(folder.left(), [1, 3]);
});

test("nor after a start on it, whose log goes on", async (folder) => {
  {
    using journal = folder.open();
    for (const n of [1, 2, 3]) journal.put(record(n));
    await journal.flush();
  }
  const { size } = Deno.statSync(folder.journal);
  {
    using _full = fillDisk();
    for (const n of [1, 2]) {
      using journal = folder.open();
      journal.delete(record(n));
      await journal.flush();
    }
    assertEquals(folder.left(), [3]);
  }
  assertEquals(Deno.statSync(folder.journal).size, size);
  // What could not be written anew takes nothing of the room that is left.
  assertThrows(() => Deno.statSync(`${folder.journal}.new`));
  assertEquals(folder.left(), [3]);
  assertEquals(Deno.statSync(folder.journal).size < size, true);
});

test("a client that was gone and is back as it was takes no room", async (folder) => {
  {
    using journal = folder.open();
    for (const n of [1, 2, 3]) journal.put(record(n));
    journal.delete(record(1));
    await journal.flush();
    using _full = fillDisk();
    journal.put(record(1));
    const flushed = journal.flush();
    assertEquals(flushed instanceof Promise, true);
    await flushed;
    journal.delete(record(1));
    journal.delete(record(2));
    assertThrows(() => journal.put({ ...record(2), leaseMs: 1 }));
  }
  {
    // Also after a start on it, whose log goes on.
    using _full = fillDisk();
    using journal = folder.open();
    assertEquals(journal.load(), [record(3)]);
    journal.put(record(1));
    await journal.flush();
  }
  assertEquals(folder.left(), [1, 3]);
});

test("a record is deleted where it went when the log was rewritten", async (folder) => {
  {
    using journal = folder.open();
    for (const n of [1, 2]) journal.put({ ...record(n), principal: "ü" });
    journal.delete(record(1));
    await journal.flush();
  }
  {
    using journal = folder.open();
    journal.put(record(3));
    journal.delete(record(2));
    await journal.flush();
  }
  assertEquals(folder.left(), [3]);
  assertEquals(folder.trouble, []);
});

test("on a full disk a damaged one goes on with what is left", async (folder) => {
  {
    using journal = folder.open();
    for (const n of [1, 2, 3, 4]) journal.put(record(n));
  }
  const bytes = Deno.readFileSync(folder.journal);
  // No UTF-8, and so three bytes for one when it is taken for it.
  bytes[new TextDecoder().decode(bytes).indexOf("0002")] = 255;
  Deno.writeFileSync(folder.journal, bytes);
  {
    using _full = fillDisk();
    using journal = folder.open();
    journal.delete(record(3));
    await journal.flush();
  }
  assertEquals(folder.left(), [4]);
});

test("on a full disk the one that is there goes on, without what was not whole in it", async (folder) => {
  {
    using journal = folder.open();
    for (const n of [1, 2]) journal.put(record(n));
    await journal.flush();
  }
  Deno.writeTextFileSync(folder.journal, "torn", { append: true });
  const { writeSync } = Deno.FsFile.prototype;
  const { code, message } = { code: "ENOSPC", message: "no space left" };
  Deno.FsFile.prototype.writeSync = () => {
    throw Object.assign(new Error(message), { code });
  };
  try {
    using journal = folder.open();
    assertEquals(folder.trouble.length, 1);
    assertEquals(journal.load(), [record(1), record(2)]);
    // It is back, as it was.
    journal.put(record(1));
    Deno.FsFile.prototype.writeSync = writeSync;
    journal.put(record(3));
    await journal.flush();
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
  assertEquals(folder.left(), [1, 2, 3]);
  assertEquals(folder.trouble.length, 1);
});

test("on a full disk there may be none, and nothing is put in it until there is room", async (folder) => {
  const { writeSync } = Deno.FsFile.prototype;
  const message = "No space left on device (os error 28)";
  Deno.FsFile.prototype.writeSync = () => {
    throw new Error(message);
  };
  try {
    using journal = folder.open();
    assertThrows(() => journal.put(record(1)), Error, message);
    Deno.FsFile.prototype.writeSync = writeSync;
    folder.clock.advance(1_000);
    journal.put(record(2));
    await journal.flush();
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
  assertEquals(folder.left(), [2]);
});
