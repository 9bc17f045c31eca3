/** A process on a client's machine: opens, locks, writes, reads and makes names, as chance has it. */

import { FileType, op, walk } from "../support/client/mod.ts";
import { Unanswered } from "./caller.ts";
import { IoWork } from "./io_work.ts";
import { Judge } from "./judge.ts";
import { LockWork } from "./lock_work.ts";
import { Owners } from "./open_file.ts";
import { OpenWork } from "./open_work.ts";
import { Lost, type Peer } from "./peer.ts";
import { NAMES, type Witness } from "./witness.ts";
import type { World } from "./world.ts";

/** The process. */
export class Worker {
  readonly #world: World;
  readonly #peer: Peer;
  readonly #name: string;
  readonly #judge: Judge;
  readonly #files: OpenWork;
  readonly #locks: LockWork;
  readonly #io: IoWork;
  readonly #names: string[] = [];
  #made = 0;

  constructor(peer: Peer, witness: Witness, name: string) {
    this.#world = peer.around.world;
    this.#peer = peer;
    this.#name = name;
    const judge = this.#judge = new Judge(peer, name);
    this.#files = new OpenWork(peer, new Owners(peer, name), judge);
    this.#locks = new LockWork(peer, judge);
    this.#io = new IoWork(peer, witness, judge);
  }

  /** Works until there are no steps left, then closes what is open. */
  async run(): Promise<void> {
    const { random } = this.#world;
    const { opens } = this.#files;
    // Some are always busy, others let a lease or two go by.
    const longest = random.pick([200, 200, 3_000]);
    while (!this.#world.isOver) {
      await this.#world.pause(0, random.oneIn(10) ? 3_000 : longest);
      await this.#attempt(() => this.#act());
    }
    while (opens.size > 0) {
      await this.#attempt(async () => {
        for (const file of opens.values()) await this.#files.close(file);
      });
    }
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    await this.#peer.ready();
    this.#files.forgetLost();
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Lost || error instanceof Unanswered)) throw error;
      this.#world.note(() => `${this.#name}: ${error.name}`);
    }
    this.#files.forgetLost();
  }

  async #act(): Promise<void> {
    if (!this.#world.step()) return;
    const { random } = this.#world;
    const newName = () => this.#newName();
    const opens = [...this.#files.opens.values()];
    if (opens.length === 0 || random.oneIn(5)) {
      return await this.#files.open(newName);
    }
    const file = random.pick(opens);
    switch (random.below(12)) {
      case 0:
      case 1:
        return await this.#locks.lock(file);
      case 2:
        return await this.#locks.unlock(file);
      case 3:
        return await this.#locks.test(file);
      case 4:
        return await this.#locks.forget(file);
      case 5:
      case 6:
        return await this.#io.write(file, newName());
      case 7:
        return await this.#io.read(file);
      case 8:
        return await this.#files.downgrade(file);
      case 9:
        return await this.#files.close(file);
      case 10:
        return this.#peer.delegations.returnOne();
      default:
        return await this.#changeNames();
    }
  }

  /** Makes, renames and removes names that nobody else has, with every request another one. */
  async #changeNames(): Promise<void> {
    const { random } = this.#world;
    const folder = walk([NAMES]);
    const name = this.#names.length > 0 ? this.#names.pop()! : undefined;
    if (name === undefined) {
      const made = this.#newName();
      const create = op.create({ type: FileType.DIR, name: made });
      const { reply } = await this.#peer.send([...folder, create]);
      this.#judge.expect("CREATE", reply.status);
      this.#names.push(made);
    } else if (random.oneIn(2)) {
      const { reply } = await this.#peer.send([...folder, op.remove(name)]);
      this.#judge.expect("REMOVE", reply.status);
    } else {
      const to = this.#newName();
      const { reply } = await this.#peer.send([
        ...folder,
        op.savefh(),
        op.rename(name, to),
      ]);
      this.#judge.expect("RENAME", reply.status);
      this.#names.push(to);
    }
  }

  /** At most a cell long, and used once. */
  #newName(): string {
    return `${this.#name}-${++this.#made}`;
  }
}
