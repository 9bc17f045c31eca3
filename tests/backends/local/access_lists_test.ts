import { assertEquals } from "@std/assert";
import { HostedFileSystem } from "../../../src/backends/local/hosted_file_system.ts";
import { MOST_ENTRIES } from "../../../src/backends/local/access_lists.ts";
import type { AccessList } from "../../../src/vfs/access_list.ts";
import type { LocalNode } from "../../../src/backends/local/node.ts";
import type { HostedOptions } from "../../../src/backends/local/options.ts";
import { type Ace, AceMask, type AceWho } from "../../../src/vfs/acl.ts";
import { acesOfMode } from "../../../src/vfs/acl_mode.ts";
import { permissionsOf } from "../../../src/vfs/permissions.ts";
import { shownAces } from "../../../src/vfs/shown_acl.ts";
import { toldClock } from "../../support/fake_clock.ts";
import { hasLists, NAMED, OTHER, setList } from "./access_list_fixture.ts";
import { attributes, makeHost, Sandbox } from "./fixture.ts";

const ignore = !hasLists();

async function fileIn({ fs, path }: Sandbox): Promise<LocalNode> {
  Deno.writeTextFileSync(`${path}/file`, "");
  return (await fs.lookup(fs.root(), "file"))!;
}

async function may(
  fs: HostedFileSystem,
  node: LocalNode,
  uid: number,
  gid = uid,
): Promise<number> {
  const rights = await fs.getattr(node);
  return permissionsOf(rights, { uid, gid, gids: [] });
}

Deno.test({
  name: "local: what the host's access list says of a user holds for clients",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    for (const name of ["file", "folder"]) {
      if (name === "file") Deno.writeTextFileSync(`${path}/file`, "");
      else Deno.mkdirSync(`${path}/folder`);
      const node = (await fs.lookup(fs.root(), name))!;
      const { gid } = await fs.getattr(node);
      setList(`${path}/${name}`, [6, 6, 4, 6, 0]);
      assertEquals((await fs.getattr(node)).mode, 0o660);
      assertEquals(await may(fs, node, NAMED), 6);
      assertEquals(await may(fs, node, OTHER, gid), 4);
      assertEquals(await may(fs, node, OTHER), 0);
      // At once, though its ctime may not have moved on.
      setList(`${path}/${name}`, [6, 0, 0, 6, 4]);
      assertEquals(await may(fs, node, NAMED), 0);
      assertEquals(await may(fs, node, OTHER, gid), 0);
      assertEquals(await may(fs, node, OTHER), 4);
    }
  },
});

/** A file system that counts how often its host is asked for a list. */
function counting(
  path: string,
  options: HostedOptions,
  list?: AccessList,
) {
  const host = makeHost(true);
  const accessList = list === undefined
    ? host.accessList.bind(host)
    : () => list;
  const counts = { asked: 0 };
  host.accessList = (...of) => (counts.asked++, accessList(...of));
  return { counts, fs: new HostedFileSystem(host, path, options) };
}

Deno.test({
  name:
    "local: an access list is asked for once, as long as its file is not changed",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const path = box.path;
    Deno.writeTextFileSync(`${path}/file`, "");
    setList(`${path}/file`, [6, 6, 4, 6, 0]);
    let now = Date.now();
    const { counts, fs } = counting(path, { now: () => now });
    try {
      const node = (await fs.lookup(fs.root(), "file"))!;
      for (let i = 0; i < 2; i++) await may(fs, node, NAMED);
      assertEquals(counts.asked, 2);
      now += 60_000;
      for (let i = 0; i < 3; i++) assertEquals(await may(fs, node, NAMED), 6);
      assertEquals(counts.asked, 3);
      // The host's clock moves on.
      await new Promise((go) => setTimeout(go, 20));
      setList(`${path}/file`, [6, 2, 4, 6, 0]);
      for (let i = 0; i < 3; i++) assertEquals(await may(fs, node, NAMED), 2);
      assertEquals(counts.asked, 4);
    } finally {
      await fs.dispose();
    }
  },
});

Deno.test({
  name:
    "local: of a folder that clients change the access list is asked for once a second",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { path } = box;
    setList(path, [7, 7, 4, 7, 0]);
    let now = 0;
    const { counts, fs } = counting(path, { clock: toldClock(() => now) });
    try {
      const change = async (times: number) => {
        for (let i = 0; i < times; i++) {
          assertEquals(await may(fs, fs.root(), NAMED), 7);
          await fs.create(fs.root(), "a", { type: "file" }, { attributes });
          await fs.remove(fs.root(), "a");
        }
      };
      await change(10);
      assertEquals(counts.asked, 1);
      // What the host changes is seen at once where its clock has moved on.
      await new Promise((go) => setTimeout(go, 20));
      setList(path, [7, 5, 4, 7, 0]);
      assertEquals(await may(fs, fs.root(), NAMED), 5);
      setList(path, [7, 7, 4, 7, 0]);
      await change(10);
      assertEquals(counts.asked, 3);
      now += 1000;
      await change(10);
      assertEquals(counts.asked, 4);
    } finally {
      await fs.dispose();
    }
  },
});

Deno.test({
  name: "local: what a folder's list keeps from new files they don't get",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    const make = async (
      name: string,
      type: "file" | "directory",
      mode: number,
    ) => {
      const how = { attributes: { ...attributes, mode } };
      const { node } = await fs.create(fs.root(), name, { type }, how);
      return (await fs.getattr(node)).mode;
    };
    assertEquals(await make("a", "file", 0o666), 0o666);
    setList(path, [7, 7, 5, 7, 0], "default");
    assertEquals(await make("b", "file", 0o644), 0o640);
    assertEquals(await make("c", "directory", 0o2755), 0o2750);
    assertEquals(await make("d", "directory", 0o077), 0o070);
    assertEquals(await make("e", "file", 0o660), 0o660);
    const file = (await fs.lookup(fs.root(), "b"))!;
    assertEquals(await may(fs, file, NAMED), 4);
    await fs.setattr(file, { mode: 0o604 });
    assertEquals((await fs.getattr(file)).mode, 0o604);
  },
});

Deno.test({
  name:
    "local: a umask holds but in a folder with a list for new files (RFC 8275 5)",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    assertEquals(fs.limits.defaultLists, true);
    const make = async (name: string, type: "file" | "directory") => {
      const how = { attributes: { ...attributes, mode: 0o777 }, umask: 0o027 };
      const { node } = await fs.create(fs.root(), name, { type }, how);
      return (await fs.getattr(node)).mode;
    };
    assertEquals(await make("a", "file"), 0o750);
    assertEquals(await make("b", "directory"), 0o750);
    // One that is for the folder alone says nothing of what is made in it.
    setList(path, [7, 7, 7, 7, 7]);
    assertEquals(await make("c", "file"), 0o750);
    setList(path, [7, 7, 5, 7, 1], "default");
    assertEquals(await make("d", "file"), 0o771);
    assertEquals(await make("e", "directory"), 0o771);
  },
});

const who = (who: AceWho, mask: number, more: Partial<Ace> = {}): Ace => (
  { type: "allow", flags: 0, mask, who, id: 0, ...more }
);
const NAMES_USER = { who: "user", id: NAMED } as const;
const { READ_DATA, WRITE_DATA, APPEND_DATA } = AceMask;

Deno.test({
  name:
    "local: a list that a client sets is the host's, with its mode, and shown again",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    assertEquals(fs.limits.accessLists, true);
    Deno.writeTextFileSync(`${path}/file`, "");
    const file = (await fs.lookup(fs.root(), "file"))!;
    const acl = [
      who("user", READ_DATA | WRITE_DATA | APPEND_DATA, NAMES_USER),
      who("owner@", READ_DATA | WRITE_DATA | APPEND_DATA),
      who("group@", READ_DATA),
    ];
    await fs.setattr(file, { acl, mode: 0o4600 });
    const { mode, gid } = await fs.getattr(file);
    assertEquals(mode, 0o4660);
    assertEquals(await may(fs, file, NAMED), 6);
    assertEquals(await may(fs, file, OTHER, gid), 4);
    assertEquals(await may(fs, file, OTHER), 0);
    const shown = shownAces(await fs.getattr(file));
    const named = shown.filter(({ id }) => id === NAMED);
    assertEquals(named.map(({ type, mask }) => [type, mask & 7]), [
      ["allow", 7],
    ]);
    // As setfacl sets one, and none again.
    setList(`${path}/file`, [6, 4, 4, 6, 0]);
    const again = shownAces(await fs.getattr(file));
    assertEquals(again.find(({ id }) => id === NAMED)!.mask & 7, 1);
    await fs.setattr(file, { acl: acesOfMode(0o640, "file") });
    assertEquals((await fs.getattr(file)).mode, 0o4640);
    assertEquals(await may(fs, file, NAMED), 0);
    assertEquals(
      shownAces(await fs.getattr(file)),
      acesOfMode(0o640, "file"),
    );
  },
});

Deno.test({
  name: "local: with a list a client may set setuid and a size at once",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs } = box;
    const file = await fileIn(box);
    const acl = [who("owner@", READ_DATA), who("user", READ_DATA, NAMES_USER)];
    await fs.setattr(file, { acl, mode: 0o4777, size: 3 });
    const { mode, size } = await fs.getattr(file);
    assertEquals([mode, size], [0o4440, 3]);
    assertEquals(await may(fs, file, NAMED), 4);
    assertEquals(await may(fs, file, OTHER), 0);
  },
});

Deno.test({
  name:
    "local: a list that the host does not ask for is not shown, as its mode leaves the group nothing",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    const file = await fileIn(box);
    setList(`${path}/file`, [6, 0, 4, 6, 4]);
    assertEquals(await may(fs, file, NAMED), 0);
    await fs.setattr(file, { mode: 0o604 });
    assertEquals(await may(fs, file, NAMED), 4);
    assertEquals(
      shownAces(await fs.getattr(file)),
      acesOfMode(0o604, "file"),
    );
  },
});

Deno.test({
  name:
    "local: what a folder hands on is the host's list for new files, and what is made has a list of its own",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { fs, path } = box;
    const flags = 3;
    const acl = [
      who("owner@", 0x1f01ff, { flags }),
      who("user", READ_DATA, { ...NAMES_USER, flags }),
    ];
    const made = { attributes: { ...attributes, mode: 0o700, acl } };
    const { node } = await fs.create(
      fs.root(),
      "folder",
      { type: "directory" },
      made,
    );
    assertEquals(await may(fs, node, NAMED), 4);
    const shown = shownAces(await fs.getattr(node));
    const handedOn = shown.filter(({ flags }) => flags === 0xb);
    assertEquals(handedOn.some(({ id }) => id === NAMED), true);
    Deno.writeTextFileSync(`${path}/folder/new`, "");
    const file = (await fs.lookup(node, "new"))!;
    assertEquals(await may(fs, file, NAMED), 4);
    const own = { ...attributes, acl: acesOfMode(0o600, "file") };
    const kind = { type: "file" } as const;
    const other = await fs.create(node, "own", kind, { attributes: own });
    assertEquals(await may(fs, other.node, NAMED), 0);
    await fs.setattr(node, { acl: acesOfMode(0o755, "directory") });
    assertEquals(
      shownAces(await fs.getattr(node)),
      acesOfMode(0o755, "directory"),
    );
  },
});

Deno.test({
  name:
    "local: of long access lists so much is kept, and the rest asked for again",
  ignore,
  async fn() {
    await using box = new Sandbox();
    const { path } = box;
    const entries = 5000;
    const list = {
      ...{ owner: 6, group: 4, mask: 7, other: 4, groups: new Map() },
      users: new Map(Array.from({ length: entries }, (_, i) => [i, 4])),
    };
    const now = () => Date.now() + 60_000;
    const { counts, fs } = counting(path, { now }, list);
    try {
      const most = Math.floor(MOST_ENTRIES / entries);
      const nodes: LocalNode[] = [];
      for (let i = 0; i <= most; i++) {
        Deno.writeTextFileSync(`${path}/${i}`, "");
        nodes.push((await fs.lookup(fs.root(), `${i}`))!);
      }
      for (const node of nodes) assertEquals(await may(fs, node, OTHER), 4);
      assertEquals(counts.asked, most + 1);
      assertEquals(await may(fs, nodes.at(-1)!, OTHER), 4);
      assertEquals(counts.asked, most + 1);
      assertEquals(nodes.filter(({ list }) => list !== undefined).length, most);
      assertEquals(await may(fs, nodes[0]!, OTHER), 4);
      assertEquals(counts.asked, most + 2);
    } finally {
      await fs.dispose();
    }
  },
});
