import { assertEquals, assertThrows } from "@std/assert";
import { MOST_LEVELS } from "../../src/backends/common/rename.ts";
import { memory } from "../../src/backends/memory/mod.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { type Created, type CreateKind, FsError } from "../../src/vfs/mod.ts";

/** What a tree that never waits has for folders. */
interface Folders<Node> {
  root(): Node;
  create(
    directory: Node,
    name: string,
    kind: CreateKind,
    options: { attributes: { mode: number; uid: number; gid: number } },
  ): Created<Node>;
  rename(
    from: { directory: Node; name: string },
    to: { directory: Node; name: string },
  ): unknown;
}

function checkDeepRenames<Node>(fs: Folders<Node>): void {
  const attributes = { mode: 0o755, uid: 0, gid: 0 };
  const make = (parent: Node, name: string) =>
    fs.create(parent, name, { type: "directory" }, { attributes }).node;
  const move = (name: string, from: Node, to: Node) =>
    void fs.rename({ directory: from, name }, { directory: to, name });
  const codeOf = (act: () => void) => assertThrows(act, FsError).code;
  const root = fs.root();
  const chain = [root];
  while (chain.length <= MOST_LEVELS + 1) chain.push(make(chain.at(-1)!, "d"));
  const [high, deep] = [chain[1]!, chain.at(-1)!];
  const full = make(root, "full");
  make(full, "inside");
  make(root, "empty");
  assertEquals(codeOf(() => move("full", root, deep)), "name-too-long");
  move("full", root, chain[MOST_LEVELS]!);
  move("full", chain[MOST_LEVELS]!, high);
  move("full", high, root);
  assertEquals(codeOf(() => move("d", root, chain[MOST_LEVELS]!)), "invalid");
  assertEquals(codeOf(() => move("d", root, high)), "invalid");
  // Needs no look at what is above.
  move("empty", root, deep);
  make(make(deep, "full"), "inside");
  const from = { directory: deep, name: "full" };
  fs.rename(from, { directory: deep, name: "moved" });
}

Deno.test("memory: what a RENAME costs does not grow with how deep a folder is", () => {
  checkDeepRenames(memory());
});

Deno.test("sqlite: what a RENAME costs does not grow with how deep a folder is", async () => {
  const fs = sqlite(":memory:");
  checkDeepRenames(fs);
  await fs.dispose();
});
