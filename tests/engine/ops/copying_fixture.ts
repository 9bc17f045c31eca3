/** What the tests of COPY and of CLONE share: from one file to another, by file systems at once and by promises. */

import type { FileSystem } from "../../../src/vfs/mod.ts";
import { waiting } from "../../robustness/fixture.ts";
import { op, type Request, walk } from "../../support/client/mod.ts";
import type { StateClient } from "../state_fixture.ts";

export const READ = 1;
export const WRITE = 2;
export const PAGE = 65_536;
export const LAST: bigint = 2n ** 64n - 1n;

/** A file system as it is, and as one that has all of its calls wait. */
export const systems: Record<string, (fs: FileSystem) => FileSystem> = {
  "at once": (fs) => fs,
  "by promises": (fs) => waiting(fs),
};

/** An operation from the file that is saved to the one that is current. */
export const between = (
  operation: Request,
  [from, to]: readonly string[] = ["source", "target"],
): Request[] => [...walk([from!]), op.savefh(), ...walk([to!]), operation];

/** What a file has in its first half megabyte: more than that is no answer of these sessions. */
export async function content(client: StateClient, name = "target") {
  const read = op.read({ count: 2 ** 19 });
  return (await client.ok("READ", ...walk([name]), read)).data;
}
