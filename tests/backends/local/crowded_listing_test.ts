import { assertEquals, assertLess } from "@std/assert";
import type { HostListing } from "../../../src/backends/local/host.ts";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { ShortTurns } from "../../support/short_turns.ts";
import { makeHost, noFolder, Sandbox } from "./fixture.ts";

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
    host.list = (folder) => () =>
      asked.then(() => list(folder) as Iterable<HostListing>);
    const turn = new ShortTurns(10);
    host.stat = (folder, name) => {
      turn.look();
      return stat(folder, name);
    };
    const fs = new HostedFileSystem(host, box.path, { turn });
    const root = fs.root();
    const pages = Promise.all(
      Array.from({ length: 100 }, () => fs.readdir(root, 0, 10)),
    );
    goOn();
    for (const { entries } of await pages) assertEquals(entries.length, 10);
    assertLess(turn.most, 50);
    await fs.dispose();
  },
});
