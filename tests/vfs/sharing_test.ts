import { assertEquals } from "@std/assert";
import {
  type HasSharing,
  type Shared,
  shareOut,
  sharing,
} from "../../src/vfs/sharing.ts";

Deno.test("what the process has once is shared out among those that take parts of it", () => {
  const told: string[] = [];
  const taking = (name: string, of: Shared): HasSharing => ({
    [sharing]: {
      of,
      among: (count: number) => void told.push(`${name} ${count}`),
    },
  });
  const [a, b] = [taking("a", "descriptors"), taking("b", "descriptors")];
  const tree = taking("tree", "heap");
  const other = {};
  // One that is served twice takes one part.
  shareOut([a, b, a, tree, other]);
  assertEquals(told, ["a 2", "b 2", "tree 1"]);
});
