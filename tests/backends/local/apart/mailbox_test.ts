import { assertEquals, assertRejects } from "@std/assert";
import type { ApartNode } from "../../../../src/backends/local/apart/known_nodes.ts";
import { type Asker, workFor } from "../../../../src/base/asker.ts";
import {
  calling,
  type OngoingCall,
} from "../../../../src/base/ongoing_call.ts";
import { silentLogger } from "../../../../src/base/log.ts";
import type { Turn } from "../../../../src/base/turn.ts";
import { CheckedFileSystem } from "../../../../src/vfs/checked_file_system.ts";
import { eventually } from "../../../backchannel/fixture.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { attributes, hasFfi, noFolder } from "../fixture.ts";
import { ApartBox, WorkerHere } from "./fixture.ts";

const ignore = noFolder || !hasFfi;

/** Turns that the test gives, to whom it likes. */
class GivenTurns implements Turn {
  isOver = false;
  readonly #waiting: { readonly who: Asker; readonly go: () => void }[] = [];

  next(who: Asker): Promise<void> {
    return new Promise((go) => this.#waiting.push({ who, go }));
  }

  /** The parties that wait, each as often as connections of it do. */
  get parties(): string[] {
    return this.#waiting.map(({ who }) => who.party);
  }

  /** Gives one to the party that asked for it first, or to that of a name. */
  give(party = this.parties[0]): void {
    const [one] = this.#waiting.splice(this.parties.indexOf(party!), 1);
    one!.go();
  }
}

/** A folder with one file, whose worker has no time once `turns` are over. */
class SlowBox implements AsyncDisposable {
  readonly turns: GivenTurns;
  readonly worker: WorkerHere;
  readonly file: ApartNode;
  readonly #box: ApartBox;

  private constructor(
    box: ApartBox,
    { turns, worker, file }: Pick<SlowBox, "turns" | "worker" | "file">,
  ) {
    this.#box = box;
    this.turns = turns;
    this.worker = worker;
    this.file = file;
  }

  static async open(): Promise<SlowBox> {
    const turns = new GivenTurns();
    const worker = new WorkerHere(turns);
    const box = await ApartBox.open({}, { open: () => worker });
    const { node: file } = await box.fs.create(
      box.fs.root(),
      "file",
      { type: "file" },
      { attributes },
    );
    return new SlowBox(box, { turns, worker, file });
  }

  get fs(): ApartBox["fs"] {
    return this.#box.fs;
  }

  /** What the file holds. */
  get content(): number[] {
    return [...Deno.readFileSync(`${this.#box.path}/file`)];
  }

  write(at: number): Promise<unknown> {
    return this.fs.write(this.file, at, Uint8Array.of(at + 1), "unstable");
  }

  /** Waits until the calls of as many connections stand in the worker. */
  async hasWaiting(count: number): Promise<void> {
    const { turns } = this;
    await eventually("the calls", () => turns.parties.length === count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.turns.isOver = false;
    while (this.turns.parties.length > 0) this.turns.give();
    await this.#box[Symbol.asyncDispose]();
  }
}

Deno.test(
  "local, apart: calls of one party that wait in the worker are no line for another's",
  { ignore },
  async () => {
    await using box = await SlowBox.open();
    const { fs, file, turns } = box;
    const done: string[] = [];
    const ask = (who: Asker) =>
      workFor(who, () => fs.getattr(file)).then(() => done.push(who.party));
    turns.isOver = true;
    const one = { party: "one" };
    const all = [ask(one), ask(one), ask(one)];
    all.push(ask({ party: "other" }));
    await box.hasWaiting(2);
    turns.give("other");
    await eventually("the other's", () => done.length === 1);
    turns.give("one");
    await eventually("one more", () => done.length === 2);
    assertEquals(done, ["other", "one"]);
    // In time again: what waits is still the first to be done.
    turns.isOver = false;
    all.push(ask({ party: "late" }));
    await box.hasWaiting(2);
    turns.give("one");
    turns.give("late");
    await Promise.all(all);
    assertEquals(done, ["other", "one", "one", "one", "late"]);
  },
);

Deno.test(
  "local, apart: a connection's calls wait in their order, with whichever messages they come",
  { ignore },
  async () => {
    await using box = await SlowBox.open();
    const { fs, file, turns } = box;
    turns.isOver = true;
    const one = { party: "one" };
    const sizes: Promise<number>[] = [];
    for (let i = 0; i < 3; i++) {
      workFor(one, () => void box.write(i));
      const asked = workFor(one, () => fs.getattr(file));
      sizes.push(asked.then(({ size }) => size));
      workFor({ party: "other" }, () => void fs.getattr(file));
      await box.hasWaiting(i + 2);
    }
    turns.isOver = false;
    turns.give("one");
    assertEquals(await Promise.all(sizes), [1, 2, 3]);
  },
);

Deno.test(
  "local, apart: a call that is given up where it waits in the worker is never done",
  { ignore },
  async () => {
    await using box = await SlowBox.open();
    box.turns.isOver = true;
    const given = calling(() => box.write(0), (work, ongoing) => {
      ongoing!.giveUp();
      return work;
    });
    await assertRejects(() => Promise.resolve(given));
    await box.hasWaiting(1);
    box.turns.isOver = false;
    box.turns.give();
    await box.fs.getattr(box.file);
    assertEquals(box.content, []);
  },
);

/** What asks without changing anything, and what is done to an open file. */
const LOOKS: Record<
  string,
  (fs: CheckedFileSystem, file: object) => unknown
> = {
  resolve: (fs, file) => fs.resolve(fs.identify(file)),
  getattr: (fs, file) => fs.getattr(file),
  lookup: (fs) => fs.lookup(fs.root(), "file"),
  parent: (fs) => fs.parent(fs.root()),
  readdir: (fs) => fs.readdir(fs.root(), 0, 10),
  readlink: (fs, file) => fs.readlink(file),
  status: (fs) => fs.status(),
  open: (fs, file) => fs.open(file, { read: true, write: false }),
  commit: (fs, file) => fs.commit(file),
};

for (const [method, look] of Object.entries(LOOKS)) {
  Deno.test(
    `local, apart: a call of ${method} that is given up where it waits in the worker leaves it`,
    { ignore },
    async () => {
      await using box = await SlowBox.open();
      const clock = new FakeClock();
      const fs = new CheckedFileSystem(box.fs, {
        ...{ name: "/", timeout: 1_000, maxOverdue: 64, maxUnderWay: 256 },
        ...{ clock, log: silentLogger },
      });
      box.turns.isOver = true;
      const given = assertRejects(async () => await look(fs, box.file));
      await box.hasWaiting(1);
      clock.advance(1_000);
      fs.sweep();
      await given;
      await eventually("its end", () => fs.overdue === 0);
    },
  );
}

Deno.test(
  "local, apart: a close that is given up where it waits in the worker is done all the same",
  { ignore },
  async () => {
    await using box = await SlowBox.open();
    const clock = new FakeClock();
    const fs = new CheckedFileSystem(box.fs, {
      ...{ name: "/", timeout: 1_000, maxOverdue: 64, maxUnderWay: 256 },
      ...{ clock, log: silentLogger },
    });
    const mode = { read: true, write: true };
    await fs.open(box.file, mode);
    box.turns.isOver = true;
    const given = assertRejects(async () => await fs.close(box.file, mode));
    await box.hasWaiting(1);
    clock.advance(1_000);
    fs.sweep();
    await given;
    assertEquals(fs.overdue, 1);
    box.turns.give();
    await eventually("its end", () => fs.overdue === 0);
  },
);

Deno.test(
  "local, apart: a node is there for the calls that wait in the worker when it is let go of",
  { ignore },
  async () => {
    await using box = await SlowBox.open();
    const { fs, file, turns, worker } = box;
    turns.isOver = true;
    const first = workFor({ party: "one" }, () => fs.getattr(file));
    await box.hasWaiting(1);
    worker.postMessage([{ released: [file.number, 1] }], []);
    const later = workFor({ party: "other" }, () => fs.getattr(file));
    await box.hasWaiting(2);
    turns.give("one");
    assertEquals((await first).size, 0);
    turns.give("other");
    await assertRejects(() => later, Error, "a node let go");
  },
);

Deno.test(
  "local, apart: what waits in the worker is done before the folder ends",
  { ignore },
  async () => {
    await using box = await SlowBox.open();
    const { fs, turns } = box;
    turns.isOver = true;
    const written = workFor({ party: "one" }, () => box.write(0));
    const ended = fs.dispose();
    await box.hasWaiting(1);
    turns.give();
    await Promise.all([written, ended]);
    assertEquals(box.content, [1]);
  },
);

Deno.test(
  "local, apart: a folder ends without what is given up where it waits in the worker",
  { ignore },
  async () => {
    await using box = await SlowBox.open();
    box.turns.isOver = true;
    let call: OngoingCall | undefined;
    const given = calling(() => box.write(0), (work, ongoing) => {
      call = ongoing;
      return work;
    });
    const ended = box.fs.dispose();
    await box.hasWaiting(1);
    call!.giveUp();
    await assertRejects(() => Promise.resolve(given));
    await ended;
    assertEquals(box.content, []);
  },
);
