import { assertEquals, assertLess } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { Turn } from "../../../src/base/turn.ts";
import { makeHost, noFolder, Sandbox } from "./fixture.ts";

/** Looks of the host at entries: a turn is over after some. */
class Looks implements Turn {
  most = 0;
  #now = 0;
  #last = Promise.resolve();

  look(): void {
    this.most = Math.max(this.most, ++this.#now);
  }

  get isOver(): boolean {
    return this.#now >= 10;
  }

  /** One after the other. */
  next(): Promise<void> {
    return this.#last = this.#last.then(async () => {
      if (this.isOver) await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.isOver) this.#now = 0;
    });
  }
}

Deno.test({
  name:
    "local: a crowd that waits for the listing of one folder goes on in turns",
  ignore: noFolder,
  fn: async () => {
    await using box = new Sandbox();
    for (let i = 0; i < 10; i++) Deno.writeTextFileSync(`${box.path}/${i}`, "");
    const host = makeHost(false);
    const [list, stat] = [host.list.bind(host), host.stat.bind(host)];
    const { promise: asked, resolve: goOn } = Promise.withResolvers<void>();
    host.list = (folder) => asked.then(() => list(folder));
    const looks = new Looks();
    host.stat = (folder, name) => {
      looks.look();
      return stat(folder, name);
    };
    const fs = new HostedFileSystem(host, box.path, { turn: looks });
    const root = fs.root();
    const pages = Promise.all(
      Array.from({ length: 100 }, () => fs.readdir(root, 0, 10)),
    );
    goOn();
    for (const { entries } of await pages) assertEquals(entries.length, 10);
    assertLess(looks.most, 50);
    await fs.dispose();
  },
});
