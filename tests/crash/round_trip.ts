/**
 * Whether an archive of a store has all that the store has.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { exportTree, importTree } from "../../src/backends/sqlite/archive.ts";
import { checkStore } from "../../src/backends/sqlite/check.ts";
import { sqlite } from "../../src/backends/sqlite/mod.ts";
import { Model } from "../backends/sqlite/crash_model.ts";

/** Exports a store that no server has, imports that at `other`, and compares the two. */
export async function assertRoundTrip(
  store: string,
  other: string,
): Promise<void> {
  const one = sqlite(store);
  const two = sqlite(other);
  try {
    await importTree(two, exportTree(one));
    const [before, after] = [await Model.of(one), await Model.of(two)];
    // Clients, and what sessions remember, are not in an archive.
    before.records.clear();
    after.records.clear();
    assertEquals(before.differs(after), undefined);
  } finally {
    await two.dispose();
    await one.dispose();
  }
  for (const each of [store, other]) {
    assertEquals((await checkStore(each)).problems, []);
  }
}
