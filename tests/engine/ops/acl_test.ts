/** Access lists as clients set, read and meet them. */

import { assertEquals } from "@std/assert";
import { memory } from "../../../src/backends/memory/mod.ts";
import { Access } from "../../../src/nfs4/constants.ts";
import { AceMask } from "../../../src/vfs/acl.ts";
import {
  type Ace,
  anonymousStateid,
  type Attributes,
  CreateMode,
  FileType,
  op,
  type Request,
  walk,
} from "../../support/client/mod.ts";
import { type StateClient, StateFixture } from "../state_fixture.ts";

const [ALLOW, DENY, AUDIT] = [0, 1, 2];
const [FILE_INHERIT, DIRECTORY_INHERIT, INHERIT_ONLY] = [1, 2, 8];
const [IDENTIFIER_GROUP, INHERITED, SUCCESSFUL] = [0x40, 0x80, 0x10];
const { READ_DATA, WRITE_DATA, APPEND_DATA, EXECUTE } = AceMask;
const { DELETE_CHILD, READ_ATTRIBUTES, READ_ACL } = AceMask;
const WRITE = WRITE_DATA | APPEND_DATA;
const OWNER = 5;

function ace(type: number, who: string, mask: number, flag = 0): Ace {
  return { type, flag, mask, who };
}

/** A server whose files are of user 5, and clients of it that are other users as well. */
class Lists {
  readonly client: StateClient;

  private constructor(client: StateClient) {
    this.client = client;
  }

  static async start(minor: 0 | 1 | 2, options = {}): Promise<Lists> {
    const fs = memory({ file: "x", folder: { inner: "y" } }, {
      uid: OWNER,
      gid: OWNER,
    });
    const fixture = new StateFixture({ fs, ...options });
    return new Lists(await fixture.client(minor, { uid: OWNER }));
  }

  /** The status of requests as a user. */
  status(uid: number, ...requests: Request[]): Promise<string> {
    this.client.uid = uid;
    return this.client.status(...requests);
  }

  set(path: string, attributes: Attributes, uid = OWNER): Promise<string> {
    return this.status(uid, ...walk(path.split("/")), op.setattr(attributes));
  }

  async of(path: string): Promise<Attributes> {
    const got = op.getattr(["acl", "mode"]);
    const at = walk(path.split("/"));
    this.client.uid = OWNER;
    return (await this.client.ok("GETATTR", ...at, got)).attributes;
  }

  async access(uid: number, path: string): Promise<number> {
    this.client.uid = uid;
    const asked = op.access(0x3f);
    const at = walk(path.split("/"));
    return (await this.client.ok("ACCESS", ...at, asked)).access;
  }
}

for (const minor of [0, 1, 2] as const) {
  const test = (
    name: string,
    body: (lists: Lists) => Promise<void>,
    options = {},
  ) =>
    Deno.test(`NFSv4.${minor}: ${name}`, async () => {
      await body(await Lists.start(minor, options));
    });

  test("a list is read as it was set, and its mode with it; numbers are users, with their flag groups", async (lists) => {
    const acl = [
      ace(DENY, "7", WRITE),
      ace(ALLOW, "OWNER@", READ_DATA | WRITE),
      ace(ALLOW, "8", EXECUTE, IDENTIFIER_GROUP),
      ace(ALLOW, "GROUP@", READ_DATA),
      ace(ALLOW, "EVERYONE@", 0),
    ];
    assertEquals(await lists.set("file", { acl }), "OK");
    assertEquals(await lists.of("file"), { acl, mode: 0o640 });
    const folders = acl.map((ace) => ({ ...ace, flag: ace.flag | 3 }));
    assertEquals(await lists.set("folder", { acl: folders }), "OK");
    assertEquals((await lists.of("folder")).acl, folders);
    // What has no meaning here is not shown either (RFC 8881 6.2.1.4.1).
    const odd = [ace(ALLOW, "GROUP@", 1, IDENTIFIER_GROUP | INHERITED)];
    assertEquals(await lists.set("file", { acl: odd }), "OK");
    assertEquals((await lists.of("file")).acl, [ace(ALLOW, "GROUP@", 1)]);
  });

  test("the list that modes have made of one can be set again, however long it was", async (lists) => {
    const users = (count: number, flag: number) =>
      Array.from(
        { length: count },
        (_, i) => ace(ALLOW, `${10 + i}`, READ_ATTRIBUTES | 0x27, flag),
      );
    const handedOn = FILE_INHERIT | DIRECTORY_INHERIT;
    // Each apart for the folder and for what is in it, and a denial: also where it is only handed on.
    for (const flag of [handedOn, handedOn | INHERIT_ONLY]) {
      const [most, beyond] = [users(331, flag), users(332, flag)];
      assertEquals(await lists.set("folder", { acl: beyond }), "INVAL");
      assertEquals(await lists.set("folder", { acl: most }), "OK");
    }
    const forFiles = users(498, FILE_INHERIT | INHERIT_ONLY);
    assertEquals(await lists.set("folder", { acl: forFiles }), "INVAL");
    assertEquals(await lists.set("file", { acl: users(498, 0) }), "INVAL");
    const all = users(331, handedOn);
    assertEquals(await lists.set("folder", { acl: all }), "OK");
    for (const mode of [0o604, 0o602, 0o601, 0o777, 0o617]) {
      assertEquals(await lists.set("folder", { mode }), "OK");
      const { acl = [] } = await lists.of("folder");
      assertEquals(await lists.set("folder", { acl }), "OK");
    }
    // Each user once for the folder, once for what is in it, and once denied.
    const { acl = [] } = await lists.of("folder");
    const count = acl.filter(({ who }) => Number(who) >= 10).length;
    assertEquals(count, 3 * all.length);
  });

  test("a file without a list shows what its mode says", async (lists) => {
    assertEquals(await lists.set("file", { mode: 0o640 }), "OK");
    const shown = (await lists.of("file")).acl!;
    assertEquals(shown.map(({ type, who }) => [type, who]), [
      [ALLOW, "OWNER@"],
      [ALLOW, "GROUP@"],
      [ALLOW, "EVERYONE@"],
    ]);
    const [owner, group, other] = shown.map(({ mask }) => mask & 0x27);
    assertEquals([owner, group, other], [READ_DATA | WRITE, READ_DATA, 0]);
    assertEquals(await lists.set("file", { acl: shown }), "OK");
    assertEquals(await lists.of("file"), { acl: shown, mode: 0o640 });
    const support = await lists.client.ok(
      "GETATTR",
      op.putrootfh(),
      op.getattr(["aclsupport", "supported_attrs"]),
    );
    assertEquals(support.attributes.aclsupport, 3);
    assertEquals(support.attributes.supported_attrs!.includes(12), true);
  });

  test("what is not offered is ATTRNOTSUPP, whom no number names BADOWNER, and too much INVAL", async (lists) => {
    const before = await lists.of("file");
    const cases: [Ace[], string][] = [
      [[ace(AUDIT, "OWNER@", 1)], "ATTRNOTSUPP"],
      [[ace(ALLOW, "OWNER@", 1, SUCCESSFUL)], "ATTRNOTSUPP"],
      [[ace(ALLOW, "OWNER@", 0x1000)], "ATTRNOTSUPP"],
      [[ace(ALLOW, "OWNER@", 1, INHERIT_ONLY)], "ATTRNOTSUPP"],
      // A file hands nothing on.
      [[ace(ALLOW, "OWNER@", 1, FILE_INHERIT)], "ATTRNOTSUPP"],
      // These are told to all, whatever a list says (RFC 8881 6.2.1).
      [[ace(DENY, "7", READ_ATTRIBUTES)], "ATTRNOTSUPP"],
      [[ace(DENY, "7", READ_ACL)], "ATTRNOTSUPP"],
      [[ace(ALLOW, "INTERACTIVE@", 1)], "BADOWNER"],
      [[ace(ALLOW, "bob@example.org", 1)], "BADOWNER"],
      [[ace(ALLOW, "007", 1)], "BADOWNER"],
      [[ace(ALLOW, "", 1)], "INVAL"],
      [Array(1001).fill(ace(ALLOW, "7", 1)), "INVAL"],
      // A mode may make six more of it.
      [Array(995).fill(ace(ALLOW, "7", 1)), "INVAL"],
      [Array(994).fill(ace(ALLOW, "7", 1)), "OK"],
    ];
    for (const [acl, status] of cases) {
      const what = JSON.stringify(acl[0]);
      assertEquals(await lists.of("file"), before, what);
      assertEquals(await lists.set("file", { acl }), status, what);
    }
    const type = FileType.DIR;
    const attributes = { acl: cases[0]![0] };
    const made = op.create({ type, name: "new", attributes });
    const answer = await lists.status(OWNER, op.putrootfh(), made);
    assertEquals(answer, "ATTRNOTSUPP");
  });

  test("the owner alone sets a list, but for whom it lets", async (lists) => {
    const acl = [ace(ALLOW, "7", AceMask.WRITE_ACL)];
    assertEquals(await lists.set("file", { acl }, 7), "PERM");
    assertEquals(await lists.set("file", { acl }), "OK");
    assertEquals(await lists.set("file", { mode: 0o600 }, 8), "PERM");
    assertEquals(await lists.set("file", { acl }, 7), "OK");
    assertEquals(await lists.set("file", { mode: 0o604 }, 7), "OK");
    assertEquals((await lists.of("file")).mode, 0o604);
  });

  test("ACCESS, OPEN and READ go by the list, for the owner as well", async (lists) => {
    const acl = [
      ace(DENY, "7", WRITE),
      ace(ALLOW, "7", READ_DATA | WRITE),
      ace(ALLOW, "8", READ_DATA | WRITE),
      ace(ALLOW, "OWNER@", EXECUTE),
    ];
    assertEquals(await lists.set("file", { acl }), "OK");
    const all = Access.READ | Access.MODIFY | Access.EXTEND;
    assertEquals(await lists.access(7, "file"), Access.READ);
    assertEquals(await lists.access(8, "file"), all);
    assertEquals(await lists.access(9, "file"), 0);
    assertEquals(await lists.access(OWNER, "file"), Access.EXECUTE);
    const { client } = lists;
    for (
      const [uid, access, expected] of [
        [7, 1, "OK"],
        [7, 2, "ACCESS"],
        [8, 3, "OK"],
        [9, 1, "ACCESS"],
        [OWNER, 2, "ACCESS"],
      ] as const
    ) {
      client.uid = uid;
      const owner = `${uid} ${access}`;
      assertEquals(
        await client.openStatus("file", { access, owner }),
        expected,
      );
    }
    const read = op.read({ stateid: anonymousStateid });
    assertEquals(await lists.status(7, ...walk(["file"]), read), "OK");
    assertEquals(await lists.status(9, ...walk(["file"]), read), "ACCESS");
  });

  test("files and folders are added and removed by a right each", async (lists) => {
    const at = walk(["folder"]);
    const mkdir = (name: string) =>
      op.create({ type: FileType.DIR, name, attributes: { mode: 0o755 } });
    const mkfifo = (name: string) =>
      op.create({ type: FileType.FIFO, name, attributes: { mode: 0o644 } });
    const acl = [
      ace(ALLOW, "7", EXECUTE | WRITE_DATA),
      ace(DENY, "7", DELETE_CHILD),
      ace(ALLOW, "8", EXECUTE | APPEND_DATA | DELETE_CHILD),
      ace(ALLOW, "9", EXECUTE | WRITE_DATA),
    ];
    assertEquals(await lists.set("folder", { acl }), "OK");
    const { LOOKUP, EXTEND, DELETE, MODIFY } = Access;
    assertEquals(await lists.access(7, "folder"), LOOKUP | EXTEND);
    assertEquals(await lists.access(8, "folder"), LOOKUP | EXTEND | DELETE);
    const adds = LOOKUP | EXTEND | DELETE | MODIFY;
    assertEquals(await lists.access(9, "folder"), adds);
    for (
      const [uid, request, expected] of [
        [7, mkfifo("a"), "OK"],
        [7, mkdir("b"), "ACCESS"],
        [8, mkfifo("b"), "ACCESS"],
        [8, mkdir("b"), "OK"],
        [7, op.remove("a"), "ACCESS"],
        [8, op.remove("a"), "OK"],
        // Nothing is said of that: who may add may remove (6.2.1.3.2).
        [9, op.remove("inner"), "OK"],
      ] as const
    ) {
      assertEquals(await lists.status(uid, ...at, request), expected);
    }
    const move = [...at, op.savefh(), op.putrootfh(), op.savefh()];
    const rename = (from: string, to: string) =>
      op.rename(from, `${to}${from}`);
    assertEquals(
      await lists.status(7, ...move, ...at, rename("file", "x")),
      "ACCESS",
    );
  });

  test("what is made gets what the folder hands on, and the mode that it asks for", async (lists) => {
    const acl = [
      ace(ALLOW, "OWNER@", READ_DATA | WRITE | EXECUTE | DELETE_CHILD),
      ace(ALLOW, "7", READ_DATA | WRITE | EXECUTE, FILE_INHERIT),
      ace(ALLOW, "8", READ_DATA, DIRECTORY_INHERIT),
    ];
    assertEquals(await lists.set("folder", { acl }), "OK");
    const create = {
      mode: CreateMode.UNCHECKED,
      attributes: { mode: 0o660 },
    } as const;
    const open = lists.client.openOp("made", { create });
    assertEquals(await lists.status(OWNER, ...walk(["folder"]), open), "OK");
    const made = await lists.of("folder/made");
    assertEquals(made.mode, 0o660);
    assertEquals(made.acl!.filter(({ who }) => who === "7"), [
      ace(ALLOW, "7", READ_DATA | WRITE),
    ]);
    const attributes = { mode: 0o755 };
    const mkdir = op.create({ type: FileType.DIR, name: "sub", attributes });
    assertEquals(await lists.status(OWNER, ...walk(["folder"]), mkdir), "OK");
    const sub = await lists.of("folder/sub");
    assertEquals(sub.mode, 0o755);
    assertEquals(sub.acl!.filter(({ who }) => Number(who)), [
      ace(ALLOW, "7", READ_DATA | WRITE | EXECUTE, FILE_INHERIT | INHERIT_ONLY),
      ace(ALLOW, "8", READ_DATA),
      ace(ALLOW, "8", READ_DATA, DIRECTORY_INHERIT | INHERIT_ONLY),
    ]);
    // With a list of its own it has that one, as it is.
    const own = [ace(ALLOW, "9", READ_DATA)];
    const listed = op.create({
      type: FileType.DIR,
      name: "own",
      attributes: { acl: own },
    });
    assertEquals(await lists.status(OWNER, ...walk(["folder"]), listed), "OK");
    assertEquals(await lists.of("folder/own"), { acl: own, mode: 0 });
  });
}

Deno.test("bits that a mask leaves alone leave the list alone (RFC 8881 6.4.1.1)", async () => {
  const lists = await Lists.start(1);
  const acl = [ace(ALLOW, "7", READ_DATA | WRITE)];
  assertEquals(await lists.set("folder", { acl }), "OK");
  const sticky = { value: 0o1000, mask: 0o1000 };
  assertEquals(await lists.set("folder", { mode_set_masked: sticky }), "OK");
  assertEquals(await lists.of("folder"), { acl, mode: 0o1000 });
  const readable = { value: 0o400, mask: 0o400 };
  assertEquals(await lists.set("folder", { mode_set_masked: readable }), "OK");
  assertEquals(await lists.of("folder"), {
    acl: [ace(ALLOW, "OWNER@", READ_DATA)],
    mode: 0o1400,
  });
});

Deno.test("a umask is no limit for whom the folder's list names (RFC 8275 5)", async () => {
  const lists = await Lists.start(2);
  const acl = [
    ace(ALLOW, "OWNER@", READ_DATA | WRITE | EXECUTE),
    ace(ALLOW, "7", READ_DATA | WRITE, FILE_INHERIT),
    ace(ALLOW, "EVERYONE@", EXECUTE),
  ];
  assertEquals(await lists.set("folder", { acl }), "OK");
  const attributes = { mode_umask: { mode: 0o666, umask: 0o022 } };
  const create = { mode: CreateMode.GUARDED, attributes } as const;
  const open = lists.client.openOp("made", { create });
  assertEquals(await lists.status(OWNER, ...walk(["folder"]), open), "OK");
  assertEquals((await lists.of("folder/made")).mode, 0o644);
  const all = Access.READ | Access.MODIFY | Access.EXTEND;
  assertEquals(await lists.access(7, "folder/made"), all);
  assertEquals(await lists.access(9, "folder/made"), Access.READ);
});

Deno.test("dacl and sacl are not offered, and acl is not where the file system has none", async () => {
  const lists = await Lists.start(2);
  for (const name of ["dacl", "sacl"] as const) {
    const set = await lists.set("file", { [name]: { flag: 0, aces: [] } });
    assertEquals(set, "ATTRNOTSUPP");
  }
  const fs = memory({ file: "x" });
  const without = new Proxy(fs, {
    get(fs, key) {
      if (key === "limits") return { ...fs.limits, accessLists: undefined };
      const value = Reflect.get(fs, key);
      return typeof value === "function" ? value.bind(fs) : value;
    },
  });
  const client = await new StateFixture({ fs: without }).client(1);
  const set = op.setattr({ acl: [] });
  assertEquals(await client.status(...walk(["file"]), set), "ATTRNOTSUPP");
  const got = op.getattr(["acl", "aclsupport"]);
  const { attributes } = await client.ok("GETATTR", ...walk(["file"]), got);
  assertEquals(attributes, { aclsupport: 0 });
});
