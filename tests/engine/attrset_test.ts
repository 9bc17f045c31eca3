/** What CREATE and OPEN say that they have set is what they have set (RFC 8881 18.4.3, 18.16.3). */

import { assertEquals } from "@std/assert";
import { memory } from "../../src/backends/memory/mod.ts";
import { op } from "../support/client/mod.ts";
import { StateFixture } from "./state_fixture.ts";

const FOLDER_GROUP = 3000;
const MODE = 33;
const GROUP = 37;
const FOLDER = 2;

for (
  const { mode, asked, given } of [
    { mode: 0o2777, asked: 2000, given: FOLDER_GROUP },
    { mode: 0o2777, asked: FOLDER_GROUP, given: FOLDER_GROUP },
    { mode: 0o777, asked: 2000, given: 2000 },
  ]
) {
  const set = asked === given ? [MODE, GROUP] : [MODE];
  const where = `${mode.toString(8)}, and ${asked} is asked for`;
  Deno.test(`attrset of what is made in a folder of group ${FOLDER_GROUP} with mode ${where}`, async () => {
    const fs = memory({});
    fs.setattr(fs.root(), { mode, gid: FOLDER_GROUP });
    const client = await new StateFixture({ fs }).client(1);
    const attributes = { mode: 0o644, owner_group: `${asked}` };
    const look = op.getattr(["owner_group"]);

    const create = op.create({ type: FOLDER, name: "folder", attributes });
    const made = await client.call(op.putrootfh(), create, look);
    assertEquals(made.get("CREATE").attrset, set);
    const { owner_group } = made.get("GETATTR").attributes;
    assertEquals(owner_group, `${given}`);

    for (const mode of [0, 1]) {
      const options = { create: { mode, attributes }, owner: `${mode}` };
      const open = client.openOp(`file ${mode}`, options as never);
      const opened = await client.call(op.putrootfh(), open, look);
      assertEquals(opened.get("OPEN").attrset, set);
      const { owner_group } = opened.get("GETATTR").attributes;
      assertEquals(owner_group, `${given}`);
    }
  });
}
