import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { local } from "../../../../src/backends/local/mod.ts";
import { memory } from "../../../../src/backends/memory/mod.ts";
import type { Logger } from "../../../../src/base/log.ts";
import { serve } from "../../../../src/server.ts";
import { ApartFileSystem } from "../../../../src/backends/local/apart/apart_file_system.ts";
import { START_MS } from "../../../../src/backends/local/apart/carried_folder.ts";
import { Status } from "../../../../src/nfs4/constants.ts";
import { ServerProcess } from "../../../support/cli.ts";
import { op, openSession, walk } from "../../../support/client/mod.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { started } from "../../../../src/vfs/starting.ts";
import { cannotHang, HangingHost } from "./hanging_host.ts";

const any = { expect: "any" } as const;
const ask = (path: string[]) => [...walk(path), op.getattr(["size"])];
const again = () => new Promise((resolve) => setTimeout(resolve, 20));

Deno.test(
  "a folder that hangs under one export is DELAY there, and served again when it answers",
  { ignore: cannotHang },
  async () => {
    await using host = await HangingHost.open();
    const errors: string[] = [];
    const silent = () => {};
    const log: Logger = {
      ...{ debug: silent, info: silent, warn: silent },
      error: (message) => void errors.push(message),
    };
    await using server = await serve([
      { path: "/hanging", fs: local(host.path), squash: "none" },
      { path: "/well", fs: local(host.well), squash: "none" },
    ], { port: 0, fileSystemTimeout: 500, shutdownTimeout: 1000, log });
    const { port } = server;
    await using one = await openSession({ port });
    await using other = await openSession({ port });
    const sizeOf = async () =>
      (await one.compound(ask(["hanging", "f"]))).get("GETATTR").attributes
        .size;
    assertEquals(await sizeOf(), 65_536n);
    host.hang();
    const late = one.compound(ask(["hanging", "f"]), any);
    let slowest = 0;
    for (let i = 0; i < 20; i++) {
      const before = performance.now();
      await other.compound(ask(["well"]));
      slowest = Math.max(slowest, performance.now() - before);
    }
    assertEquals((await late).status, Status.DELAY);
    assertEquals(errors, ["a file system does not answer"]);
    // Far less than it takes until the call is given up.
    assert(slowest < 250, `${slowest} ms`);
    host.goOn();
    assertEquals(await sizeOf(), 65_536n);
  },
);

Deno.test(
  "a server whose folder hangs closes in its shutdownTimeout, and says what hung",
  { ignore: cannotHang },
  async () => {
    await using host = await HangingHost.open();
    const server = await serve([
      { path: "/hanging", fs: local(host.path), squash: "none" },
      { path: "/well", fs: memory(), squash: "none" },
    ], { port: 0, shutdownTimeout: 1000 });
    await using session = await openSession({ port: server.port });
    await session.compound(ask(["hanging", "f"]));
    host.hang();
    session.compound(ask(["hanging", "f"]), any).catch(() => {});
    await again();
    const before = performance.now();
    const error = await server.close().catch((error) => error);
    const took = performance.now() - before;
    host.goOn();
    assertEquals(
      error.message,
      `io: the host does not answer in ${host.path}`,
    );
    assert(took < 2000, `${took} ms`);
  },
);

Deno.test(
  "the command line ends by SIGTERM though a folder hangs that a client waits for",
  { ignore: cannotHang },
  async () => {
    await using host = await HangingHost.open();
    await using server = new ServerProcess([
      ...["--export", `/hanging=local:${host.path},squash=none`],
      ...["--export", "/well=memory:", "--port", "0", "--metrics-port", "0"],
      ...["--state", `${host.well}/state`, "--fs-timeout", "1"],
    ]);
    const [, port] = await server.until(/listening on .*:(\d+)/);
    await using session = await openSession({ port: Number(port) });
    await session.compound(ask(["hanging", "f"]));
    host.hang();
    const given = await session.compound(ask(["hanging", "f"]), any);
    assertEquals(given.status, Status.DELAY);
    const before = performance.now();
    server.kill("SIGTERM");
    const { code, stderr } = await server.ended();
    const took = performance.now() - before;
    assertEquals(code, 2);
    assertStringIncludes(stderr, `the host does not answer in ${host.path}`);
    // Requests have 10 s.
    assert(took < 8_000, `${took} ms`);
  },
);

Deno.test(
  "a folder that hangs from the start is refused with one line",
  { ignore: cannotHang },
  async () => {
    await using host = await HangingHost.open();
    host.hang();
    const clock = new FakeClock();
    const fs = new ApartFileSystem(host.path, {}, { clock });
    const starting = started([fs]).catch((error) => error.message);
    clock.advance(START_MS);
    assertEquals(
      await starting,
      `can't serve ${host.path}: the host does not answer`,
    );
    host.goOn();
  },
);

Deno.test(
  "a folder that other programs serve is carried apart, also behind a symlink, and others are not",
  { ignore: cannotHang },
  async () => {
    await using host = await HangingHost.open();
    host.hang();
    // Told without a question to what may not answer.
    Deno.symlinkSync(host.path, `${host.well}/link`);
    const isApart = (path: string) =>
      local(path, { durability: "os" }) instanceof ApartFileSystem;
    assertEquals(isApart(host.path), true);
    assertEquals(isApart(`${host.well}/link/d`), true);
    assertEquals(isApart(`${host.path}/d/../../hanging`), true);
    host.goOn();
    const others = [local(host.well), local(host.path, { apart: false })];
    for (const fs of others) {
      assertEquals(fs instanceof ApartFileSystem, false);
      await fs.dispose();
    }
  },
);

Deno.test(
  "a folder whose host is gone for good answers errors, and the others are served",
  { ignore: cannotHang },
  async () => {
    const host = await HangingHost.open();
    await using server = await serve([
      { path: "/hanging", fs: local(host.path), squash: "none" },
      { path: "/well", fs: memory(), squash: "none" },
    ], { port: 0 });
    await using session = await openSession({ port: server.port });
    await session.compound(ask(["hanging", "f"]));
    await host[Symbol.asyncDispose]();
    const gone = await session.compound(ask(["hanging", "f"]), any);
    assert(gone.status === Status.IO || gone.status === Status.STALE);
    await session.compound(ask(["well"]));
  },
);
