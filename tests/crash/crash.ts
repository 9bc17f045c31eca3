/**
 * Kills a server at random points of a workload over TCP, starts it again, and
 * looks whether anything is wrong; in the end, whether an archive has it all.
 *
 * @module
 */
import { checkStore } from "../../src/backends/sqlite/check.ts";
import { Status } from "../../src/nfs4/constants.ts";
import { Server } from "../interop/server.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { Member } from "./member.ts";
import { assertRoundTrip } from "./round_trip.ts";

/** Clients, each with its workers. */
const MEMBERS = 4;
/** Longest time of work before a kill, in milliseconds. */
const WORK_MS = 120;
/** One start in so many is killed as well, after so many milliseconds at most. */
const START_KILLED = 10;
const START_MS = 250;
const FLAGS = [
  ...["--lease", "10", "--no-delegations", "--log-level", "warn"],
];

/** How {@linkcode crash} works. */
export interface CrashOptions {
  /** How often the server is killed. */
  readonly points: number;
  /** What decides what is done, and when the server is killed. */
  readonly seed: number;
  /** Told after each point. */
  readonly progress?: (point: number) => void;
}

/** What {@linkcode crash} did. */
export interface CrashSummary {
  /** Steps that were answered, all of which were there afterwards. */
  readonly answered: number;
  /** Steps without an answer that had happened. */
  readonly happened: number;
  /** Steps without an answer that had not. */
  readonly not: number;
}

/** Rejects with the point and the seed at the first thing that is wrong. */
export async function crash(options: CrashOptions): Promise<CrashSummary> {
  const { points, seed } = options;
  const random = new SeededRandom(seed);
  const directory = await Deno.makeTempDir({ prefix: "nfs-crash-" });
  const lines: string[] = [];
  const ended = new AbortController();
  let point = 0;
  let server: Server | undefined;
  await using crew = new AsyncDisposableStack();
  try {
    server = await Server.start({
      export: `/=sqlite:${directory}/store`,
      flags: FLAGS,
      onLine: (line) => lines.push(line),
      signal: ended.signal,
    });
    const { port } = server;
    const members = Array.from({ length: MEMBERS }, (_, index) => {
      return crew.use(new Member(`m${index}`, { port, random }));
    });
    for (const member of members) await member.begin();
    for (; point < points; point++) {
      await killAtWork({ server, members, random });
      await lookAround(directory, server, random);
      await carryOn(members, random);
      options.progress?.(point + 1);
    }
    await server.stop();
    await assertRoundTrip(`${directory}/store`, `${directory}/other`);
    const faults = lines.filter((line) => /\b(ERROR|WARN)\b/.test(line));
    if (faults.length > 0) throw new Error(faults.join("\n"));
    return sumOf(members);
  } catch (cause) {
    const said = lines.slice(-5).join("\n");
    throw new Error(`point ${point} of seed ${seed}: ${cause}\n${said}`, {
      cause,
    });
  } finally {
    await server?.kill();
    await Deno.remove(directory, { recursive: true });
  }
}

async function killAtWork(
  { server, members, random }: {
    readonly server: Server;
    readonly members: readonly Member[];
    readonly random: SeededRandom;
  },
): Promise<void> {
  const work = Promise.all(members.map((each) => each.work()));
  await Promise.race([work, delay(random.uint32() / 2 ** 32 * WORK_MS)]);
  await server.kill();
  await work;
}

/** Checks a copy, so that the server finds what the crash has left. */
async function lookAround(
  directory: string,
  server: Server,
  random: SeededRandom,
): Promise<void> {
  const copy = `${directory}/copy`;
  copyFolder(`${directory}/store`, copy);
  let starting = server.start();
  if (random.oneIn(START_KILLED)) {
    const failed = starting.catch(() => {});
    await delay(random.below(START_MS));
    await server.kill();
    await failed;
    starting = server.start();
  }
  const [{ problems }] = await Promise.all([checkStore(copy), starting]);
  Deno.removeSync(copy, { recursive: true });
  if (problems.length > 0) throw new Error(problems.join("; "));
}

async function carryOn(
  members: readonly Member[],
  random: SeededRandom,
): Promise<void> {
  await Promise.all(members.map((each) => each.comeBack()));
  const [first, ...others] = random.shuffle(members);
  await first!.reclaim();
  await first!.assertHeld(others[0]!, Status.GRACE);
  for (const member of others) await member.reclaim();
  await first!.assertHeld(others[0]!, Status.DENIED);
  await Promise.all(members.map((each) => each.compare()));
}

function sumOf(members: readonly Member[]): CrashSummary {
  let [answered, happened, not] = [0, 0, 0];
  for (const worker of members.flatMap(({ workers }) => workers)) {
    answered += worker.answered;
    happened += worker.outcomes.happened;
    not += worker.outcomes.not;
  }
  return { answered, happened, not };
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const paths = [`${from}/${name}`, `${to}/${name}`] as const;
    if (isDirectory) copyFolder(...paths);
    else Deno.copyFileSync(...paths);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
