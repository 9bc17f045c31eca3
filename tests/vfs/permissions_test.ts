import { assertEquals } from "@std/assert";
import type { Caller } from "../../src/vfs/callers.ts";
import type { FileAttributes } from "../../src/vfs/file_system.ts";
import {
  completeChanges,
  permissionsOf,
  refuseChanges,
  refuseLink,
  refuseRemoval,
} from "../../src/vfs/permissions.ts";

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
