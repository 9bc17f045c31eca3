import { assertEquals } from "@std/assert";
import { toldClock } from "../../support/fake_clock.ts";
import type { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import { MOST_LEVELS } from "../../../src/backends/local/tree.ts";
import { attributes, codeOf, testBothHosts } from "./fixture.ts";

async function makeFolder(
  fs: HostedFileSystem,
  parent: LocalNode,
  name: string,
): Promise<LocalNode> {
  const kind = { type: "directory" } as const;
  const mode = { ...attributes, mode: 0o755 };
  return (await fs.create(parent, name, kind, { attributes: mode })).node;
}

testBothHosts(
  "a folder in as many others as are served goes on, one more is refused for good",
  async (make) => {
    let now = 0;
    const clock = toldClock(() => now);
    await using box = make({ clock, durability: "os" });
    const { fs } = box;
    const root = fs.root();
    const chain = [root];
    while (chain.length <= MOST_LEVELS) {
      chain.push(await makeFolder(fs, chain.at(-1)!, "d"));
    }
    const [deepest, above] = [chain.at(-1)!, chain.at(-2)!];
    await fs.create(deepest, "file", { type: "file" }, { attributes });
    const high = await makeFolder(fs, root, "high");
    const lower = await makeFolder(fs, high, "lower");
    for (const pause of [0, 5_000, 5_000]) {
      now += pause;
      const { entries } = await fs.readdir(deepest, 0, 10);
      assertEquals(entries.map(({ name }) => name), ["file"]);
      assertEquals(await fs.lookup(above, "d"), deepest);
      const tooDeep = () => makeFolder(fs, deepest, "d");
      assertEquals(await codeOf(tooDeep), "name-too-long");
      const moved = () =>
        fs.rename(
          { directory: root, name: "high" },
          { directory: deepest, name: "high" },
        );
      assertEquals(await codeOf(moved), "name-too-long");
    }
    // What comes to be deeper by a move, here or by the host, is there when it is back.
    const from = { directory: root, name: "high" };
    const to = { directory: above, name: "high" };
    await fs.rename(from, to);
    for (const pause of [0, 5_000, 5_000]) {
      now += pause;
      assertEquals((await fs.getattr(high)).type, "directory");
      const names = async () => await fs.lookup(high, "lower");
      assertEquals(await codeOf(names), "name-too-long");
    }
    assertEquals(await codeOf(() => fs.readdir(lower, 0, 10)), "stale");
    await fs.rename(to, from);
    assertEquals(await fs.lookup(high, "lower"), lower);
    assertEquals((await fs.readdir(lower, 0, 10)).entries, []);
    for (let i = chain.length - 1; i > 0; i--) {
      if (i === chain.length - 1) await fs.remove(chain[i]!, "file");
      await fs.remove(chain[i - 1]!, "d");
    }
  },
);
