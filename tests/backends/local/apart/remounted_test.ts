import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { memory } from "../../../../src/backends/memory/mod.ts";
import type { Logger } from "../../../../src/base/log.ts";
import { serve } from "../../../../src/server.ts";
import { ApartFileSystem } from "../../../../src/backends/local/apart/apart_file_system.ts";
import { LOOK_MS } from "../../../../src/backends/local/mount_watch.ts";
import { Status } from "../../../../src/nfs4/constants.ts";
import { started } from "../../../../src/vfs/starting.ts";
import { eventually } from "../../../backchannel/fixture.ts";
import { op, openSession, walk } from "../../../support/client/mod.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { attributes, codeOf } from "../fixture.ts";
import { canMount, mount } from "../mounting.ts";
import { WorkerHere } from "./fixture.ts";
import { cannotHang, HangingHost } from "./hanging_host.ts";

const any = { expect: "any" } as const;
const tmpfs = (path: string) => mount(path, { source: "none", type: "tmpfs" });

Deno.test(
  "a folder whose FUSE program has died is told, and served again when it is mounted anew",
  { ignore: cannotHang },
  async () => {
    await using host = await HangingHost.open();
    const clock = new FakeClock();
    const lines: string[] = [];
    const silent = () => {};
    const log: Logger = {
      ...{ debug: silent, warn: silent },
      info: (message) => void lines.push(message),
      error: (message) => void lines.push(message),
    };
    await using server = await serve([
      {
        path: "/fuse",
        fs: new ApartFileSystem(host.path, {}, { clock }),
        squash: "none",
      },
      { path: "/well", fs: memory(), squash: "none" },
    ], { port: 0, log });
    const troubleIs = (what: string, expected: string | undefined) =>
      eventually(what, () => {
        clock.advance(LOOK_MS);
        server.sweep();
        const { trouble } = server;
        return expected === undefined
          ? trouble === undefined
          : trouble?.includes(expected);
      });
    await using session = await openSession({ port: server.port });
    const { stateid, filehandle } = await session.open(["fuse", "f"]);
    const read = [op.putfh(filehandle), op.read({ stateid, count: 1 })];
    const before = await session.compound(read);
    assertEquals([...before.get("READ").data], [7]);

    await host.die();
    await troubleIs("the death", "export /fuse: the host fails in");
    assertEquals((await session.compound(read, any)).status, Status.IO);
    await host.unmount();
    await troubleIs("the end of the mount", "is now on what is mounted at");
    const root = [...walk(["fuse"]), op.getattr(["size"])];
    assertEquals((await session.compound(root, any)).status, Status.IO);
    await session.compound([...walk(["well"]), op.getattr(["size"])]);

    await host.mount(9);
    await troubleIs("the new mount", undefined);
    await session.compound(root);
    // The file has the same inode number, and may be any other.
    assertEquals((await session.compound(read, any)).status, Status.STALE);
    await session.compound([op.putfh(filehandle), op.close(stateid)]);
    const anew = await session.open(["fuse", "f"]);
    assert(`${anew.filehandle}` !== `${filehandle}`);
    const again = [op.read({ stateid: anew.stateid, count: 1 })];
    const after = await session.compound([op.putfh(anew.filehandle), ...again]);
    assertEquals([...after.get("READ").data], [9]);
    assertEquals(lines, [
      "a file system has failed",
      "a file system is served again",
    ]);
  },
);

Deno.test(
  "a folder is served from its new mount while a call of the old one still hangs",
  { ignore: cannotHang },
  async () => {
    await using host = await HangingHost.open();
    const clock = new FakeClock();
    const fs = new ApartFileSystem(host.path, {}, { clock });
    await started([fs]);
    try {
      host.hang();
      let given: string | undefined;
      codeOf(() => fs.lookup(fs.root(), "f")).then((code) => given = code);
      await host.unmount();
      await host.mount(9);
      await eventually("the new mount", () => {
        clock.advance(LOOK_MS);
        return fs.failure() === undefined && given !== undefined;
      });
      assertEquals(given, "io");
      assert(await fs.lookup(fs.root(), "f") !== undefined);
    } finally {
      // A thread that hangs would keep the process.
      await host.die();
      await fs.dispose().catch(() => {});
    }
  },
);

/** A folder that is mounted and mounted anew, carried by a worker. */
class RemountedBox implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync();
  readonly fs: ApartFileSystem;
  readonly #clock = new FakeClock();
  #mounted: Disposable | undefined = tmpfs(this.path);

  constructor() {
    const open = () => new WorkerHere();
    this.fs = new ApartFileSystem(this.path, {}, { open, clock: this.#clock });
  }

  unmount(): void {
    this.#mounted?.[Symbol.dispose]();
    this.#mounted = undefined;
  }

  mount(): void {
    this.#mounted = tmpfs(this.path);
  }

  /** Waits until it has failed, or is sound. */
  async until(hasFailed: boolean): Promise<void> {
    await eventually(`failed: ${hasFailed}`, () => {
      this.#clock.advance(LOOK_MS);
      return (this.fs.failure() !== undefined) === hasFailed;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fs.dispose().catch(() => {});
    this.unmount();
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test(
  "local, apart: of a mount that is gone nothing is served, though it is held open, and no node of it is one of the next",
  { ignore: !canMount(tmpfs) },
  async () => {
    await using box = new RemountedBox();
    const { fs } = box;
    await started([fs]);
    const make = async (name: string) =>
      (await fs.create(fs.root(), name, { type: "file" }, { attributes })).node;
    const nodes = [await make("a"), await make("b")];
    const root = fs.identify(fs.root());
    await fs.open(nodes[0]!, { read: true, write: true });
    const recalls: unknown[] = [];
    fs.watch((node) => Promise.resolve(void recalls.push(node)));
    using guard = fs.guard(nodes[1]!);
    assert(guard !== undefined);

    box.unmount();
    await box.until(true);
    assertStringIncludes(fs.failure()!, "is now on what is mounted at");
    assertEquals(await codeOf(() => fs.getattr(nodes[0]!)), "io");
    assertEquals(recalls, [nodes[1]]);
    assertEquals(fs.guard(nodes[0]!), undefined);

    box.mount();
    await box.until(false);
    assertEquals(await fs.lookup(fs.root(), "a"), undefined);
    assertEquals(await fs.resolve(root) === fs.root(), true);
    const anew = await make("c");
    for (const node of nodes) {
      assert(node.number !== anew.number);
      assertEquals(await codeOf(() => fs.getattr(node)), "stale");
      assertEquals(await codeOf(() => fs.resolve(fs.identify(node))), "stale");
    }
    await fs.close(nodes[0]!, { read: true, write: true });
    const found = await fs.resolve(fs.identify(anew));
    assertEquals(found === anew, true);
  },
);

Deno.test(
  "local, apart: what can't be opened on its new mount is told, and tried again",
  { ignore: !canMount(tmpfs) },
  async () => {
    await using base = new RemountedBox();
    const path = `${base.path}/d`;
    Deno.mkdirSync(path);
    const clock = new FakeClock();
    const open = () => new WorkerHere();
    const fs = new ApartFileSystem(path, {}, { open, clock });
    await started([fs]);
    base.unmount();
    base.mount();
    const failureIs = (part: string | undefined) =>
      eventually(`${part}`, () => {
        clock.advance(LOOK_MS);
        const failure = fs.failure();
        return part === undefined
          ? failure === undefined
          : failure?.includes(part);
      });
    await failureIs("no such folder");
    assertEquals(await codeOf(() => fs.getattr(fs.root())), "io");
    Deno.mkdirSync(path);
    await failureIs(undefined);
    assertEquals((await fs.getattr(fs.root())).type, "directory");
    await fs.dispose();
  },
);
