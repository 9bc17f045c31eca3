import { assertEquals } from "@std/assert";
import {
  type AccessList,
  accessListHolder,
} from "../../src/vfs/access_list.ts";
import type { Ace } from "../../src/vfs/acl.ts";
import { acesOfMode } from "../../src/vfs/acl_mode.ts";
import type { Caller } from "../../src/vfs/callers.ts";
import type {
  AttributeChanges,
  FileAttributes,
} from "../../src/vfs/file_system.ts";
import {
  completeChanges,
  permissionsOf,
  permits,
  refuseChanges,
  refuseLink,
  refuseRemoval,
} from "../../src/vfs/permissions.ts";
import {
  type HasSharing,
  type Shared,
  shareOut,
  sharing,
} from "../../src/vfs/sharing.ts";
import { rightsOf } from "../../src/vfs/wanted.ts";

const time = { seconds: 0, nanoseconds: 0 };

function node(
  mode: number,
  type: FileAttributes["type"] = "file",
): FileAttributes {
  return {
    type,
    mode,
    uid: 5,
    gid: 6,
    nlink: 1,
    size: 0,
    used: 0,
    fileid: 1,
    change: 1,
    atime: time,
    mtime: time,
    ctime: time,
  };
}

const who = (uid: number, gid: number, ...gids: number[]): Caller => (
  { uid, gid, gids }
);

Deno.test("one third of the mode counts: owner, else group, else others", () => {
  const file = node(0o124);
  assertEquals(permissionsOf(file, who(5, 6)), 1);
  assertEquals(permissionsOf(file, who(9, 6)), 2);
  assertEquals(permissionsOf(file, who(9, 9, 1, 2, 6)), 2);
  assertEquals(permissionsOf(file, who(9, 9)), 4);
});

Deno.test("setuid, setgid and sticky are no permissions", () => {
  assertEquals(permissionsOf(node(0o7000), who(5, 6)), 0);
});

Deno.test("root may everything but run what nobody may run", () => {
  assertEquals(permissionsOf(node(0o666), who(0, 0)), 6);
  assertEquals(permissionsOf(node(0o010), who(0, 0)), 7);
  assertEquals(permissionsOf(node(0, "directory"), who(0, 0)), 7);
});

Deno.test("another's file gets a further name from who may read and write it, no program of its rights", () => {
  const other = who(9, 9);
  assertEquals(refuseLink(node(0o666), other), undefined);
  assertEquals(refuseLink(node(0o660), who(9, 6)), undefined);
  // Without group execute setgid is no privilege.
  assertEquals(refuseLink(node(0o2666), other), undefined);
  for (const mode of [0o644, 0o622, 0o600, 0o4666, 0o2676]) {
    assertEquals(refuseLink(node(mode), other), "permission");
    assertEquals(refuseLink(node(mode), who(5, 9)), undefined);
    assertEquals(refuseLink(node(mode), who(0, 0)), undefined);
  }
  for (const type of ["symlink", "fifo", "socket", "block-device"] as const) {
    assertEquals(refuseLink(node(0o777, type), other), "permission");
    assertEquals(refuseLink(node(0o777, type), who(5, 9)), undefined);
  }
});

Deno.test("an entry of a sticky folder goes with its owner, the folder's, or root", () => {
  const folder = { ...node(0o1777, "directory"), uid: 1 };
  const child = node(0o644);
  assertEquals(refuseRemoval(folder, child, who(9, 9)), "permission");
  for (const uid of [0, 1, 5]) {
    assertEquals(refuseRemoval(folder, child, who(uid, 9)), undefined);
  }
  const open = node(0o777, "directory");
  assertEquals(refuseRemoval(open, child, who(9, 9)), undefined);
  assertEquals(
    refuseRemoval(node(0o776, "directory"), child, who(9, 9)),
    "access",
  );
});

Deno.test("a time that is not now is the owner's to set, and root's", () => {
  for (
    const changes of [{ atime: time }, { mtime: time }, { birthtime: time }]
  ) {
    const refusal = (uid: number) =>
      refuseChanges(node(0o666), who(uid, 9), changes);
    assertEquals([9, 5, 0].map(refusal), ["permission", undefined, undefined]);
  }
});

Deno.test("changes that take nothing away stay the same object", () => {
  const changes = { uid: 9 };
  assertEquals(completeChanges(node(0o644), who(0, 0), changes), changes);
});

Deno.test("setgid without group execute is kept by chown: it was never a privilege", () => {
  const complete = completeChanges(node(0o6644), who(0, 0), { uid: 9 });
  assertEquals(complete, { uid: 9, mode: 0o2644 });
});

Deno.test("a mode that comes with a new owner loses its privileges too", () => {
  const complete = completeChanges(node(0o644), who(0, 0), {
    uid: 9,
    mode: 0o4755,
  });
  assertEquals(complete, { uid: 9, mode: 0o755 });
});

const LIST: AccessList = {
  owner: 7,
  users: new Map([[1001, 7], [1002, 0]]),
  group: 4,
  groups: new Map([[200, 2], [201, 1]]),
  mask: 6,
  other: 1,
};

/** A file of user 1 and group 100 with the list; what is asked of it is counted. */
function listed(mode: number, list?: AccessList) {
  let asked = 0;
  const accessList = () => (asked++, list);
  const attributes = {
    type: "file" as const,
    mode,
    uid: 1,
    gid: 100,
    [accessListHolder]: { accessList },
  };
  return { attributes: rightsOf(attributes), asked: () => asked };
}

function caller(uid: number, gid = 9, ...gids: number[]) {
  return { uid, gid, gids };
}

Deno.test("an access list says what users and groups may, as acl(5) has it", () => {
  const { attributes } = listed(0o761, LIST);
  const expected = [
    // Named: within the mask, and whatever the groups may.
    [caller(1001), 6],
    [caller(1002, 100, 200), 0],
    // The owning group is no more than its own entry, for the mode has the mask.
    [caller(5, 100), 4],
    [caller(5, 9, 200), 2],
    [caller(5, 201), 0],
    [caller(5, 100, 200), 6],
    [caller(5), 1],
    [caller(1), 7],
    [caller(0), 7],
  ] as const;
  for (const [caller, bits] of expected) {
    assertEquals(permissionsOf(attributes, caller), bits, String(caller.uid));
  }
});

Deno.test("one entry of an access list has to give all that is wanted at once", () => {
  const { attributes } = listed(0o761, LIST);
  const both = caller(5, 100, 200);
  assertEquals([4, 2, 6].map((bits) => permits(attributes, both, bits)), [
    true,
    true,
    false,
  ]);
  assertEquals(permits(attributes, caller(1001), 6), true);
});

Deno.test("an access list is asked for only where it could say something", () => {
  const open = listed(0o777, LIST);
  permissionsOf(open.attributes, caller(0));
  permits(open.attributes, caller(1), 7);
  assertEquals(open.asked(), 0);
  permits(open.attributes, caller(2), 7);
  assertEquals(open.asked(), 1);
  const closed = listed(0o700, LIST);
  assertEquals(permissionsOf(closed.attributes, caller(1001)), 0);
  assertEquals(closed.asked(), 0);
});

Deno.test("an access list whose mask is 000 says nothing: the mode does, as with Linux", () => {
  const { attributes, asked } = listed(0o704, { ...LIST, mask: 0, other: 4 });
  const callers = [caller(1001), caller(5, 100), caller(5, 200), caller(5)];
  const given = callers.map((each) => permissionsOf(attributes, each));
  assertEquals(given, [4, 0, 4, 4]);
  assertEquals(asked(), 0);
});

Deno.test("where there is no access list the mode says it all", () => {
  const { attributes } = listed(0o750);
  assertEquals(permissionsOf(attributes, caller(1001)), 0);
  assertEquals(permissionsOf(attributes, caller(5, 100)), 5);
});

Deno.test("a list that is set takes setuid and setgid away as a mode does: from who is not the owner, or no member of the group", () => {
  const acl: readonly Ace[] = acesOfMode(0o755, "file");
  const hosts = { ...listed(0o6755).attributes, uid: 5, gid: 6 };
  for (const file of [node(0o6755), hosts]) {
    const modeOf = (caller: Caller, changes: AttributeChanges) =>
      completeChanges(file, caller, changes).mode ?? file.mode;
    for (const changes of [{ acl }, { mode: 0o6755 }, { acl, mode: 0o6755 }]) {
      assertEquals(modeOf(who(5, 9), changes), 0o4755);
      assertEquals(modeOf(who(5, 6), changes), 0o6755);
      assertEquals(modeOf(who(7, 6), changes), 0o755);
      assertEquals(modeOf(who(0, 0), changes), 0o6755);
    }
    const given = { acl, gid: 9 };
    assertEquals(modeOf({ ...who(5, 9), gids: [6] }, given), 0o755);
  }
});

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
