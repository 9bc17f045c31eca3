import { assert, assertEquals } from "@std/assert";
import { type Ace, AceFlag, AceMask, acesOf } from "../../../src/vfs/acl.ts";
import { rightsOf } from "../../../src/vfs/wanted.ts";
import { type BehaviourTest, type Fixture, refused } from "./fixture.ts";

const LIST: readonly Ace[] = [
  { type: "deny", flags: 0, mask: AceMask.EXECUTE, who: "everyone@", id: 0 },
  { type: "allow", flags: 0, mask: AceMask.READ_DATA, who: "user", id: 7 },
  { type: "allow", flags: 0, mask: AceMask.ALL, who: "group", id: 4294967294 },
  { type: "allow", flags: 0, mask: 0, who: "owner@", id: 0 },
  { type: "allow", flags: 0, mask: AceMask.READ_DATA, who: "group@", id: 0 },
];
const HANDED_ON: readonly Ace[] = LIST.map((ace, i) => ({
  ...ace,
  flags: [
    AceFlag.FILE_INHERIT,
    AceFlag.DIRECTORY_INHERIT | AceFlag.INHERIT_ONLY,
    AceFlag.FILE_INHERIT | AceFlag.NO_PROPAGATE,
    0,
  ][i % 4]!,
}));

async function listOf(g: Fixture, node: object) {
  return acesOf(await g.fs.getattr(node));
}

/** Access lists, and what becomes of them with their files. */
export const accessListTests: readonly BehaviourTest[] = [
  {
    name:
      "an access list is kept as it was set, with the mode, until the mode says it all",
    needs: ["lists"],
    async run(g) {
      const file = await g.file("a");
      const folder = await g.folder("b");
      assertEquals(await listOf(g, file), undefined);
      await g.fs.setattr(file, { acl: LIST, mode: 0o4040 });
      await g.fs.setattr(folder, { acl: HANDED_ON });
      const before = await g.stat(file);
      assertEquals(before.mode, 0o4040);
      assertEquals(await listOf(g, file), LIST);
      assertEquals(await listOf(g, folder), HANDED_ON);
      await g.fs.setattr(file, { uid: g.owner.uid });
      assertEquals(await listOf(g, file), LIST);
      assert((await g.stat(file)).change > before.change);
      await g.fs.setattr(file, { acl: [] });
      assertEquals(await listOf(g, file), []);
      await g.fs.setattr(file, { acl: "mode" });
      assertEquals(await listOf(g, file), undefined);
    },
  },
  {
    name: "what is made has the access list that it is made with",
    needs: ["lists"],
    async run(g) {
      const attributes = { acl: LIST };
      const file = await g.make("a", { type: "file" }, { attributes });
      const folder = await g.make("b", { type: "directory" }, {
        attributes: { acl: HANDED_ON },
      });
      assertEquals(await listOf(g, file), LIST);
      assertEquals(await listOf(g, folder), HANDED_ON);
      const { entries } = await g.fs.readdir(g.root, 0, 10);
      for (const { name, attributes } of entries) {
        if (attributes === undefined) continue;
        assertEquals(acesOf(attributes), name === "a" ? LIST : HANDED_ON);
      }
      await refused(
        "exists",
        () => g.make("a", { type: "file" }, { attributes }),
      );
    },
  },
  {
    name:
      "an access list goes with its file, and no file that comes after it has it",
    needs: ["lists"],
    async run(g) {
      for (let i = 0; i < 20; i++) {
        const attributes = { acl: LIST };
        const node = await g.make("a", { type: "file" }, { attributes });
        await g.fs.setattr(node, { acl: HANDED_ON.concat(LIST) });
        await g.fs.remove(g.root, "a");
      }
      const file = await g.file("b");
      assertEquals(await listOf(g, file), undefined);
    },
  },
  {
    name: "a change that was judged by another access list is busy",
    needs: ["lists"],
    async run(g) {
      const folder = await g.folder("a");
      await g.fs.setattr(folder, { acl: HANDED_ON });
      const judged = rightsOf(await g.fs.getattr(folder));
      await g.fs.setattr(folder, { mode: judged.mode }, judged);
      for (const acl of [LIST, "mode"] as const) {
        await g.fs.setattr(folder, { acl });
        await refused("busy", () => g.fs.setattr(folder, { acl }, judged));
        await refused("busy", () =>
          g.fs.create(folder, "b", { type: "file" }, {
            attributes: { mode: 0o644, ...g.owner },
            judged,
          }));
      }
    },
  },
  {
    name: "access lists are there after a restart",
    needs: ["lists", "restart"],
    async run(g) {
      const file = await g.file("a");
      await g.fs.setattr(file, { acl: LIST });
      await g.fs.setattr(await g.folder("b"), { acl: HANDED_ON });
      await g.reopen();
      const [a, b] = await Promise.all(
        ["a", "b"].map((name) => g.fs.lookup(g.root, name)),
      );
      assertEquals(await listOf(g, a!), LIST);
      assertEquals(await listOf(g, b!), HANDED_ON);
      await g.fs.remove(g.root, "a");
      assertEquals(await listOf(g, await g.file("a")), undefined);
    },
  },
];
