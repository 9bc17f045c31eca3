import { FakeClock } from "../../../support/fake_clock.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { local } from "../../../../src/backends/local/mod.ts";
import { memory } from "../../../../src/backends/memory/mod.ts";
import type { Logger } from "../../../../src/base/log.ts";
import { serve } from "../../../../src/server.ts";
import { ApartFileSystem } from "../../../../src/backends/local/apart/apart_file_system.ts";
import type { ApartNode } from "../../../../src/backends/local/apart/known_nodes.ts";
import type {
  SentCall,
  ToWorker,
} from "../../../../src/backends/local/apart/calls.ts";
import { hostThreads } from "../../../../src/backends/common/host_threads.ts";
import { workFor } from "../../../../src/base/asker.ts";
import { Status } from "../../../../src/nfs4/constants.ts";
import { permissionsOf } from "../../../../src/vfs/permissions.ts";
import { started } from "../../../../src/vfs/starting.ts";
import { RIGHTS } from "../../../../src/vfs/wanted.ts";
import { eventually } from "../../../backchannel/fixture.ts";
import { op, openSession, walk } from "../../../support/client/mod.ts";
import { hasLists, NAMED, OTHER, setList } from "../access_list_fixture.ts";
import { attributes, codeOf, hasFfi, noFolder } from "../fixture.ts";
import { ApartBox, WorkerHere } from "./fixture.ts";

const ignore = noFolder || !hasFfi;
const any = { expect: "any" } as const;

/** A file in a fresh folder that is guarded, and the nodes that were recalled. */
async function guarded(box: ApartBox) {
  const { fs } = box;
  const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
    attributes,
  });
  const recalls: ApartNode[] = [];
  fs.watch((node) => Promise.resolve(void recalls.push(node)));
  const guard = fs.guard(node);
  assert(guard !== undefined);
  return { node, recalls, guard };
}

Deno.test(
  "local, apart: what the host's own programs do to a guarded file recalls it",
  {
    ignore,
  },
  async () => {
    await using box = await ApartBox.open();
    const { node, recalls, guard } = await guarded(box);
    await box.fs.write(node, 0, Uint8Array.of(1), "data");
    await box.fs.getattr(node);
    Deno.writeTextFileSync(`${box.path}/file`, "more", { append: true });
    await eventually("the recall", () => recalls.length > 0);
    assertEquals(recalls, [node]);
    guard[Symbol.dispose]();
  },
);

Deno.test("local, apart: a file that turns out not to be watched is recalled", {
  ignore,
}, async () => {
  await using box = await ApartBox.open();
  const { fs } = box;
  const { recalls } = await guarded(box);
  const { node } = await fs.create(fs.root(), "gone", { type: "file" }, {
    attributes,
  });
  await fs.remove(fs.root(), "gone");
  assert(fs.guard(node) !== undefined);
  await eventually("the recall", () => recalls.length > 0);
  assertEquals(recalls, [node]);
});

Deno.test("local, apart: without libc no file is trusted to be watched", {
  ignore: noFolder,
}, async () => {
  await using box = await ApartBox.open({ ffi: false });
  assertEquals(box.fs.guard(box.fs.root()), undefined);
  await using own = await ApartBox.open({ ffi: false, exclusive: true });
  assert(own.fs.guard(own.fs.root()) !== undefined);
});

Deno.test(
  "local, apart: what the host's access list says of a user holds for clients",
  {
    ignore: ignore || !hasLists(),
  },
  async () => {
    await using box = await ApartBox.open();
    const { fs, path } = box;
    Deno.writeTextFileSync(`${path}/file`, "");
    const node = (await fs.lookup(fs.root(), "file"))!;
    const may = async (uid: number) =>
      permissionsOf(await fs.getattr(node, RIGHTS), {
        uid,
        gid: uid,
        gids: [],
      });
    setList(`${path}/file`, [6, 6, 4, 6, 0]);
    assertEquals(await may(NAMED), 6);
    assertEquals(await may(OTHER), 0);
    setList(`${path}/file`, [6, 0, 0, 6, 4]);
    assertEquals(await may(NAMED), 0);
    assertEquals(await may(OTHER), 4);
  },
);

Deno.test(
  "local, apart: calls are carried out in the order in which they are made",
  {
    ignore,
  },
  async () => {
    await using box = await ApartBox.open();
    const { fs } = box;
    const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
      attributes,
    });
    const sizes: Promise<number>[] = [];
    const changes: Promise<unknown>[] = [];
    for (let size = 1; size <= 50; size++) {
      const byte = Uint8Array.of(size);
      changes.push(fs.write(node, size - 1, byte, "unstable"));
      sizes.push(fs.getattr(node).then(({ size }) => size));
      if (size % 10 === 0) changes.push(fs.setattr(node, { size: size - 1 }));
    }
    const expected = Array.from({ length: 50 }, (_, i) => i + 1);
    assertEquals(await Promise.all(sizes), expected);
    await Promise.all(changes);
  },
);

Deno.test(
  "local, apart: what a connection asks for is done in that order, with whichever messages it comes",
  {
    ignore,
  },
  async () => {
    await using box = await ApartBox.open({ durability: "os" });
    const { fs } = box;
    const files: ApartNode[] = [];
    for (const name of ["0", "1", "2"]) {
      const kind = { type: "file" } as const;
      const made = await fs.create(fs.root(), name, kind, { attributes });
      files.push(made.node);
    }
    const gates = Array.from({ length: 6 }, (_, i) => {
      const gate = Promise.withResolvers<void>();
      // Four parties have a place each, however many others wait.
      const party = `busy ${Math.max(0, i - 2)}`;
      void workFor({ party }, () => hostThreads.long.run(() => gate.promise));
      return gate;
    });
    const done: number[] = [];
    const one = { party: "one" };
    const grow = (i: number) =>
      workFor(
        one,
        () =>
          fs.setattr(files[i]!, { size: 2 ** 25 }).then(() =>
            void done.push(i)
          ),
      );
    const first = [grow(0), grow(1)];
    await workFor({ party: "other" }, () => fs.getattr(fs.root()));
    const all = [...first, grow(2)];
    await fs.getattr(fs.root());
    assertEquals(hostThreads.long.waiting, 3);
    gates[0]!.resolve();
    await Promise.all(all);
    assertEquals(done, [0, 1, 2]);
    for (const gate of gates) gate.resolve();
  },
);

Deno.test(
  "local, apart: connections of a party take turns in the worker's lines",
  { ignore },
  async () => {
    await using box = await ApartBox.open({ durability: "os" });
    const { fs } = box;
    const kind = { type: "file" } as const;
    const files: ApartNode[] = [];
    for (let i = 0; i < 8; i++) {
      const made = await fs.create(fs.root(), `${i}`, kind, { attributes });
      await fs.write(made.node, 0, new Uint8Array(9), "unstable");
      files.push(made.node);
    }
    const party = { party: "one" };
    const gates = Array.from({ length: 15 }, () => {
      const gate = Promise.withResolvers<void>();
      void workFor(party, () => hostThreads.short.run(() => gate.promise));
      return gate;
    });
    const done: number[] = [];
    const commit = (who: { party: string }, i: number) =>
      workFor(who, () => fs.commit(files[i]!).then(() => void done.push(i)));
    const crowd = [1, 2, 3, 4, 5, 6, 7].map((i) => commit(party, i));
    await fs.getattr(fs.root());
    const other = commit({ party: "one" }, 0);
    await fs.getattr(fs.root());
    gates[0]!.resolve();
    await Promise.all([...crowd, other]);
    assert(done.indexOf(0) < 3, `${done}`);
    for (const gate of gates) gate.resolve();
  },
);

Deno.test(
  "local, apart: what is written is a copy, and what is read fills its target alone",
  {
    ignore,
  },
  async () => {
    await using box = await ApartBox.open();
    const { fs } = box;
    const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
      attributes,
    });
    const memory = new Uint8Array(12).fill(9);
    await fs.write(node, 0, memory.subarray(4, 8), "unstable");
    assertEquals(memory.byteLength, 12);
    const reply = new Uint8Array(12);
    const read = await fs.read(node, 1, reply.subarray(4, 8));
    assertEquals(read, { bytes: 3, eof: true });
    assertEquals([...reply], [0, 0, 0, 0, 9, 9, 9, 0, 0, 0, 0, 0]);
  },
);

Deno.test(
  "local, apart: one object stands for one file, and its root for the folder",
  {
    ignore,
  },
  async () => {
    await using box = await ApartBox.open();
    const { fs } = box;
    const { node } = await fs.create(fs.root(), "d", { type: "directory" }, {
      attributes: { ...attributes, mode: 0o755 },
    });
    assertEquals(await fs.lookup(fs.root(), "d") === node, true);
    assertEquals(await fs.resolve(fs.identify(node)) === node, true);
    assertEquals(await fs.parent(node) === fs.root(), true);
    const { entries } = await fs.readdir(fs.root(), 0, 10);
    assertEquals(entries[0]?.node === node, true);
  },
);

Deno.test(
  "local, apart: the root is there before the worker is, and what is asked of it waits",
  {
    ignore,
  },
  async () => {
    const path = Deno.makeTempDirSync();
    const fs = local(path, { apart: true });
    try {
      const root = fs.root();
      assertEquals(await codeOf(() => fs.identify(root)), "busy");
      assertEquals((await fs.getattr(root)).type, "directory");
      assertEquals(fs.identify(root).length, 11);
    } finally {
      await fs.dispose();
      Deno.removeSync(path);
    }
  },
);

Deno.test(
  "local, apart: a folder that is not there is refused when it is served",
  {
    ignore,
  },
  async () => {
    const missing = local("/dev/null/none", { apart: true });
    const error = await serve(missing, { port: 0 }).catch((error) => error);
    assertEquals(error.message, "can't serve /dev/null/none: not a folder");
    const { message } = await codeOfStart(missing);
    assertEquals(message, "can't serve /dev/null/none: not a folder");
  },
);

/** A worker that knows whether it was ended. */
class CountedWorker extends WorkerHere {
  isEnded = false;

  override terminate(): void {
    this.isEnded = true;
    super.terminate();
  }
}

Deno.test(
  "local, apart: a server that does not come about ends the workers that only it had started",
  { ignore },
  async () => {
    const path = Deno.makeTempDirSync();
    const workers: CountedWorker[] = [];
    const open = () => {
      const worker = new CountedWorker();
      workers.push(worker);
      return worker;
    };
    const running = () => workers.filter(({ isEnded }) => !isEnded).length;
    const make = () => new ApartFileSystem(path, {}, { open });
    const fs = make();
    try {
      const missing = local("/dev/null/none", { apart: true });
      const pair = [{ path: "/a", fs: make() }, { path: "/b", fs: missing }];
      await assertRejects(
        () => serve(pair, { port: 0 }),
        Error,
        "not a folder",
      );
      assertEquals([workers.length, running()], [1, 0]);
      using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = taken.addr;
      const { AddrInUse } = Deno.errors;
      for (const tries of [2, 3]) {
        await assertRejects(() => serve(fs, { port }), AddrInUse);
        assertEquals([workers.length, running()], [tries, 0]);
      }
      await using server = await serve(fs, { port: 0 });
      // One that another server serves goes on.
      await assertRejects(() => serve(fs, { port }), AddrInUse);
      assertEquals([workers.length, running()], [4, 1]);
      const { node } = await fs.create(fs.root(), "a", { type: "file" }, {
        attributes,
      });
      assertEquals((await fs.getattr(node)).size, 0);
      await server.close();
      assertEquals(running(), 0);
    } finally {
      Deno.removeSync(path, { recursive: true });
    }
  },
);

Deno.test(
  "local, apart: a worker that the program itself uses outlives a server that does not come about",
  { ignore },
  async () => {
    const path = Deno.makeTempDirSync();
    const fs = new ApartFileSystem(path, {}, { open: () => new WorkerHere() });
    try {
      const { node } = await fs.create(fs.root(), "a", { type: "file" }, {
        attributes,
      });
      using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = taken.addr;
      await assertRejects(() => serve(fs, { port }), Deno.errors.AddrInUse);
      assertEquals((await fs.getattr(node)).size, 0);
    } finally {
      await fs.dispose();
      Deno.removeSync(path, { recursive: true });
    }
  },
);

function codeOfStart(fs: object): Promise<Error> {
  return started([fs as ApartFileSystem]).then(
    () => new Error("started"),
    (error) => error,
  );
}

Deno.test(
  "local, apart: where Deno may not read the worker's module, the permission is told",
  {
    permissions: { read: false },
  },
  async () => {
    const { message } = await codeOfStart(local("/srv", { apart: true }));
    assertStringIncludes(message, "can't serve /srv: a worker for it needs");
    assertStringIncludes(message, "--allow-read=");
  },
);

Deno.test(
  "local, apart: a worker that ends is told in the log and by /healthz, and its export answers IO",
  {
    ignore,
  },
  async () => {
    const path = Deno.makeTempDirSync();
    const worker = new WorkerHere();
    const fs = new ApartFileSystem(path, {}, { open: () => worker });
    const lines: unknown[] = [];
    const silent = () => {};
    const log: Logger = {
      ...{ debug: silent, info: silent, warn: silent },
      error: (...line) => void lines.push(line),
    };
    const server = await serve([
      { path: "/apart", fs, squash: "none" },
      { path: "/well", fs: memory(), squash: "none" },
    ], { port: 0, log, shutdownTimeout: 1000 });
    try {
      await using session = await openSession({ port: server.port });
      const recalls: unknown[] = [];
      fs.watch((node) => Promise.resolve(void recalls.push(node)));
      const guard = fs.guard(fs.root());
      assert(guard !== undefined);
      const ask = [...walk(["apart"]), op.getattr(["size"])];
      await session.compound(ask);
      worker.fail("Uncaught Error: boom\n  at worker.ts");
      assertEquals((await session.compound(ask, any)).status, Status.IO);
      await session.compound([...walk(["well"]), op.getattr(["size"])]);
      const reason = "the worker of the folder has ended: Uncaught Error: boom";
      assertEquals(server.trouble, `export /apart: ${reason}`);
      for (let i = 0; i < 2; i++) server.sweep();
      assertEquals(lines, [["a file system has failed", {
        export: "/apart",
        reason,
      }]]);
      assertEquals(recalls, [fs.root()]);
      assertEquals(fs.guard(fs.root()), undefined);
    } finally {
      const { message } = await server.close().then(
        () => new Error(),
        (e) => e,
      );
      assertStringIncludes(message, "the worker of the folder has ended");
      Deno.removeSync(path);
    }
  },
);

Deno.test(
  "local, apart: what can't be sent to a worker is IO, and no end of the process",
  {
    ignore,
  },
  async () => {
    await using box = await ApartBox.open();
    const { fs } = box;
    const mode = (() => {}) as unknown as number;
    assertEquals(await codeOf(() => fs.setattr(fs.root(), { mode })), "io");
    assertStringIncludes(fs.failure()!, "nothing can be sent");
  },
);

Deno.test(
  "local, apart: what was disposed of is stale, and is not served again",
  {
    ignore,
  },
  async () => {
    await using box = await ApartBox.open();
    const { fs } = box;
    await fs.dispose();
    assertEquals(await codeOf(() => fs.getattr(fs.root())), "stale");
    const error = await serve(fs, { port: 0 }).catch((error) => error);
    assertStringIncludes(error.message, "ended with the server");
  },
);

Deno.test(
  "local, apart: a worker of its own does all that",
  { ignore },
  async () => {
    const path = Deno.makeTempDirSync();
    const fs = local(path, { apart: true });
    try {
      await started([fs as unknown as ApartFileSystem]);
      const { node } = await fs.create(fs.root(), "é", { type: "file" }, {
        attributes,
      });
      await fs.write(node, 0, new Uint8Array(2 ** 20).fill(3), "file");
      const target = new Uint8Array(2 ** 20);
      assertEquals(await fs.read(node, 0, target), {
        bytes: 2 ** 20,
        eof: true,
      });
      assertEquals(target.every((byte) => byte === 3), true);
      assertEquals(fs.limitations, []);
      assertEquals(fs.folder.path, Deno.realPathSync(path));
    } finally {
      await fs.dispose();
      Deno.removeSync(path, { recursive: true });
    }
  },
);

/** A worker that is held up, and keeps what it is asked for. */
class HeldWorker extends WorkerHere {
  readonly asked: SentCall[] = [];
  isHeld = false;
  isSlow = false;
  readonly #later: (() => void)[] = [];

  override postMessage(message: unknown, transfer?: unknown): void {
    const calls = (message as ToWorker).filter((one) => "call" in one);
    if (this.isHeld) this.asked.push(...calls);
    const post = () => super.postMessage(message, transfer);
    if (this.isSlow) this.#later.push(post);
    else post();
  }

  /** What it was asked for while it was slow is done. */
  goOn(): void {
    this.isSlow = false;
    for (const post of this.#later.splice(0)) post();
  }
}

Deno.test(
  "local, apart: megabytes that the host is slow to give keep no others from crossing",
  {
    ignore,
  },
  async () => {
    const clock = new FakeClock();
    const workers: HeldWorker[] = [];
    const open = () => {
      workers.push(new HeldWorker());
      return workers.at(-1)!;
    };
    await using box = await ApartBox.open({}, { open, clock });
    const { fs } = box;
    const file = { type: "file" } as const;
    const { node } = await fs.create(fs.root(), "file", file, { attributes });
    const [worker] = workers;
    worker!.isHeld = worker!.isSlow = true;
    const reads = Array.from(
      { length: 6 },
      () => fs.read(node, 0, new Uint8Array(2 ** 20)),
    );
    for (const crossing of [2, 4, 6]) {
      for (let i = 0; i < 9; i++) await undefined;
      assertEquals(worker!.asked.length, crossing);
      clock.advance(10);
    }
    worker!.goOn();
    await Promise.all(reads);
    assertEquals(clock.pending, 0);
  },
);

for (const method of ["read", "write"] as const) {
  Deno.test(
    `local, apart: megabytes that a party wants to ${method} are no line for all others' calls`,
    {
      ignore,
    },
    async () => {
      const workers: HeldWorker[] = [];
      const open = () => {
        workers.push(new HeldWorker());
        return workers.at(-1)!;
      };
      await using box = await ApartBox.open({}, { open });
      const { fs } = box;
      const { node } = await fs.create(fs.root(), "file", { type: "file" }, {
        attributes,
      });
      const bytes = new Uint8Array(2 ** 20);
      await fs.write(node, 0, bytes, "unstable");
      const [worker] = workers;
      worker!.isHeld = true;
      const transfer = (party: string, { length }: Uint8Array) =>
        workFor(
          { party },
          (): Promise<unknown> =>
            method === "read"
              ? fs.read(node, 0, new Uint8Array(length))
              : fs.write(node, 0, bytes.subarray(0, length), "unstable"),
        );
      const calls = Array.from({ length: 20 }, () => transfer("one", bytes));
      const behind = () => worker!.asked.map(({ method }) => method);
      calls.push(transfer("one", bytes.subarray(0, 4096)));
      calls.push(fs.getattr(node), transfer("other", bytes));
      await Promise.resolve();
      assertEquals(behind(), [
        ...[method, method, method],
        "getattr",
        method,
      ]);
      await Promise.all(calls);
      assertEquals(worker!.asked.length, 23);
    },
  );
}
