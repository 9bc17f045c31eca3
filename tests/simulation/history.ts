/** One history: clients, a server and bad luck, as a seed has it, and the verdict. */

import { HoldBook } from "./holds.ts";
import { Machine } from "./machine.ts";
import { CALM, Network, type Weather } from "./network.ts";
import { COURTESY_MS, LEASE_MS, SimulatedServer } from "./server.ts";
import { CELLS, type Pace, SHARED_FILES, Witness } from "./witness.ts";
import { World } from "./world.ts";

/** How a history went. */
export interface Outcome {
  readonly seed: number;
  /** Steps that were taken. */
  readonly steps: number;
  /** What the server did wrong. */
  readonly violation: string | undefined;
  /** The last things that happened. */
  readonly trace: readonly string[];
  /** How often what happened. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Virtual milliseconds in which clients must come to their end, once nothing is in their way. */
const PATIENCE = 20 * LEASE_MS;
const PACES: readonly Pace[] = ["immediate", "waiting", "mixed"];

/** Plays the history of a seed; of its steps only as many as asked for. */
export function play(seed: number, steps: number): Promise<Outcome> {
  return new History(seed, steps).play();
}

class History {
  readonly #seed: number;
  readonly #world: World;
  readonly #witness: Witness;
  readonly #server: SimulatedServer;
  readonly #network: Network;
  readonly #book: HoldBook;
  readonly #machines: Machine[] = [];

  constructor(seed: number, steps: number) {
    this.#seed = seed;
    const world = this.#world = new World(seed, steps);
    const { random } = world;
    this.#witness = new Witness(world, random.pick(PACES));
    const server = this.#server = new SimulatedServer(world, this.#witness);
    this.#network = new Network(world, server, weatherOf(world));
    const book = this.#book = new HoldBook(world, LEASE_MS);
    const around = { world, server, network: this.#network, book };
    const count = 2 + random.below(3);
    for (let i = 0; i < count; i++) {
      const minorVersion = random.oneIn(3) ? 0 : 1;
      const name = `c${i}v4${minorVersion}`;
      const options = { witness: this.#witness, name, minorVersion } as const;
      this.#machines.push(new Machine(around, options));
    }
  }

  async play(): Promise<Outcome> {
    const { steps: before } = this.#world;
    this.#world.spawn(() => this.#badLuck());
    const isDone = () => this.#machines.every((each) => each.isDone);
    await this.#world.runUntil(() => this.#world.isOver, 10 * PATIENCE);
    this.#network.weather = CALM;
    await this.#await("clients to end", isDone);
    await this.#part();
    const { violation, trace, counts, steps } = this.#world;
    return {
      seed: this.#seed,
      steps: steps - before,
      violation,
      trace,
      counts,
    };
  }

  async #await(what: string, done: () => boolean): Promise<void> {
    const inTime = await this.#world.runUntil(done, PATIENCE);
    if (!inTime) this.#world.blame(`waited in vain for ${what}`);
  }

  /** What happens to the clients and the server besides the weather. */
  async #badLuck(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const rarely = 1 + random.below(8);
    while (!world.isOver) {
      await world.pause(100, 1_000 * rarely);
      const machine = random.pick(this.#machines);
      if (!machine.isUp || !world.step()) continue;
      switch (random.below(10)) {
        case 0:
        case 1:
        case 2:
          machine.cut();
          break;
        case 3:
          machine.reboot();
          break;
        case 4:
          machine.fallSilent(world.between(1_000, 3 * LEASE_MS));
          break;
        case 5:
          machine.partition(world.between(1_000, 2 * LEASE_MS));
          break;
        case 6:
        case 7:
          machine.changeSession();
          break;
        default:
          if (random.oneIn(3)) this.#restart();
      }
    }
  }

  #restart(): void {
    this.#world.count("server restarts");
    this.#world.note(() => "the server restarts");
    this.#book.restarted();
    this.#server.restart(
      this.#network.links,
      this.#world.between(0, 2_000),
    );
  }

  /** All clients go, one way or the other; nothing may be left of them. */
  async #part(): Promise<void> {
    if (this.#world.violation !== undefined) return;
    let leaving = this.#machines.length;
    for (const machine of this.#machines) {
      const politely = !this.#world.random.oneIn(4);
      this.#world.spawn(async () => {
        await machine.leave(politely);
        leaving--;
      });
    }
    await this.#await("goodbyes", () => leaving === 0);
    this.#checkContents();
    for (const link of [...this.#network.links]) link.drop();
    await this.#world.clock.advanceAsync(LEASE_MS + COURTESY_MS + 5_000);
    this.#checkEmpty();
  }

  /** What the file system has is what was written last. */
  #checkContents(): void {
    for (const file of SHARED_FILES) {
      for (let cell = 0; cell < CELLS; cell++) {
        const { fileid, text } = this.#witness.current(file, cell);
        const last = this.#witness.history(fileid, cell).at(-1)?.text ?? "";
        if (text === last) continue;
        this.#world.blame(`${file}[${cell}] is "${text}" instead of "${last}"`);
      }
    }
  }

  #checkEmpty(): void {
    const { callbacks, state } = this.#server;
    const { clients, sessions, stateids, files, waiting } = state;
    const left = {
      clients: clients.size,
      sessions: sessions.size,
      stateids: stateids.size,
      files: files.size,
      delegations: files.delegations,
      waiting: waiting.size,
      slotsInUse: sessions.usage.slotsInUse,
      replayCacheBytes: sessions.usage.replayCacheBytes,
      fsOpens: this.#witness.opens,
      ...callbacks.backchannel.held,
      ...callbacks.dialOut.held,
      ...callbacks.keeper.held,
    };
    if (Object.values(left).every((count) => count === 0)) return;
    this.#world.blame(`left over: ${JSON.stringify(left)}`);
  }
}

function weatherOf({ random }: World): Weather {
  return {
    drop: random.pick([8, 20, 60, Infinity]),
    duplicate: random.pick([3, 8, 20, Infinity]),
    slow: random.pick([5, 20, Infinity]),
    slowest: random.pick([200, 1_500]),
  };
}
