/**
 * A memory server in a process of its own, whose memory can be asked for: what
 * the measurements of this folder are taken of. As a program it is the server.
 *
 * @module
 */

import { memory } from "../../src/backends/memory/mod.ts";
import { serve } from "../../src/server.ts";
import type { ServerLimits } from "../../src/server/limits.ts";
import { collectGarbage } from "../support/heap.ts";

/** Memory of the server's process, after its garbage is collected. Bytes. */
export interface Memory {
  /** All that the system counts, freed pages that V8 keeps included. */
  readonly rss: number;
  /** Live JavaScript objects. */
  readonly heapUsed: number;
  /** Buffers outside of the heap. */
  readonly external: number;
}

/** The server as whoever measures it sees it. */
export class MeasuredServer implements AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    child: Deno.ChildProcess,
    lines: AsyncIterator<string>,
    port: number,
  ) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#lines = lines;
    this.port = port;
  }

  /** Starts one that serves a single file "f". */
  static async start(
    limits: Partial<ServerLimits> = {},
  ): Promise<MeasuredServer> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        import.meta.url,
        JSON.stringify(limits),
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = linesOf(child.stdout);
    const { value } = await lines.next();
    return new MeasuredServer(child, lines, Number(value));
  }

  /** Collects its garbage and asks for its memory. */
  async memory(): Promise<Memory> {
    await this.#input.write(new TextEncoder().encode("\n"));
    const { value } = await this.#lines.next();
    return JSON.parse(value);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#child.status;
  }
}

/** "12.3 MiB". */
export function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

/** A line of figures for one moment. */
export function describeMemory({ rss, heapUsed, external }: Memory): string {
  return `rss ${mebibytes(rss)}, heap ${mebibytes(heapUsed)}, buffers ${
    mebibytes(external)
  }`;
}

async function* linesOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  return rest;
}

async function main(limits: string): Promise<void> {
  const fs = memory({ f: "x" });
  await using server = await serve([{ path: "/", fs, squash: "none" }], {
    port: 0,
    limits: JSON.parse(limits),
  });
  console.log(server.port);
  for await (const _ of Deno.stdin.readable) {
    collectGarbage();
    const { rss, heapUsed, external } = Deno.memoryUsage();
    console.log(JSON.stringify({ rss, heapUsed, external }));
  }
}

if (import.meta.main) await main(Deno.args[0]!);
