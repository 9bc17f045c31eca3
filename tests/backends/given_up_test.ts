import { assertEquals, assertRejects } from "@std/assert";
import { hostThreads } from "../../src/backends/common/host_threads.ts";
import { ApartFileSystem } from "../../src/backends/local/apart/apart_file_system.ts";
import { HostedFileSystem } from "../../src/backends/local/hosted_file_system.ts";
import type { HostedOptions } from "../../src/backends/local/options.ts";
import type { LocalNode } from "../../src/backends/local/node.ts";
import { workFor } from "../../src/base/asker.ts";
import { silentLogger } from "../../src/base/log.ts";
import { CheckedFileSystem } from "../../src/vfs/checked_file_system.ts";
import { FsError } from "../../src/vfs/mod.ts";
import { started } from "../../src/vfs/starting.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { holdBack } from "./hold_back.ts";
import { WorkerHere } from "./local/apart/fixture.ts";
import { attributes, hasFfi, makeHost, noFolder } from "./local/fixture.ts";

const LIMIT = 5_000;
const SIZE = 20 * 2 ** 20;
const OLD = new Uint8Array(2 ** 20).fill(1);
const ignore = noFolder || !hasFfi;

/** What a client asks for. */
type Change = (
  fs: CheckedFileSystem,
  at: { readonly root: object; readonly file: object },
) => unknown;

const write: Change = (fs, { file }) => fs.write(file, 0, OLD, "unstable");
const setSize: Change = (fs, { file }) => fs.setattr(file, { size: 1 });
const allocate: Change = (fs, { file }) => fs.allocate(file, SIZE, OLD.length);
const remove: Change = (fs, { root }) => fs.remove(root, "f");
const link: Change = (fs, { root, file }) => fs.link(file, root, "h");
const rename: Change = (fs, { root }) =>
  fs.rename({ directory: root, name: "f" }, { directory: root, name: "g" });

/** Has a folder asked as the server would. */
async function served(
  folder: HostedFileSystem | ApartFileSystem,
  clock: FakeClock,
  act: (fs: CheckedFileSystem) => Promise<void>,
): Promise<void> {
  const fs = new CheckedFileSystem(folder, {
    name: "/",
    log: silentLogger,
    clock,
    maxUnderWay: 256,
    timeout: LIMIT,
    maxOverdue: 4,
  });
  try {
    await workFor({ party: "one" }, () => act(fs));
  } finally {
    await folder.dispose();
  }
}

/** A folder with a file "f" of zeros, and "g". */
class Folder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();

  constructor() {
    for (const name of ["f", "g"]) this.make(name, SIZE);
  }

  make(name: string, size: number): void {
    Deno.createSync(`${this.path}/${name}`).close();
    Deno.truncateSync(`${this.path}/${name}`, size);
  }

  /** Nothing was changed but for what is told. */
  assertIs(
    { names = ["f", "g"], file = "f", size = SIZE }: {
      readonly names?: readonly string[];
      readonly file?: string;
      readonly size?: number;
    } = {},
  ): void {
    const found = [...Deno.readDirSync(this.path)].map(({ name }) => name);
    assertEquals(found.sort(), names);
    assertEquals(Deno.statSync(`${this.path}/${file}`).size, size);
    assertEquals(Deno.readFileSync(`${this.path}/${file}`)[0], 0);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** All threads are at something else until that is disposed of. */
function busyThreads(): AsyncDisposable {
  const gate = Promise.withResolvers<void>();
  const works = Object.values(hostThreads).flatMap((threads) =>
    Array.from({ length: 20 }, () => threads.run(() => gate.promise))
  );
  return {
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await Promise.all(works);
    },
  };
}

/** Works that wait for a thread. */
function inLine(): number {
  return hostThreads.short.waiting + hostThreads.long.waiting;
}

/** Has a call given up as soon as `until` says so. */
async function giveUp(
  fs: CheckedFileSystem,
  clock: FakeClock,
  call: () => unknown,
  until: () => boolean = () => true,
): Promise<void> {
  const givenUp = assertRejects(
    async () => await call(),
    FsError,
    "takes too long",
  );
  while (!until()) await turn();
  clock.advance(LIMIT + 1);
  fs.sweep();
  await givenUp;
}

/** Waits until no call of a file system goes on that was given up. */
async function calm(fs: CheckedFileSystem): Promise<void> {
  for (let turns = 0; turns < 50 && fs.overdue > 0; turns++) await turn();
  assertEquals(fs.overdue, 0, "the host is not asked for it");
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function apart(path: string, clock: FakeClock): ApartFileSystem {
  const open = () => new WorkerHere();
  return new ApartFileSystem(path, { durability: "os" }, { open, clock });
}

/** What stands in a line for a thread. */
const IN_LINE = { WRITE: write, CUT: setSize, ALLOCATE: allocate };

/** What carries a folder. */
const CARRIERS = {
  "local": (path: string) => hosted(path),
  "local, apart": apart,
};

for (const [carrier, open] of Object.entries(CARRIERS)) {
  for (const [what, change] of Object.entries(IN_LINE)) {
    Deno.test({
      name:
        `${carrier}: a ${what} that is given up while it stands in a line is not made later`,
      ignore,
      async fn() {
        using at = new Folder();
        const clock = new FakeClock();
        const folder = open(at.path, clock);
        await started([folder]);
        await served(folder, clock, async (fs) => {
          const root = fs.root();
          const file = (await fs.lookup(root, "f"))!;
          await using _ = busyThreads();
          const others = inLine();
          const call = () => change(fs, { root, file });
          await giveUp(fs, clock, call, () => inLine() > others);
          await calm(fs);
          assertEquals(inLine(), others);
        });
        at.assertIs();
      },
    });
  }
}

function hosted(
  path: string,
  options: HostedOptions = {},
): HostedFileSystem {
  return new HostedFileSystem(makeHost(true), Deno.realPathSync(path), {
    durability: "os",
    ...options,
  });
}

Deno.test({
  name:
    "local, apart: a WRITE that had to wait for a place to cross is not made later",
  ignore,
  async fn() {
    using at = new Folder();
    const clock = new FakeClock();
    const folder = apart(at.path, clock);
    await started([folder]);
    await served(folder, clock, async (fs) => {
      const root = folder.root();
      const file = (await folder.lookup(root, "f"))!;
      const other = (await folder.lookup(root, "g"))!;
      await using _ = busyThreads();
      const others = inLine();
      const writes = [0, 1].map(() => folder.write(other, 0, OLD, "unstable"));
      const call = () => {
        const given = write(fs, { root, file });
        // Those before it have crossed by then.
        clock.advance(100);
        return given;
      };
      await giveUp(fs, clock, call, () => inLine() > others + writes.length);
      await calm(fs);
      assertEquals(inLine(), others + writes.length);
    });
    at.assertIs();
  },
});

Deno.test({
  name:
    "local, apart: a CREATE that is given up before the worker has begun is not made later",
  ignore,
  async fn() {
    using at = new Folder();
    const clock = new FakeClock();
    await served(apart(at.path, clock), clock, async (fs) => {
      const kind = { type: "file" } as const;
      const call = () => fs.create(fs.root(), "h", kind, { attributes });
      await giveUp(fs, clock, call);
      await calm(fs);
    });
    at.assertIs();
  },
});

/** What a call of a client has to wait for first. */
interface Wait {
  /** Has the call wait. */
  readonly begin: (at: {
    readonly folder: HostedFileSystem;
    readonly file: LocalNode;
    readonly path: string;
  }) => void;
  readonly changes: Readonly<Record<string, Change>>;
  /** What there is in the end. */
  readonly left?: Parameters<Folder["assertIs"]>[0];
}

const WAITS: Record<string, Wait> = {
  "a change of its size": {
    begin: ({ folder, file }) => void folder.setattr(file, { size: 2 * SIZE }),
    changes: { write, setSize, allocate, link, remove, rename },
    left: { size: 2 * SIZE },
  },
  "what was written to it": {
    begin: ({ folder, file }) =>
      void folder.write(file, 0, new Uint8Array(1), "unstable"),
    changes: { rename },
  },
  "a look where the host has moved it to": {
    begin: ({ path }) => {
      Deno.mkdirSync(`${path}/d`);
      Deno.renameSync(`${path}/f`, `${path}/d/f`);
    },
    changes: { write, setSize },
    left: { names: ["d", "g"], file: "d/f" },
  },
};

for (const [what, { begin, changes, left }] of Object.entries(WAITS)) {
  for (const [name, change] of Object.entries(changes)) {
    Deno.test({
      name:
        `local: a ${name} that is given up while it waits for ${what} is not made later`,
      ignore,
      async fn() {
        using at = new Folder();
        const { path } = at;
        const clock = new FakeClock();
        const folder = hosted(path);
        await served(folder, clock, async (fs) => {
          const root = folder.root();
          const file = (await folder.lookup(root, "f"))!;
          await folder.lookup(root, "g");
          using cuts = holdBack("ftruncate");
          using flushes = holdBack("fdatasync");
          begin({ folder, file, path });
          await giveUp(fs, clock, () => change(fs, { root, file }));
          cuts.open();
          flushes.open();
          await calm(fs);
        });
        at.assertIs(left);
      },
    });
  }
}

/** Makes so many folders in each other that it takes turns to come there. */
async function farFolder(folder: HostedFileSystem): Promise<LocalNode> {
  const kind = { type: "directory" } as const;
  let far = folder.root();
  for (let level = 0; level < 120; level++) {
    const mode = { attributes: { ...attributes, mode: 0o755 } };
    far = (await folder.create(far, "d", kind, mode)).node;
  }
  return far;
}

Deno.test({
  name:
    "local: a CREATE that is given up on its way to a far folder is not made later",
  ignore,
  async fn() {
    using at = new Folder();
    const clock = new FakeClock();
    const folder = hosted(at.path, { clock });
    await served(folder, clock, async (fs) => {
      const far = await farFolder(folder);
      clock.advance(60_000);
      const kind = { type: "file" } as const;
      await giveUp(
        fs,
        clock,
        () => fs.create(far, "new", kind, { attributes }),
      );
      await calm(fs);
      const { entries } = await fs.readdir(far, 0, 10);
      assertEquals(entries, []);
    });
  },
});

Deno.test({
  name:
    "local: a WRITE that is given up while it waits once more is not made later",
  ignore,
  async fn() {
    using at = new Folder();
    const clock = new FakeClock();
    const gate = Promise.withResolvers<void>();
    let turns = 0;
    const turn = {
      isOver: true,
      next: () => ++turns > 1 ? gate.promise : Promise.resolve(),
    };
    const folder = hosted(at.path, { clock, turn });
    await served(folder, clock, async (fs) => {
      const far = await farFolder(folder);
      Deno.renameSync(`${at.path}/f`, `${at.path}/${"d/".repeat(120)}f`);
      const file = (await folder.lookup(far, "f"))!;
      Deno.renameSync(`${at.path}/${"d/".repeat(120)}f`, `${at.path}/f`);
      clock.advance(60_000);
      turns = 0;
      // On the way first, and then in search of the file.
      const call = () => fs.write(file, 0, OLD, "unstable");
      await giveUp(fs, clock, call, () => turns > 1);
      gate.resolve();
      await calm(fs);
    });
    at.assertIs({ names: ["d", "f", "g"] });
  },
});

Deno.test({
  name:
    "local: what is given up of a SETATTR in line has changed nothing, and undoes nothing that others have set",
  ignore: ignore || Deno.uid() !== 0,
  async fn() {
    using folder = new Folder();
    const clock = new FakeClock();
    const hosted = new HostedFileSystem(makeHost(true), folder.path);
    await served(hosted, clock, async (fs) => {
      const file = (await fs.lookup(await fs.root(), "f"))!;
      const gate = Promise.withResolvers<void>();
      const crowd = Array.from(
        { length: 20 },
        () => hostThreads.long.run(() => gate.promise),
      );
      const given = { size: 1, mode: 0o666, gid: 1234 };
      const set = assertRejects(
        async () => await fs.setattr(file, given),
        FsError,
        "takes too long",
      );
      const { mode } = await fs.getattr(file);
      assertEquals(mode & 0o777, 0o644, "all of it comes in its turn");
      await workFor(
        { party: "other" },
        async () =>
          await fs.setattr(file, { mode: 0o600, uid: 4321, gid: 4321 }),
      );
      clock.advance(LIMIT + 1);
      fs.sweep();
      await set;
      gate.resolve();
      await Promise.all(crowd);
      const now = await fs.getattr(file);
      assertEquals([now.mode & 0o777, now.uid, now.gid], [0o600, 4321, 4321]);
      assertEquals(now.size, SIZE);
    });
  },
});
