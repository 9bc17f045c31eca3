/**
 * What is measured of this server by itself, and what is wanted of it: what it
 * costs beside a program that only moves bytes, a quiet client in a noisy room,
 * large folders, recalls.
 *
 * @module
 */

import { coldReads } from "./cold.ts";
import {
  atMost,
  type Bench,
  load,
  type Measured,
  median,
  serving,
} from "./measuring.ts";
import { type Result, run } from "./nfsload.ts";

const MIB = 1024 * 1024;
/** Bytes of NFS and RPC around the data of a READ or WRITE, and of a reply without any. */
const FRAME = 180;

type Row = (bench: Bench) => Promise<Measured[]>;

/** All rows, by the names that the command line has for them. */
export const ROWS: Readonly<Record<string, Row>> = {
  "bare": besideBare,
  "quiet": quietInNoise,
  "cold": coldReads,
  "crowd": crowd,
  "recall": recall,
  "folder": largeFolder,
};

/** Measures a row; of several figures in some. */
export function measureRow(name: string, bench: Bench): Promise<Measured[]> {
  bench.signal.throwIfAborted();
  return ROWS[name]!(bench);
}

/** CPU of 1 MiB reads and writes, as often as that of a responder that only moves as many bytes. */
async function besideBare(bench: Bench): Promise<Measured[]> {
  const rows: Measured[] = [];
  const shape = { conns: 4, slots: 8 };
  for (const [op, wanted] of [["read", 1.3], ["write", 1.5]] as const) {
    const value = await serving(
      bench,
      "/=memory:",
      (server) =>
        median(bench, async () => {
          const work = { ...shape, op, size: MIB, "file-size": MIB };
          const ours = await load(bench, server, work);
          return ours.cpu_us / await bareCpu(bench, op, shape);
        }),
    );
    const what = `memory: CPU of a ${op} of 1 MiB, beside bare Deno TCP`;
    rows.push(atMost(wanted, { what, value, unit: "×" }));
  }
  return rows;
}

async function bareCpu(
  { programs, seconds, signal }: Bench,
  op: "read" | "write",
  shape: { readonly conns: number; readonly slots: number },
): Promise<number> {
  const request = op === "read" ? FRAME : MIB + FRAME;
  const reply = op === "read" ? MIB + FRAME : FRAME;
  const source = new URL("./bare_responder.ts", import.meta.url).pathname;
  await using responder = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", source, `${request}`, `${reply}`],
    stdout: "piped",
    signal,
  }).spawn();
  const port = await firstLine(responder.stdout);
  const { pid } = responder;
  const sizes = { request, reply };
  const result = await run<Result>(programs.bare, {
    ...{ port, pid, seconds, ...sizes, ...shape },
  });
  responder.kill();
  return result.cpu_us;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream.values({ preventCancel: true })) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  throw new Error("the responder did not start");
}

/** One client with one GETATTR at a time, while eight others have sixteen out each. */
async function quietInNoise(bench: Bench): Promise<Measured[]> {
  const rows: Measured[] = [];
  const stores = { memory: "/=memory:", local: `/=local:${bench.dir}/quiet` };
  await Deno.mkdir(`${bench.dir}/quiet`);
  for (const [backend, exported] of Object.entries(stores)) {
    await serving(bench, exported, async (server) => {
      const noise = { op: "getattr", conns: 8, slots: 16 };
      const quiet = { op: "getattr", conns: 1, slots: 1 };
      const alone = await load(bench, server, noise);
      const flood = load(bench, server, {
        ...{ ...noise, seconds: bench.seconds + 2 },
      });
      const heard = await load(bench, server, { ...quiet, warm: 1 });
      const among = await flood;
      const what = `${backend}: p50 of a quiet client in a flood of 8×16`;
      const value = heard.p50_us / 1000;
      rows.push(atMost(0.3, { what, value, unit: "ms" }));
      const kept = among.ops_per_s / alone.ops_per_s;
      rows.push({
        what: `${backend}: what that flood keeps of its operations`,
        ...{ value: kept, unit: "×", wanted: 0.9, isMissed: kept < 0.9 },
      });
    });
  }
  return rows;
}

/** A thousand connections with one GETATTR at a time each. */
async function crowd(bench: Bench): Promise<Measured[]> {
  const value = await serving(
    bench,
    "/=memory:",
    (server) =>
      median(bench, async () => {
        const work = { op: "getattr", conns: 1000, slots: 1, warm: 1 };
        return (await load(bench, server, work)).p99_us / 1000;
      }),
  );
  const what = "memory: p99 of GETATTR over 1,000 connections";
  return [atMost(20, { what, value, unit: "ms" })];
}

/** From an OPEN in conflict to the CB_RECALL on the wire. */
async function recall(bench: Bench): Promise<Measured[]> {
  const { programs } = bench;
  const value = await serving(
    bench,
    "/=memory:",
    ({ port }) =>
      median(bench, async () => {
        const options = { mode: "recall", port, export: "/", rounds: 500 };
        const recalled = await run<{ recall_p50_us: number }>(
          programs.probe,
          options,
        );
        return recalled.recall_p50_us / 1000;
      }),
  );
  const what = "memory: conflict to CB_RECALL on the wire, p50";
  return [atMost(0.2, { what, value, unit: "ms" })];
}

/** What the probe finds in one folder. */
interface Folder {
  readonly lookup_cpu_us: number;
  readonly walk_entry_cpu_us: number;
}

/** Listing and LOOKUP in a large folder of a store, which has to be opened, too. */
async function largeFolder(bench: Bench): Promise<Measured[]> {
  const { entries, programs, dir, seconds } = bench;
  const probe = (store: string, entries: number) =>
    serving(
      bench,
      `/=sqlite:${store}`,
      ({ port, pid }) =>
        run<Folder>(programs.probe, {
          ...{ mode: "dir", port, pid, export: "/", entries, seconds },
        }),
    );
  const [few, many] = [`${dir}/few`, `${dir}/many`];
  await fill(few, 1000);
  await fill(many, entries);
  const began = performance.now();
  await serving(bench, `/=sqlite:${many}`, () => Promise.resolve());
  const started = (performance.now() - began) / 1000;
  const small = await probe(few, 1000);
  const large = await probe(many, entries);
  const name = `sqlite, ${entries.toLocaleString("en")} entries`;
  return [
    atMost(4, {
      what: `${name}: CPU of a listing, each entry`,
      value: large.walk_entry_cpu_us,
      unit: "µs",
      note: `(of 1,000: ${small.walk_entry_cpu_us.toFixed(1)})`,
    }),
    atMost(1.5, {
      what: `${name}: CPU of LOOKUP, beside 1,000 entries`,
      value: large.lookup_cpu_us / small.lookup_cpu_us,
      unit: "×",
      note: `(${large.lookup_cpu_us.toFixed(0)} µs)`,
    }),
    atMost(0.5 + await startOf(bench), {
      what: `${name}: start and end, with those of Deno`,
      value: started,
      unit: "s",
    }),
  ];
}

/** Seconds that a server with nothing takes to start and end. */
async function startOf(bench: Bench): Promise<number> {
  const began = performance.now();
  await serving(bench, "/=memory:", () => Promise.resolve());
  return (performance.now() - began) / 1000;
}

/** Makes a store with files f0000000 and so on. */
async function fill(store: string, entries: number): Promise<void> {
  const importing = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", "import", store],
    cwd: new URL("../../", import.meta.url).pathname,
    stdin: "piped",
    stderr: "null",
  }).spawn();
  await ReadableStream.from(archive(entries)).pipeTo(importing.stdin);
  const { success } = await importing.status;
  if (!success) throw new Error(`the store of ${entries} files was not made`);
}

/** An archive of empty files (POSIX ustar). */
function* archive(entries: number): Generator<Uint8Array<ArrayBuffer>> {
  const header = new Uint8Array(512);
  const put = (at: number, text: string) =>
    header.set(new TextEncoder().encode(text), at);
  put(100, "0000644\0" + "0000000\0".repeat(2) + "00000000000\0".repeat(2));
  put(156, "0");
  put(257, "ustar\x0000");
  for (let i = 0; i < entries; i++) {
    put(0, `f${`${i}`.padStart(7, "0")}`);
    // The sum is of the header with blanks in its place.
    put(148, " ".repeat(8));
    const sum = header.reduce((sum, byte) => sum + byte, 0);
    put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
    yield header.slice();
  }
  yield new Uint8Array(1024);
}
