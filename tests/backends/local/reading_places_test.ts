import { assertEquals } from "@std/assert";
import type { HostListing } from "../../../src/backends/local/host.ts";
import { Listings } from "../../../src/backends/local/listings.ts";
import { PLACES } from "../../../src/backends/local/reading_places.ts";
import { Tree } from "../../../src/backends/local/tree.ts";
import { workFor } from "../../../src/base/asker.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { nextTurn } from "../../../src/base/turn.ts";
import { makeHost, noFolder, Sandbox } from "./fixture.ts";

/** Folders that tell of one name at a time, four in each turn. */
class SlowFolders implements AsyncDisposable {
  readonly tree: Tree;
  readonly listings: Listings;
  /** Folders that are being read. */
  reading = 0;

  /** By how many names each has. */
  constructor(readonly path: string, sizes: Record<string, number>) {
    const host = makeHost(false);
    host.list = (folder) => {
      const name = Deno.realPathSync(host.folderPath(folder)).split("/").pop()!;
      return this.#list(sizes[name]!);
    };
    this.tree = new Tree(host, path, { clock: systemClock, limit: 100 });
    for (const name of Object.keys(sizes)) Deno.mkdirSync(`${path}/${name}`);
    let left = 0;
    this.listings = new Listings(this.tree, {
      clock: systemClock,
      now: Date.now,
      turn: {
        get isOver() {
          return left-- <= 0;
        },
        async next() {
          await new Promise((resolve) => setTimeout(resolve, 0));
          left = 4;
        },
      },
    });
  }

  async list(name: string): Promise<number> {
    const directory = this.tree.lookup(this.tree.root, name)!;
    return (await this.listings.of(directory, 0)).size;
  }

  *#list(size: number): Generator<HostListing> {
    this.reading++;
    try {
      for (let i = 0; i < size; i++) {
        yield { names: [`${i}`], inodes: [], folders: [] };
      }
    } finally {
      this.reading--;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listings.dispose();
    this.tree.dispose();
  }
}

/** So many folders without end, all of which are asked for. */
const ENDLESS = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [`endless ${i}`, Infinity]),
);

function askForEndless(folders: SlowFolders): void {
  for (const name of Object.keys(ENDLESS)) folders.list(name).catch(() => {});
}

Deno.test({
  name: "local: a small folder is listed while large ones wait for a place",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    await using folders = new SlowFolders(box.path, { small: 3, ...ENDLESS });
    askForEndless(folders);
    assertEquals(await folders.list("small"), 3);
    while (folders.reading > PLACES) await nextTurn();
    for (let i = 0; i < 10; i++) await nextTurn();
    assertEquals(folders.reading, PLACES);
  },
});

Deno.test({
  name:
    "local: a party's large folders are listed while those of another wait for a place",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const sizes = { large: 40, other: 40, ...ENDLESS };
    await using folders = new SlowFolders(box.path, sizes);
    let isListed = false;
    workFor({ party: "one" }, () => {
      askForEndless(folders);
      folders.list("large").then(() => isListed = true, () => {});
    });
    const [large, other] = await workFor(
      { party: "other" },
      () => Promise.all([folders.list("other"), folders.list("other")]),
    );
    assertEquals([large, other, isListed], [40, 40, false]);
    // Also what the first waits for already.
    const asked = workFor({ party: "other" }, () => folders.list("large"));
    assertEquals(await asked, 40);
  },
});

Deno.test({
  name: "local: of all parties' large folders few are read at a time",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    const names = Array.from({ length: 80 }, (_, i) => `endless ${i}`);
    const sizes = Object.fromEntries(names.map((name) => [name, Infinity]));
    await using folders = new SlowFolders(box.path, { small: 3, ...sizes });
    for (const [i, name] of names.entries()) {
      const party = `party ${i % 20}`;
      workFor({ party }, () => folders.list(name).catch(() => {}));
    }
    // Each is tried first without a place, in two turns.
    for (let i = 0; i < 100; i++) await nextTurn();
    assertEquals(folders.reading, 64);
    assertEquals(await folders.list("small"), 3);
  },
});
