import {
  memory,
  type MemoryFileSystem,
  type MemoryTree,
} from "../../src/backends/memory/mod.ts";
import { type NfsServer, serve } from "../../src/server.ts";
import type { ServeOptions } from "../../src/server/options.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";

/** What a test server serves, and how. */
export interface TestServerOptions extends ServeOptions {
  /** Content of the exported tree. */
  readonly tree?: MemoryTree;
  /** Exported instead of a tree in memory. */
  readonly served?: FileSystem;
}

/** A server on a free port of loopback, made by the public factory. */
export interface TestServer extends AsyncDisposable {
  readonly server: NfsServer;
  /** What it serves as "/", unless it was told otherwise. */
  readonly fs: MemoryFileSystem;
  /** Where clients connect. */
  readonly port: number;
}

/** Starts a memory server on a free port; disposing of it is closing it. */
export async function startServer(
  options: TestServerOptions = {},
): Promise<TestServer> {
  const { tree, served, ...serveOptions } = options;
  const fs = memory(tree);
  // Tests call as root unless they say otherwise.
  const server = await serve(
    [{ path: "/", fs: served ?? fs, squash: "none" }],
    {
      port: 0,
      shutdownTimeout: 1000,
      ...serveOptions,
    },
  );
  return {
    server,
    fs,
    port: server.port,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
