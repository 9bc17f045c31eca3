import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import type { FileSystem } from "../../src/vfs/mod.ts";
import { op, walk } from "../support/client/mod.ts";
import { StateFixture } from "./state_fixture.ts";

const OWNER = 1001;
const OTHER = 1002;

/** What LINK of an owner's file of this mode into a folder for all is answered with. */
async function link(
  fs: FileSystem,
  { minor, uid, mode }: { minor: 0 | 1 | 2; uid: number; mode: number },
): Promise<string> {
  const fixture = new StateFixture({ fs });
  const root = await fixture.client(1);
  const set = (name: string, mode: number) =>
    root.ok("SETATTR", ...walk([name]), op.setattr({ mode }));
  await root.ok(
    "SETATTR",
    ...walk(["file"]),
    op.setattr({ owner: `${OWNER}` }),
  );
  await set("file", mode);
  await set("folder", 0o777);
  const client = await fixture.client(minor, { uid });
  return await client.status(
    ...walk(["file"]),
    op.savefh(),
    ...walk(["folder"]),
    op.link("kept"),
  );
}

/** A tree that users of the host work in too, as the folder of `local` is. */
function shown(): FileSystem {
  const folder = { path: "/srv/work", isShown: true };
  return Object.assign(plain(), { folder });
}

const plain = () => memory({ file: "content", folder: {} }) as FileSystem;

for (const minor of [0, 1, 2] as const) {
  Deno.test(`NFSv4.${minor}: in a folder of the host LINK keeps no file for who may not change it`, async () => {
    for (const mode of [0o644, 0o4777, 0o2777]) {
      const of = (uid: number) => ({ minor, uid, mode });
      assertEquals(await link(shown(), of(OTHER)), "ACCESS");
      assertEquals(await link(shown(), of(OWNER)), "OK");
      assertEquals(await link(shown(), of(0)), "OK");
      // No user of the host has anything to do with these.
      assertEquals(await link(plain(), of(OTHER)), "OK");
    }
    const shared = { minor, uid: OTHER, mode: 0o666 };
    assertEquals(await link(shown(), shared), "OK");
  });
}
