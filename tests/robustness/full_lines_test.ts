/**
 * What there is little of is shared out in lines. Whichever of them a party fills,
 * from one connection or many, and three parties together, with what the host does
 * not answer: every operation of another party on other files goes on. There is no
 * exception: one would be a decision, to be argued here.
 */

import { assert } from "@std/assert";
import { nextTurn } from "../../src/base/turn.ts";
import { hostThreads } from "../../src/backends/common/host_threads.ts";
import { PLACES } from "../../src/backends/local/reading_places.ts";
import { HostedFileSystem } from "../../src/backends/local/hosted_file_system.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { ApartBox } from "../backends/local/apart/fixture.ts";
import {
  hasFfi,
  isRoot,
  makeHost,
  noFolder,
} from "../backends/local/fixture.ts";
import type { Session } from "../support/client/mod.ts";
import { waiting } from "./fixture.ts";
import { type FillerName, FILLERS } from "./lines/fillers.ts";
import { HostGate } from "./lines/gate.ts";
import { makeEntry, makeOwn, readyFor } from "./lines/requests.ts";
import { ManyParties } from "./lines/server.ts";

/** Milliseconds in which an operation that goes on is answered, also on a busy machine. */
const SOON = 2_000;

/** Who fills a line: connections of each party, and requests of each connection. */
const CROWDS = {
  "a connection": { parties: 1, connections: 1, requests: 30 },
  "a party's connections": { parties: 1, connections: 8, requests: 6 },
  "three parties": { parties: 3, connections: 2, requests: 12 },
} as const;

type Crowd = typeof CROWDS[keyof typeof CROWDS];

/** What is served, in `folder`, by a host whose calls stand before a gate. */
const BACK_ENDS: Record<
  string,
  (folder: string, gate: HostGate) => FileSystem | Promise<ApartBox>
> = {
  "local": (folder, gate) => {
    const host = makeHost(true);
    gate.shutOf(host);
    return new HostedFileSystem(host, folder) as FileSystem;
  },
  "local, apart": () => ApartBox.open(),
  "sqlite": (folder) =>
    sqlite(`${folder}/store`, { commitBytes: 0 }) as FileSystem,
  "one that waits": (_, gate) =>
    waiting(memory({}, { mode: 0o777 }), () => gate.hold()),
};

/** A line, what it is filled with, and when it is full. */
interface Line {
  readonly of: readonly (keyof typeof BACK_ENDS)[];
  readonly by: readonly FillerName[];
  readonly isFull: (gate: HostGate, crowd: Crowd) => boolean;
  /** How many requests are needed in place of one. */
  readonly times?: number;
  /** What goes on though no operation waits for it: whether that has come about. */
  readonly comes?: (folder: string) => boolean;
  readonly ignore?: boolean;
}

const LINES: Record<string, Line> = {
  "threads for reads, writes and syncs": {
    of: ["local", "local, apart"],
    by: ["READs", "COMMITs", "new names", "SETATTRs of modes"],
    isFull: () => hostThreads.short.waiting > 0,
  },
  "threads for writes": {
    of: ["local"],
    by: ["WRITEs"],
    isFull: () => hostThreads.short.waiting > 0,
  },
  "threads for syncs": {
    of: ["sqlite"],
    by: ["COMMITs"],
    isFull: () => hostThreads.short.waiting > 0,
  },
  "threads for long cuts": {
    of: ["local", "local, apart", "sqlite"],
    by: ["large cuts"],
    isFull: () => hostThreads.long.waiting > 0,
  },
  "threads for long removals": {
    of: ["sqlite"],
    by: ["REMOVEs of large files"],
    isFull: () => hostThreads.long.waiting > 0,
  },
  "threads for long closes": {
    of: ["local"],
    by: ["REMOVEs of large files"],
    isFull: () => hostThreads.closes.waiting > 0,
    comes: (folder) => !isHeld(folder),
    // They go by owners.
    ignore: !isRoot,
  },
  "folders that are read": {
    of: ["local"],
    by: ["listings"],
    times: 2,
    isFull: ({ arrivals }, { parties }) => arrivals >= parties * PLACES,
  },
  "operations under way": {
    of: ["one that waits"],
    by: ["GETATTRs"],
    times: 10,
    isFull: ({ arrivals }, { parties, connections }) =>
      arrivals >= Math.min(parties * connections * 32, parties * 128),
  },
};

for (const [line, row] of Object.entries(LINES)) {
  for (const kind of row.of) {
    for (const filler of row.by) {
      for (const [crowd, size] of Object.entries(CROWDS)) {
        Deno.test({
          name:
            `${kind}: beside ${crowd} with ${filler} that hang in ${line} all else goes on`,
          ignore: noFolder || !hasFfi || (row.ignore ?? false),
          fn: (test) => fill(test, { row, kind, filler, crowd: size }),
        });
      }
    }
  }
}

async function fill(
  test: Deno.TestContext,
  { row, kind, filler, crowd }: {
    readonly row: Line;
    readonly kind: string;
    readonly filler: FillerName;
    readonly crowd: Crowd;
  },
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const parties = Array.from({ length: crowd.parties }, (_, i) => i + 2);
  const names = parties.flatMap((i) => [`10.0.0.${i}`, `${i}`]);
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
  using gate = new HostGate(names);
  const opened = await BACK_ENDS[kind]!(folder, gate);
  const fs = opened instanceof ApartBox
    ? cleanUp.use(opened).fs as FileSystem
    : opened;
  await makeOwn(fs);
  const { make, ask } = FILLERS[filler];
  const each = crowd.requests * (row.times ?? 1);
  const mine: [party: number, paths: string[][]][] = [];
  for (const party of parties) {
    const of = `of ${party}`;
    const folder = await makeEntry(fs, of, { type: "directory" });
    for (let i = 0; i < crowd.connections; i++) {
      const files = Array.from({ length: each }, (_, at) => `${i} ${at}`);
      for (const file of files) await make(fs, file, { folder, uid: party });
      mine.push([party, files.map((file) => [of, file])]);
    }
  }
  await fs.settle?.();
  await using server = await ManyParties.serve(fs);
  const asks = await readyFor(await server.mount("10.0.0.1"));
  const sessions: Session[] = [];
  for (const [party] of mine) {
    sessions.push(await server.mount(`10.0.0.${party}`));
  }
  gate.shut();
  const filling = mine.flatMap(([, paths], i) =>
    paths.map((path) =>
      sessions[i]!.compound(ask(path), { expect: "any", cacheThis: false })
        .catch(() => {})
    )
  );
  const began = Date.now();
  while (!row.isFull(gate, crowd)) {
    assert(Date.now() - began < 10_000, `not full: ${gate.arrivals} hang`);
    await nextTurn();
  }
  // Without a limit more would come.
  for (let i = 0; i < 200; i++) await nextTurn();
  for (const [operation, request] of asks) {
    await test.step(operation, async () => {
      assert(await isDoneIn(request(), SOON), "it waits");
    });
  }
  const { comes } = row;
  if (comes !== undefined) {
    await test.step("what is done later", async () => {
      const isDone = (async () => {
        while (!comes(folder)) await nextTurn();
      })();
      assert(await isDoneIn(isDone, SOON), "it is not done");
    });
  }
  gate.open();
  await Promise.all(filling);
}

/** Whether a file is still open that the one who goes on has removed. */
function isHeld(folder: string): boolean {
  const removed = `${folder}/own/REMOVE of a large file (deleted)`;
  return [...Deno.readDirSync("/proc/self/fd")].some(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === removed;
    } catch {
      return false;
    }
  });
}

async function isDoneIn(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) =>
    timer = setTimeout(() => resolve(false), ms)
  );
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
